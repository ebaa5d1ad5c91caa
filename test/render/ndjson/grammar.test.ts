/** What is read back out of FILE is what the renderer writes: lines of every kind, as the golden tests have them. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { formatLsn } from "../../../src/lsn.ts";
import { beginsLine, lsnAt, parseLineHead } from "../../../src/render/ndjson/grammar.ts";

const FOLDER = new URL("../../../../fixtures/captures/", import.meta.url);
const LSN_KEYS = [
  ...(["commit_lsn", "end_lsn", "message_lsn"] as const),
  ...(["prepare_lsn", "prepare_end_lsn", "rollback_end_lsn"] as const),
];

const lines = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".ndjson"))
  .flatMap((name) => readFileSync(new URL(name, FOLDER), "utf8").trimEnd().split("\n"));
/** The first of each kind. */
const samples = new Map(lines.map((line) => [(JSON.parse(line) as { kind: string }).kind, line]));

test("a line's kind, LSN and transaction are read as they were written", () => {
  assert.ok(samples.size > 12, [...samples.keys()].join());
  for (const line of lines) {
    const { kind, lsn, xid } = JSON.parse(line) as Record<string, string | number | null>;
    const head = parseLineHead(line);
    assert.ok(head !== undefined, line);
    assert.equal(head.kind, kind);
    assert.equal(head.lsn === undefined ? null : formatLsn(head.lsn), lsn, line);
    assert.equal(head.xid ?? null, xid, line);
  }
});

test("the LSNs in it too", () => {
  const seen = new Set<string>();
  for (const line of lines) {
    const object = JSON.parse(line) as Record<string, unknown>;
    // A key of that name in a row would come later, and only lines without rows are asked.
    if ("new" in object || "old" in object || "key" in object) continue;
    for (const key of LSN_KEYS) {
      const lsn = lsnAt(line, key);
      assert.equal(lsn === undefined ? undefined : formatLsn(lsn), object[key], line);
      if (lsn !== undefined) seen.add(key);
    }
  }
  assert.deepEqual([...seen].toSorted(), LSN_KEYS.toSorted());
});

test("a padded LSN in a line is the same LSN", () => {
  for (const [text, kind] of [
    ["0/1B87138", "commit"],
    ["0/01B87138", "commit"],
  ] as const) {
    const line = `{"kind":"${kind}","lsn":"${text}","xid":7,"commit_lsn":"${text}","end_lsn":"${text}"}`;
    assert.equal(parseLineHead(line)?.lsn, 0x1b87138n);
    assert.equal(lsnAt(line, "end_lsn"), 0x1b87138n);
  }
});

test("a line that was torn anywhere is known by its beginning, and another program's is not", () => {
  for (const line of samples.values()) {
    for (let length = 0; length < line.length; length++) {
      assert.ok(beginsLine(line.slice(0, length)), line.slice(0, length));
    }
  }
  for (const text of ["note", '{"level":30', '{"kind":"x","name', '{"kind":1', ' {"kind":"']) {
    assert.ok(!beginsLine(text), text);
  }
});
