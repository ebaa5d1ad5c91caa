import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RecordTable } from "../../src/render/wal/table.ts";
import type { StatsRow } from "../../src/render/wal/stats.ts";
import { renderStatsTable } from "../../src/render/wal/stats-table.ts";
import { textWidth } from "../../src/render/terminal/text-width.ts";
import type { RelationNames } from "../../src/wal/relation-name.ts";
import { LogEncoder, headerOf, mainData, u16, u32 } from "../wal/support/log-encoder.ts";
import { readLog } from "../wal/support/read.ts";

const NAMES: RelationNames = {
  generation: 0,
  nameOf: (_tablespace, _database, relfilenode) => {
    const customers = { table: "customers", oid: 16384 };
    if (relfilenode === 16384) return { ...customers, schema: "public", relation: undefined };
    if (relfilenode !== 16391) return undefined;
    return {
      ...customers,
      schema: null,
      relation: "c_\u001B[31mpkey_of_a_long_name",
    };
  },
};

/** 2026-11-25 01:49:05.731999Z */
const TIME = 848_886_545_731_999n;

function times(value: bigint): number[] {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return [...bytes];
}

function mixedLog(): LogEncoder {
  const log = new LogEncoder(18);
  const block = (node: number, number: number): number[] => [
    0,
    0,
    ...u16(0),
    ...u32(1663),
    ...u32(5),
    ...u32(node),
    ...u32(number),
  ];
  const image = [0, 0x10, ...u16(0), ...u16(1000), ...u16(64), 0x03, ...u32(1663), ...u32(5)];
  log.record({ xid: 757, body: [...block(16384, 2), 255, 3, ...u16(21), 8] });
  const leaf = [...image, ...u32(16391), ...u32(1), 255, 2, ...Array(1000).fill(1), 1, 0];
  log.record({ rmgr: 11, xid: 757, body: leaf });
  log.record({
    info: 0x20,
    xid: 4_000_000_000,
    body: [...block(16393, 24), 255, 14, ...Array(14).fill(0)],
  });
  log.record({
    rmgr: 1,
    info: 0x80,
    xid: 759,
    body: mainData([...times(TIME), ...u32(2), ...u32(1), ...u32(761)]),
  });
  log.record({ info: 0x30, body: mainData([...u32(5), ...u32(1), 0, 0, 0, 0, ...u32(16384)]) });
  return log;
}

function rendered(width: number, expanded = false): string {
  const table = new RecordTable({
    names: NAMES,
    width: () => width,
    look: { color: false },
    expanded,
  });
  readLog(mixedLog().bytes(), {
    header: headerOf(18),
    record: (record) => table.record(record, 18),
  });
  return Buffer.from(table.take()).toString();
}

describe("records as a table", () => {
  it("fits 80 columns", () => {
    assert.equal(
      rendered(80),
      String.raw`lsn           xid  record                table                     bytes images
0/300028      757  Heap INSERT           public.customers             49
0/300060      757  Btree INSERT_LEAF     c_\x1b[…y_of_a_long_name     53  1,000
0/300480 4000000000  Heap UPDATE         5/16393 block 24             60
0/3004C0      759  Transaction COMMIT    2026-11-25 01:49:05.731Z     46
0/3004F0        7  Heap TRUNCATE         1 table                      42
`,
    );
  });

  it("grows up to 200", () => {
    for (const width of [64, 100, 120, 200, 300]) {
      const lines = rendered(width).trimEnd().split("\n");
      const longest = Math.max(...lines.map((line) => line.length));
      assert.ok(longest <= Math.min(width, 200), `${longest} of ${width}`);
    }
    assert.match(rendered(120), /pkey_of_a_long_name/);
  });

  it("takes two lines for a record below 64 columns", () => {
    for (const width of [32, 40, 63]) {
      const lines = rendered(width).trimEnd().split("\n");
      for (const line of lines) assert.ok(line.length <= width, `${width}: ${line}`);
      assert.equal(lines.length, 10);
    }
    assert.equal(
      rendered(40),
      String.raw`0/300028 757 Heap INSERT
  public.customers  49 bytes
0/300060 757 Btree INSERT_LEAF
  c_\x1b[31…key_of_a_long_name  53 bytes
0/300480 4000000000 Heap UPDATE
  5/16393 block 24  60 bytes
0/3004C0 759 Transaction COMMIT
  2026-11-25 01:49:05.731Z  46 bytes
0/3004F0 7 Heap TRUNCATE
  1 table  42 bytes
`,
    );
  });

  it("--expanded shows a commit with what a recovery needs that stops before it", () => {
    const box = rendered(80, true).split("╭─ ")[4];
    assert.equal(
      `╭─ ${box}`,
      `╭─ 0/3004C0 Transaction COMMIT · xid 759 ──────────────────────────────────────╮
│ end            0/3004F0                                                      │
│ previous       0/300480                                                      │
│ bytes          46                                                            │
│ time           2026-11-25 01:49:05.731999Z                                   │
│ subxids        761                                                           │
│ to stop before it                                                            │
│                recovery_target_lsn = '0/3004C0'                              │
│                recovery_target_inclusive = off                               │
│                recovery_target_timeline = '1'                                │
╰──────────────────────────────────────────────────────────────────────────────╯
`,
    );
  });
});

describe("statistics as a table", () => {
  const rowOf = (title: string, index: number): StatsRow => ({
    members: "",
    title,
    records: 12_345 * (index + 1),
    recordBytes: 9_876_543,
    imageBytes: 0,
  });
  const ROWS = ["northern", "southern", "eastern"].flatMap((half, at) =>
    ["01", "02"].map((month, index) =>
      rowOf(`telemetry.measurements_of_all_${half}_sensors_2026_${month}`, at * 2 + index),
    ),
  );

  for (const width of [30, 40, 60, 80, 120]) {
    it(`no two names look alike in ${width} columns, and all of it fits`, () => {
      const text = renderStatsTable(ROWS, "table", [], { width, look: { color: false } });
      const lines = text.trimEnd().split("\n");
      for (const line of lines) assert.ok(textWidth(line) <= width, line);
      const names = lines.slice(2, -1).map((line) => line.split("│")[1]?.trim() ?? "");
      assert.equal(new Set(names).size, ROWS.length, text);
      assert.match(text, / 16\.\d%/);
    });
  }
});
