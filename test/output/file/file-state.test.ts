/** FILE.walctl: what another program has put in its place stays, and no wrong field is believed. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { WalctlError } from "../../../src/errors.ts";
import { INVALID_LSN, type Lsn } from "../../../src/lsn.ts";
import { NO_END } from "../../../src/output/file/file-end.ts";
import {
  type FileState,
  formatFileState,
  readFileState,
  writeFileState,
} from "../../../src/output/file/file-state.ts";

const lsn = (value: number): Lsn => BigInt(value) as Lsn;
const STATE: FileState = {
  systemIdentifier: "7",
  timeline: 2,
  history: [{ timeline: 1, end: lsn(90) }],
  database: "shop",
  slot: "s",
  file: "5-6",
  request: "r",
  streamed: true,
  blocksFrom: 5,
  earlier: [{ file: "3-4", from: 6 }],
  ends: true,
  lines: true,
  acknowledged: lsn(150),
  offset: 3,
  before: {
    endLsn: lsn(100),
    messageLsn: INVALID_LSN,
    xid: 7,
    commit: { xid: 7, commitLsn: lsn(80), commitUnixMs: 1.5, twoPhase: true },
  },
};

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "walctl-file-state-"));
  path = join(folder, "out");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("what is written is read again, for the owner only", () => {
  for (const state of [STATE, { ...STATE, slot: undefined, history: undefined, before: NO_END }]) {
    writeFileState(path, state);
    assert.deepEqual(readFileState(path), state);
  }
  assert.equal(statSync(`${path}.walctl`).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ["out.walctl"]);
});

test("a padded LSN in it is the same LSN", () => {
  const text = formatFileState(STATE);
  const padded = text.replaceAll(
    /"0\/([0-9A-F]+)"/g,
    (_, low: string) => `"0/${low.padStart(8, "0")}"`,
  );
  assert.notEqual(padded, text);
  writeFileSync(`${path}.walctl`, padded);
  assert.deepEqual(readFileState(path), STATE);
});

test("what a killed process left of the next one is replaced, not written into", () => {
  const left = formatFileState(STATE);
  for (const text of [left, left.slice(0, 20), left.slice(0, 3), "", "\0\0\0"]) {
    writeFileSync(`${path}.walctl.new`, text, { mode: 0o644 });
    writeFileState(path, STATE);
    assert.equal(statSync(`${path}.walctl`).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder), ["out.walctl"]);
  }
});

const FOREIGN: ReadonlyArray<readonly [what: string, put: (at: string) => void, error: RegExp]> = [
  ["a note", (at) => writeFileSync(at, "note\n"), /its line 1 is another program's$/],
  ["JSON of another kind", (at) => writeFileSync(at, "[]"), /its line 1 is another program's$/],
  [
    "a file of 3 GB with a hole",
    (at) => (writeFileSync(at, ""), truncateSync(at, 3 * 2 ** 30)),
    /its line 1 is another program's$/,
  ],
  ["a FIFO", (at) => void execFileSync("mkfifo", [at]), /is no regular file$/],
  ["a folder", (at) => mkdirSync(at), /is no regular file$/],
  ["a link to a file", (at) => symlinkSync("precious", at), /is no regular file$/],
  ["a link to nothing", (at) => symlinkSync("nothing", at), /is no regular file$/],
];

for (const name of ["out.walctl", "out.walctl.new"]) {
  for (const [what, put, message] of FOREIGN) {
    test(`${what} with the name ${name} stays as it is`, () => {
      const at = join(folder, name);
      writeFileSync(join(folder, "precious"), formatFileState(STATE));
      put(at);
      const before = lstatSync(at);
      for (const use of [() => readFileState(path), () => writeFileState(path, STATE)]) {
        assert.throws(use, (error) => {
          assert.ok(error instanceof WalctlError);
          assert.match(error.message, message);
          assert.equal(error.hint, "Rename it, or give --output another file.");
          return error.message.startsWith(`"${at}" `);
        });
      }
      const { ino, size, mtimeMs } = lstatSync(at);
      assert.deepEqual([ino, size, mtimeMs], [before.ino, before.size, before.mtimeMs]);
      assert.deepEqual(readdirSync(folder).toSorted(), [name, "precious"].toSorted());
      assert.equal(readFileSync(join(folder, "precious"), "utf8"), formatFileState(STATE));
    });
  }
}

test("each field that is not what it should be is named", () => {
  const wrong: Readonly<Record<string, readonly unknown[]>> = {
    system_identifier: [7, null, undefined],
    timeline: ["1", -1, 1.5, {}, undefined],
    history: ["x", 7, [1], [[1]], [["1", "0/1"]], [[1, "x"]], [null]],
    database: [7, null, undefined],
    slot: [7, {}],
    file: [7, {}],
    request: [7, []],
    streamed: [1, "true"],
    blocks_from: ["x", -1, 1.5, 1e300, []],
    earlier: [7, [1], [{ file: "3-4" }], [{ file: 3, from: 1 }]],
    ends: [0, "false"],
    lines: [0, "false"],
    acknowledged_lsn: [7, "0", "0/1/2", {}],
    offset: ["0", -1, 1.5, null, undefined],
    end_lsn: [7, "x"],
    message_lsn: [7, "x"],
    xid: ["7", -1, 1.5],
    commit: [7, {}, { xid: 1 }, { xid: "1", commit_lsn: "0/1", commit_unix_ms: 1 }],
  };
  const good = JSON.parse(formatFileState(STATE)) as Record<string, unknown>;
  assert.deepEqual(Object.keys(good).toSorted(), ["walctl", ...Object.keys(wrong)].toSorted());
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const text = JSON.stringify({ ...good, [name]: value });
      writeFileSync(`${path}.walctl`, text);
      const read = readFileState(path);
      assert.ok(typeof read === "string" && read.startsWith(`"${name}" `), text);
    }
  }
});
