import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { INVALID_LSN, type Lsn } from "../../../src/lsn.ts";
import { readStreamedLines } from "../../../src/output/file/streamed-lines.ts";

const folder = mkdtempSync(join(tmpdir(), "walctl-streamed-lines-"));
after(() => rmSync(folder, { recursive: true }));

const start = (xid: number): string =>
  `{"kind":"stream_start","lsn":null,"xid":${xid},"first_segment":true}`;
const stop = (xid: number): string => `{"kind":"stream_stop","lsn":null,"xid":${xid}}`;
const insert = (xid: number, lsn: string, bytes: number): string =>
  `{"kind":"insert","lsn":"${lsn}","xid":${xid},"commit_time":null,"new":{"t":"${"x".repeat(bytes)}"}}`;
const commit = (xid: number, lsn: string): string =>
  `{"kind":"commit","lsn":"${lsn}","xid":${xid},"commit_lsn":"${lsn}","end_lsn":"${lsn}"}`;

function read(lines: readonly string[], oldest: Lsn): string[] {
  const path = join(folder, "out");
  writeFileSync(path, `${lines.join("\n")}\n`);
  return Array.from(readStreamedLines(path, oldest), (line) => {
    if (line.kind !== "boundary") return `${line.kind} ${line.xid}`;
    const { opens, ends, xid } = line.boundary;
    return `${ends ? "end" : (opens ?? "stop")} ${xid}`;
  });
}

test("blocks are found wherever a read of the file ends, and in its first line", () => {
  const expected = ["block 7", "change 7", "change 8", "stop 7", "end 9", "block 7", "stop 7"];
  // Reads are of 1 MiB, from the end on.
  for (let shift = 0; shift < 80; shift++) {
    const lines = [
      start(7),
      insert(7, "0/10", 1_048_576 - 200 + shift),
      insert(8, "0/20", 3_000_000),
      stop(7),
      commit(9, "0/30"),
      insert(9, "0/40", 2_097_152 - 400),
      start(7),
      stop(7),
    ];
    assert.deepEqual(read(lines, INVALID_LSN), expected, `${shift}`);
  }
});

test("what lies before a commit that is old enough is not read", () => {
  const filler = insert(9, "0/1", 1_500_000);
  const lines = [start(5), stop(5), filler, commit(6, "0/30"), filler, start(7), stop(7)];
  assert.deepEqual(read(lines, 0x30n as Lsn), ["block 7", "stop 7"]);
  assert.deepEqual(read(lines, 0x2fn as Lsn).slice(0, 2), ["block 5", "stop 5"]);
  assert.deepEqual(read([filler, commit(6, "0/30")], INVALID_LSN), []);
});

test("prepared transactions are found, which the server may send again in blocks", () => {
  const prepare = (kind: string, xid: number): string =>
    `{"kind":"${kind}","lsn":"0/40","xid":${xid},"gid":"g","prepare_lsn":"0/30","end_lsn":"0/40"}`;
  const lines = [commit(5, "0/20"), prepare("prepare", 6), prepare("stream_prepare", 7)];
  assert.deepEqual(read(lines, INVALID_LSN), ["end 6", "end 7"]);
  assert.deepEqual(read([commit(5, "0/20"), prepare("begin_prepare", 6)], INVALID_LSN), []);
});

test("a block that a lost connection cut ends where the next transaction begins", () => {
  // Its rows counted as the block's, and what came later of that one as repeated.
  const begin = (xid: number): string =>
    `{"kind":"begin","lsn":"0/40","xid":${xid},"commit_lsn":"0/60","commit_time":null}`;
  const lines = [
    start(7),
    insert(7, "0/10", 1),
    begin(9),
    insert(9, "0/40", 1),
    commit(9, "0/60"),
    start(7),
    insert(7, "0/30", 1),
    stop(7),
  ];
  assert.deepEqual(read(lines, INVALID_LSN), [
    "block 7",
    "change 7",
    "transaction 9",
    "end 9",
    "block 7",
    "change 7",
    "stop 7",
  ]);
});
