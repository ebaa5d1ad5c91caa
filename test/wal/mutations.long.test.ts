/** Damaged WAL: a record that is right, or a named fault; never a crash, a hang, or memory that a length promises. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeRecord } from "../../src/render/wal/detail/describe.ts";
import { ShortPayload } from "../../src/postgres/records/payload.ts";
import { LoggedNames } from "../../src/wal/logged-names.ts";
import { PAGE_BYTES } from "../../src/postgres/pages/page.ts";
import type { WalRecord } from "../../src/postgres/records/record.ts";
import { WalStatistics } from "../../src/wal/statistics.ts";
import { recordTime } from "../../src/wal/times.ts";
import { FieldList } from "../../src/render/wal/field-list.ts";
import { RecordLines } from "../../src/render/wal/ndjson.ts";
import { seededRandom } from "../support/tools/random.ts";
import { LogEncoder, START, headerOf, mainData, seal, u16, u32 } from "./support/log-encoder.ts";
import { type Reading, readLog } from "./support/read.ts";

const header = headerOf(18);
const VERSIONS = [14, 15, 18] as const;
const LENGTHS = [
  0,
  1,
  2,
  5,
  23,
  24,
  25,
  26,
  255,
  256,
  8152,
  8192,
  65_535,
  1 << 20,
  1 << 30,
  0x7fff_ffff,
  0x8000_0000,
  0xffff_ffff,
];

/** Records of each rmgr, with blocks, images and data, on four pages. */
function mixedLog(): LogEncoder {
  const log = new LogEncoder(18);
  const locator = [...u32(1663), ...u32(5), ...u32(1259)];
  const filled = (length: number): number[] => Array.from({ length }, (_, at) => (at * 7) & 0xff);
  for (let round = 0; log.position < START + 3.5 * PAGE_BYTES; round++) {
    const rmgr = round % 22;
    const info = ((round * 5) % 16) << 4;
    const image = [0, 0x30, ...u16(9), ...u16(200), ...u16(40), 0x03, ...locator, ...u32(round)];
    const second = [1, 0xa0, ...u16(3), ...u32(8)];
    const data = [...filled(200), ...filled(9), ...filled(3), ...filled(40)];
    log.record({ rmgr, info, body: [...image, ...second, 255, 40, ...data] });
    log.record({ rmgr: (rmgr + 11) % 22, info, body: mainData(filled(20 + round * 3)) });
  }
  log.record({ body: mainData(filled(9000)) });
  return log;
}

/** Looks at all that a record has. */
function lookAt(record: WalRecord): void {
  for (const version of VERSIONS) {
    try {
      describeRecord(record, version, new FieldList());
      recordTime(record, version);
    } catch (error) {
      assert.ok(error instanceof ShortPayload, String(error));
    }
  }
  record.mainData();
  for (const block of record.blocks.slice(0, record.blockCount)) {
    assert.equal(record.blockImage(block).length, block.imageBytes);
    assert.equal(record.blockData(block).length, block.dataBytes);
  }
}

/** All that prints or counts. */
function consumers(): (record: WalRecord) => void {
  const names = new LoggedNames();
  const lines = new RecordLines(names);
  const statistics = new WalStatistics();
  return (record) => {
    names.observe(record, 18);
    lines.record(record, 18);
    statistics.add(record, 18);
    JSON.parse(Buffer.from(lines.take()).toString());
    lookAt(record);
  };
}

describe("mutations of WAL", () => {
  const log = mixedLog();
  const good = log.bytes();
  const known = new Map(log.records.map(({ lsn, bytes }) => [lsn, Buffer.from(bytes)]));
  const read = (bytes: Uint8Array, keepGoing = true): Reading =>
    readLog(bytes, { header, keepGoing, pages: 2 });

  function expectTruth(reading: Reading, what: string): void {
    let last = 0;
    for (const { lsn, bytes } of reading.records) {
      assert.ok(lsn > last, what);
      assert.ok(known.get(lsn)?.equals(bytes), `${what}: a record that was never written`);
      last = lsn;
    }
    const missing = known.size - reading.records.length;
    if (missing > 0) assert.ok(reading.faults.length > 0, `${what}: ${missing} missing, unnamed`);
  }

  it("the log itself is read whole", () => {
    const { records, faults } = readLog(good, { header, record: consumers() });
    assert.equal(records.length, known.size);
    assert.equal(faults.length, 1, "its end");
  });

  it("each byte changed", () => {
    const bytes = new Uint8Array(good);
    for (let at = 0; at < log.position - START; at++) {
      for (const mask of [0x01, 0xff]) {
        bytes[at]! ^= mask;
        expectTruth(read(bytes), `byte ${at} ^ ${mask}`);
        bytes[at] = good[at]!;
      }
    }
  });

  it("each prefix", () => {
    for (let length = 0; length <= good.length; length += 1) {
      const { records } = read(good.subarray(0, length), false);
      for (const [index, { bytes }] of records.entries()) {
        assert.ok(Buffer.from(log.records[index]?.bytes ?? []).equals(bytes));
      }
      const whole = log.records.filter(({ lsn, bytes }) => lsn + bytes.length <= START + length);
      assert.ok(records.length <= whole.length + 1);
    }
  });

  it("each length set to what it never is", () => {
    const before = process.memoryUsage().arrayBuffers;
    for (const { lsn } of log.records) {
      const bytes = new Uint8Array(good);
      const view = new DataView(bytes.buffer);
      for (const length of LENGTHS) {
        view.setUint32(lsn - START, length, true);
        expectTruth(read(bytes), `length ${length} at ${lsn}`);
      }
    }
    for (let page = 0; page < good.length / PAGE_BYTES; page++) {
      const bytes = new Uint8Array(good);
      const view = new DataView(bytes.buffer);
      for (const rest of LENGTHS) {
        view.setUint32(page * PAGE_BYTES + 16, rest, true);
        expectTruth(read(bytes), `rest ${rest} on page ${page}`);
      }
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 100_000_000);
  });

  it("records with right checksums and wrong contents", () => {
    const next = seededRandom(14);
    const pick = (limit: number): number => Math.floor(next() * limit);
    const look = consumers();
    for (let round = 0; round < 20_000; round++) {
      const original = log.records[pick(log.records.length - 1)]!;
      const record = Buffer.from(original.bytes);
      for (let changes = 1 + pick(3); changes > 0; changes--) {
        const at = 16 + pick(record.length - 16);
        const length = LENGTHS[pick(LENGTHS.length)]!;
        if (next() < 0.3 && at + 4 <= record.length) record.writeUInt32LE(length, at);
        else record[at] = pick(256);
      }
      const body = [...record.subarray(24)];
      const forged = new LogEncoder(18);
      forged.record({ rmgr: record[17]!, info: record[16]!, body });
      forged.record({ body: mainData([1, 2, 3]) });
      const { records } = readLog(forged.bytes(), { header, keepGoing: true, record: look });
      assert.ok(records.length <= 2);
    }
  });

  it("a record whose checksum is made right again is decoded or refused", () => {
    const bytes = new Uint8Array(good);
    const first = log.records[0]!;
    const record = bytes.subarray(first.lsn - START, first.lsn - START + first.bytes.length);
    let refused = 0;
    for (let at = 24; at < first.bytes.length; at++) {
      for (const byte of [0, 1, 32, 33, 127, 252, 253, 254, 255]) {
        const own = record[at]!;
        record[at] = byte;
        seal(record);
        const { faults } = readLog(bytes, { header, record: lookAt });
        if (faults[0]?.includes("do not add up") === true) refused++;
        record[at] = own;
      }
    }
    assert.ok(refused > 100);
  });
});
