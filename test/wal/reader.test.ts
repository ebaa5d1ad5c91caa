import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PAGE_BYTES } from "../../src/postgres/pages/page.ts";
import { formatPosition } from "../../src/postgres/pages/position.ts";
import {
  type EncodedRecord,
  LogEncoder,
  SEGMENT_BYTES,
  START,
  crc32c,
  headerOf,
  mainData,
  u16,
  u32,
} from "./support/log-encoder.ts";
import { readLog } from "./support/read.ts";
import { filled, logOf } from "./support/log-encoder.ts";

const header = headerOf(18);

function expectRecords(log: LogEncoder, records: readonly EncodedRecord[]): void {
  for (const pages of [1, 2, 3, 1000]) {
    const reading = readLog(log.bytes(), { header, pages });
    assert.deepEqual(
      reading.records.map(({ lsn, bytes }) => ({ lsn, bytes })),
      records.map(({ lsn, bytes }) => ({ lsn, bytes: Buffer.from(bytes) })),
      `${pages} pages at once`,
    );
  }
}

describe("RecordReader", () => {
  it("knows CRC-32C's check value", () => {
    assert.equal(crc32c(Buffer.from("123456789")) >>> 0, 0xe3069283);
  });

  /** Lengths of main data. The first page has room for 8,152 bytes, the others for 8,168. */
  const CASES: ReadonlyArray<readonly [story: string, lengths: readonly number[]]> = [
    ["small records on one page", [0, 1, 7, 8, 100, 255, 256, 300]],
    ["one that ends with its page", [8152 - 24 - 5, 10]],
    ["one that leaves eight bytes for the next one's length", [8152 - 24 - 5 - 8, 50, 10]],
    ["one that leaves 16, 24, 32 bytes", [8152 - 24 - 5 - 16, 8168 - 24 - 24, 8168 - 60, 3]],
    ["one over two pages", [5000, 5000, 20]],
    ["one over many pages", [10, 100_000, 10]],
    ["one that ends with a page far away", [8152 + 8168 * 3 - 24 - 5, 10]],
    ["all lengths around a page's", [...Array(40).keys()].map((more) => 8100 + more)],
    ["larger than the memory that is kept for joining", [300_000, 10, 200_000, 10]],
  ];
  for (const [story, lengths] of CASES) {
    it(`reads ${story}`, () => {
      const log = logOf(...lengths);
      expectRecords(log, log.records);
    });
  }

  it("says where each record ends: where the next one may start, or at the next page's first byte", () => {
    const log = logOf(8152 - 24 - 5, 10, 20_000, 5);
    const { records } = readLog(log.bytes(), { header });
    assert.equal(records[0]?.endLsn, START + PAGE_BYTES);
    for (const [index, { lsn }] of records.slice(1).entries()) {
      const gap = lsn - (records[index]?.endLsn ?? 0);
      assert.ok([0, 24].includes(gap), `${gap}`);
    }
    assert.equal(records.at(-1)?.endLsn, log.position);
  });

  it("begins in the middle at the first record that starts there", () => {
    const log = logOf(10, 30_000, 20, 30);
    const { records } = readLog(log.bytes().subarray(PAGE_BYTES), { header, first: 1 });
    assert.deepEqual(
      records.map(({ lsn }) => lsn),
      log.records.slice(2).map(({ lsn }) => lsn),
    );
  });

  it("forgets a record that was never finished and goes on behind it", () => {
    const log = logOf(10, 20);
    log.unfinished(50_000, 12_000);
    log.record({ rmgr: 0, info: 0xd0, body: mainData(filled(16)) });
    log.record({ body: mainData(filled(30)) });
    expectRecords(log, log.records);
    assert.deepEqual(readLog(log.bytes(), { header }).faults, [
      `record at ${formatPosition(log.position)}: length 0 is not possible`,
    ]);
  });

  it("leaves the segment behind a SWITCH", () => {
    const log = logOf(10);
    log.record({ rmgr: 0, info: 0x40, body: [] });
    const { records, faults } = readLog(log.bytes(), { header });
    assert.equal(records[1]?.endLsn, START + SEGMENT_BYTES);
    assert.deepEqual(faults, []);
  });

  it("reads 33 blocks, with gaps between their ids, images and data", () => {
    const blocks = [...Array(33).keys()].map((id) => [
      id,
      0x20 | (id === 0 ? 0 : 0x80),
      ...u16(2),
      ...(id === 0 ? [...u32(1663), ...u32(5), ...u32(16384)] : []),
      ...u32(id * 7),
    ]);
    const data = [...Array(33).keys()].flatMap((id) => [id, id]);
    const log = new LogEncoder(18);
    log.record({ body: [...blocks.flat(), ...data] });
    let seen = 0;
    const record = (each: Parameters<NonNullable<Parameters<typeof readLog>[1]["record"]>>[0]) => {
      seen = each.blockCount;
      for (let id = 0; id < 33; id++) {
        const block = each.blockById(id);
        assert.equal(block?.block, id * 7);
        assert.equal(block?.relfilenode, 16384);
        assert.deepEqual([...each.blockData(block)], [id, id]);
      }
    };
    readLog(log.bytes(), { header, record });
    assert.equal(seen, 33);
  });

  /** bimg_info, and what it means; the image has 100 bytes. */
  const IMAGES = [
    [14, 0x01 | 0x04, "none", true, 0],
    [14, 0x01, "none", false, 0],
    [14, 0x01 | 0x02 | 0x04, "pglz", true, 40],
    [14, 0x02 | 0x04, "pglz", true, undefined],
    [18, 0x01 | 0x02, "none", true, 0],
    [18, 0x01, "none", false, 0],
    [18, 0x01 | 0x02 | 0x04, "pglz", true, 40],
    [18, 0x02 | 0x08, "lz4", true, undefined],
    [18, 0x01 | 0x02 | 0x10, "zstd", true, 40],
  ] as const;
  for (const [version, info, compression, applied, hole] of IMAGES) {
    it(`reads the image flags ${info.toString(16)} of ${version}`, () => {
      const hasHole = (info & 1) !== 0;
      const compressed = compression !== "none";
      const holeBytes = compressed ? (hole ?? 0) : PAGE_BYTES - 100;
      const imageHeader = [...u16(100), ...u16(hasHole ? 64 : 0), info];
      if (compressed && hasHole) imageHeader.push(...u16(hole ?? 0));
      const log = new LogEncoder(version);
      log.record({
        body: [
          0,
          0x10,
          ...u16(0),
          ...imageHeader,
          ...u32(1663),
          ...u32(5),
          ...u32(9),
          ...u32(3),
          252,
          ...u32(700),
          253,
          ...u16(2),
          255,
          3,
          ...filled(100),
          1,
          2,
          3,
        ],
      });
      let seen = false;
      readLog(log.bytes(), {
        header: headerOf(version),
        record: (record) => {
          seen = true;
          const [block] = record.blocks;
          assert.equal(block?.imageCompression, compression);
          assert.equal(block.imageApplied, applied);
          assert.equal(block.holeBytes, holeBytes);
          assert.equal(record.topXid, 700);
          assert.equal(record.originId, 2);
          assert.equal(record.imageBytes, 100);
          assert.deepEqual([...record.blockImage(block)], filled(100));
          assert.deepEqual([...record.mainData()], [1, 2, 3]);
        },
      });
      assert.ok(seen);
    });
  }
});
