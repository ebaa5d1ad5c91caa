/** What the reader of records says of damaged WAL, and where it goes on. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PAGE_BYTES } from "../../src/postgres/pages/page.ts";
import { formatPosition } from "../../src/postgres/pages/position.ts";
import { LogEncoder, START, headerOf, mainData, seal, u32 } from "./support/log-encoder.ts";
import type { WalRecord } from "../../src/postgres/records/record.ts";
import { readLog } from "./support/read.ts";
import { filled, logOf } from "./support/log-encoder.ts";

const header = headerOf(18);

describe("RecordReader, of damage", () => {
  const log = logOf(100, 9000, 50, 60, 8000, 70, 80);
  const good = log.bytes();
  const lsnOf = (index: number): string => formatPosition(log.records[index]?.lsn ?? 0);
  const at = (index: number): number => (log.records[index]?.lsn ?? 0) - START;

  /** Changes the record's bytes where they lie on one page, with a checksum that fits. */
  function forged(index: number, change: (record: Uint8Array) => void): Uint8Array {
    const bytes = new Uint8Array(good);
    const record = bytes.subarray(at(index), at(index) + (log.records[index]?.bytes.length ?? 0));
    change(record);
    seal(record);
    return bytes;
  }
  const changed = (offset: number, byte: number): Uint8Array =>
    new Uint8Array(good).with(offset, byte);

  const FAULTS: ReadonlyArray<
    readonly [story: string, bytes: Uint8Array, before: number, message: string, mayBeEnd?: true]
  > = [
    [
      "a flipped bit",
      changed(at(2) + 30, 255),
      2,
      `record at ${lsnOf(2)}: checksum does not match`,
    ],
    [
      "a flipped bit behind a page's end",
      changed(PAGE_BYTES + 40, 255),
      1,
      `record at ${lsnOf(1)}: checksum does not match`,
    ],
    [
      "a length that no record has",
      changed(at(2), 5),
      2,
      `record at ${lsnOf(2)}: length 5 is not possible`,
    ],
    [
      "a gigabyte",
      changed(at(2) + 3, 0x7f),
      2,
      `record at ${lsnOf(2)}: length ${0x7f000000 + 76} is not possible`,
    ],
    [
      "a link to another record",
      forged(3, (record) => record.set(u32(16), 8)),
      3,
      `record at ${lsnOf(3)}: previous record is 0/10, not ${lsnOf(2)}`,
    ],
    [
      "main data that is longer than the record",
      forged(2, (record) => record.set([255, 51], 24)),
      2,
      `record at ${lsnOf(2)}: lengths of its parts do not add up`,
    ],
    [
      "an id that there is not",
      forged(2, (record) => record.set([77], 24)),
      2,
      `record at ${lsnOf(2)}: lengths of its parts do not add up`,
    ],
    [
      "another magic",
      changed(PAGE_BYTES, 0x10),
      1,
      `page at ${formatPosition(START + PAGE_BYTES)}: not of this WAL (magic D110)`,
    ],
    [
      "unknown flags",
      changed(PAGE_BYTES + 2, 0x11),
      1,
      `page at ${formatPosition(START + PAGE_BYTES)}: not of this WAL (flags 0011)`,
    ],
    [
      "a later timeline",
      changed(PAGE_BYTES + 4, 2),
      1,
      `page at ${formatPosition(START + PAGE_BYTES)}: not of this WAL (timeline 2)`,
    ],
    [
      "another address",
      changed(PAGE_BYTES + 10, 0x66),
      1,
      `page at ${formatPosition(START + PAGE_BYTES)}: its address is 0/662000`,
      true,
    ],
    [
      "another rest",
      changed(PAGE_BYTES + 16, 7),
      1,
      `page at ${formatPosition(START + PAGE_BYTES)}: continues another record`,
    ],
    [
      "a page that continues nothing",
      changed(PAGE_BYTES + 2, 0),
      1,
      `page at ${formatPosition(START + PAGE_BYTES)}: does not continue the record at ${lsnOf(1)}`,
    ],
    [
      "an empty page",
      new Uint8Array(good).fill(0, PAGE_BYTES, 2 * PAGE_BYTES),
      1,
      `page at ${formatPosition(START + PAGE_BYTES)}: it is empty`,
      true,
    ],
  ];
  for (const [story, bytes, before, message, mayBeEnd] of FAULTS) {
    it(`names ${story}, gives out what was before and goes on behind it`, () => {
      for (const pages of [1, 2, 1000]) {
        const stopped = readLog(bytes, { header, pages });
        assert.equal(stopped.records.length, before);
        assert.deepEqual(stopped.faults, [message]);
        assert.equal(stopped.mayBeEnd, mayBeEnd ?? false);
        const { records, skipped } = readLog(bytes, { header, pages, keepGoing: true });
        const rest = records.slice(before);
        assert.ok(rest.length > 0, "it went on");
        const known = new Map(log.records.map((each) => [each.lsn, Buffer.from(each.bytes)]));
        for (const { lsn, bytes: own } of rest) assert.deepEqual(own, known.get(lsn));
        assert.equal(skipped[0]?.start, log.records[before]?.lsn);
        assert.equal(skipped[0]?.end, rest[0]?.lsn);
      }
    });
  }

  it("does not take old bytes for the record that it looks for behind damage", () => {
    const long = logOf(...Array.from({ length: 100 }, (_, index) => 100 + (index % 7)), 9000, 50);
    const bytes = long.bytes();
    // A record of the first page, sound in itself, at the start of the second one, whose own is damaged.
    const page = PAGE_BYTES + 24;
    const rest = new DataView(bytes.buffer).getUint32(PAGE_BYTES + 16, true);
    const target = page + Math.ceil(rest / 8) * 8;
    bytes.set(long.records[3]?.bytes ?? [], target);
    bytes[PAGE_BYTES - 50]! ^= 1;
    const { records } = readLog(bytes, { header, keepGoing: true });
    const known = new Set(long.records.map(({ lsn, bytes: own }) => `${lsn} ${own.join()}`));
    for (const { lsn, bytes: own } of records) assert.ok(known.has(`${lsn} ${own.join()}`));
    assert.ok(!records.some(({ lsn }) => lsn === START + target));
  });

  it("checks all of a logical message and keeps its prefix, not all of its content", () => {
    const [prefix, content] = [50_000, 1_200_000];
    const lengths = [...u32(prefix), ...u32(0), ...u32(content), ...u32(0)];
    const text = [...filled(prefix), ...filled(content)];
    const long = new LogEncoder(18);
    long.record({ rmgr: 21, body: mainData([...u32(5), ...u32(0), ...lengths, ...text]) });
    long.record({ body: mainData([1]) });
    const bytes = long.bytes();
    const kept: Buffer[] = [];
    const record: (record: WalRecord) => void = (each) => kept.push(Buffer.from(each.bytes));
    assert.equal(readLog(bytes, { header, record }).records.length, 2);
    const message = kept[0]!;
    assert.ok(message.length < 1_150_000, String(message.length));
    const own = long.records[0]!.bytes;
    assert.ok(message.equals(own.subarray(0, message.length)));
    assert.ok(message.length > 24 + 5 + 24 + prefix);
    bytes[1_220_000]! ^= 1;
    const { faults } = readLog(bytes, { header });
    assert.match(faults[0] ?? "", /checksum does not match/);
  });
});
