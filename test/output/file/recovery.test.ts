/** What is cut from a FILE that an earlier process left, and what stays. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { WalctlError } from "../../../src/errors.ts";
import { formatLsn } from "../../../src/lsn.ts";
import { type FileEnd, joinEnds } from "../../../src/output/file/file-end.ts";
import {
  readOutputEnd,
  recoverLastLine,
  recoverOutput,
  requireOwnOutput,
  requireWholeLines,
} from "../../../src/output/file/recovery.ts";

const folder = mkdtempSync(join(tmpdir(), "walctl-recovery-"));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, "out");

const BEGIN =
  '{"kind":"begin","lsn":"0/10","xid":7,"commit_lsn":"0/30","commit_time":"2026-11-24T10:57:43.123456Z"}\n';
const ROW =
  '{"kind":"insert","lsn":"0/10","xid":7,"commit_time":null,"schema":"public","table":"t","new":{"a":1}}\n';
const COMMIT =
  '{"kind":"commit","lsn":"0/40","xid":7,"commit_lsn":"0/30","end_lsn":"0/40","commit_time":"2026-11-24T10:57:43.123456Z"}\n';
const MESSAGE =
  '{"kind":"message","lsn":"0/50","xid":null,"transactional":false,"message_lsn":"0/50","prefix":"m","content":"1"}\n';
const START = '{"kind":"stream_start","lsn":null,"xid":9,"first_segment":true}\n';
const STREAMED =
  '{"kind":"insert","lsn":"0/60","xid":9,"commit_time":null,"schema":"public","table":"t","new":{"a":1}}\n';
const STOP = '{"kind":"stream_stop","lsn":null,"xid":9}\n';
const BEGIN_PREPARE =
  '{"kind":"begin_prepare","lsn":"0/60","xid":9,"gid":"g","prepare_lsn":"0/60","end_lsn":"0/70","prepare_time":"2026-11-24T10:57:43.123456Z"}\n';
const PREPARE = BEGIN_PREPARE.replace("begin_prepare", "prepare");
const ROLLBACK =
  '{"kind":"rollback_prepared","lsn":"0/80","xid":9,"gid":"g","prepare_end_lsn":"0/70","rollback_end_lsn":"0/90","prepare_time":"2026-11-24T10:57:43.123456Z","rollback_time":"2026-11-24T10:57:43.123456Z"}\n';

/** Prepared before the slot's two_phase_at, and sent at its COMMIT PREPARED: it ended before COMMIT did. */
const LATE_BEGIN =
  '{"kind":"begin_prepare","lsn":"0/4","xid":5,"gid":"late","prepare_lsn":"0/5","end_lsn":"0/6","prepare_time":"2026-11-24T10:57:40.123456Z"}\n';
const LATE_PREPARE = LATE_BEGIN.replace("begin_prepare", "prepare");
const LATE_STREAMED = LATE_BEGIN.replace("begin_prepare", "stream_prepare");
const LATE_COMMIT =
  '{"kind":"commit_prepared","lsn":"0/60","xid":5,"gid":"late","commit_lsn":"0/60","end_lsn":"0/70","commit_time":"2026-11-24T10:57:44.123456Z"}\n';

const CASES: ReadonlyArray<
  readonly [story: string, kept: string, cut: string, end: string, message: string]
> = [
  ["a whole transaction", BEGIN + ROW + COMMIT, "", "0/40", "0/0"],
  ["a transaction without its end", BEGIN + ROW + COMMIT, BEGIN + ROW, "0/40", "0/0"],
  ["nothing but one of these", "", BEGIN + ROW, "0/0", "0/0"],
  ["a message behind the last commit", BEGIN + ROW + COMMIT + MESSAGE, "", "0/40", "0/50"],
  ["that, and then a transaction without its end", COMMIT + MESSAGE, BEGIN + ROW, "0/40", "0/50"],
  ["messages alone", MESSAGE + MESSAGE, MESSAGE.slice(0, 40), "0/0", "0/50"],
  [
    "a whole block, a message and a block without its end",
    COMMIT + START + STREAMED + STOP + MESSAGE,
    START + STREAMED,
    "0/40",
    "0/50",
  ],
  [
    "a block that a lost connection cut, and a message",
    COMMIT + START + STREAMED + MESSAGE,
    "",
    "0/40",
    "0/50",
  ],
  [
    "a block that a lost connection cut, and its next",
    COMMIT + START + STREAMED,
    START + STREAMED,
    "0/40",
    "0/0",
  ],
  [
    "a prepared transaction",
    COMMIT + BEGIN_PREPARE + STREAMED + PREPARE,
    BEGIN_PREPARE + STREAMED,
    "0/70",
    "0/0",
  ],
  ["one that was rolled back", COMMIT + ROLLBACK, ROLLBACK.slice(0, 100), "0/90", "0/0"],
  ["a late Prepare", COMMIT + LATE_BEGIN + ROW + LATE_PREPARE, "", "0/40", "0/0"],
  ["one that was streamed", COMMIT + LATE_STREAMED, BEGIN_PREPARE, "0/40", "0/0"],
  ["one behind a message", COMMIT + MESSAGE + LATE_BEGIN + LATE_PREPARE, "", "0/40", "0/50"],
  ["one whose end is missing", COMMIT + MESSAGE, LATE_BEGIN + ROW, "0/40", "0/50"],
  ["one and its commit", COMMIT + LATE_BEGIN + LATE_PREPARE + LATE_COMMIT, "", "0/70", "0/0"],
  ["one and its torn commit", COMMIT + LATE_PREPARE, LATE_COMMIT.slice(0, 60), "0/40", "0/0"],
  ["one, and nothing else that ends", LATE_BEGIN + LATE_PREPARE, "", "0/6", "0/0"],
  ["one behind a Prepare in its place", COMMIT + PREPARE + LATE_PREPARE, "", "0/70", "0/0"],
  ["a torn line", COMMIT, '{"kind":"be', "0/40", "0/0"],
  ["a torn first line", "", '{"kind":"begin","l', "0/0", "0/0"],
  ["a torn commit", "", BEGIN + ROW + COMMIT.slice(0, -1), "0/0", "0/0"],
  ["zeros where a power cut took what was not synced", COMMIT, `\0\0\0\0${ROW}`, "0/40", "0/0"],
  ["a torn line with zeros behind it", COMMIT, `${ROW.slice(0, 60)}\0\0\0`, "0/40", "0/0"],
];

for (const [story, kept, cut, end, message] of CASES) {
  test(`kept is what is whole: ${story}`, () => {
    writeFileSync(path, kept + cut);
    const read = readOutputEnd(path, 0);
    assert.equal(readFileSync(path, "utf8"), kept + cut, "reading changes nothing");
    const recovered = recoverOutput(path, 0);
    assert.equal(readFileSync(path, "utf8"), kept);
    assert.deepEqual([recovered.bytesCut, recovered.size], [cut.length, kept.length]);
    assert.deepEqual(recovered.end, read);
    assert.deepEqual([formatLsn(read.endLsn), formatLsn(read.messageLsn)], [end, message]);
  });
}

test("the end is found wherever a read of the file ends", () => {
  // Reads are of 1 MiB, from the end on.
  const row = (bytes: number): string => `${ROW.slice(0, -4)}"${"x".repeat(bytes)}"}}\n`;
  for (let shift = 0; shift < 2 * COMMIT.length; shift++) {
    const tail = BEGIN + row(1_048_576 - BEGIN.length - ROW.length - shift);
    writeFileSync(path, BEGIN + COMMIT + tail);
    const { end, size } = recoverOutput(path, 0);
    assert.deepEqual([formatLsn(end.endLsn), size], ["0/40", BEGIN.length + COMMIT.length]);
  }
});

test("the last commit is told with what the server can be asked for", () => {
  writeFileSync(path, BEGIN + COMMIT);
  assert.deepEqual(readOutputEnd(path, 0).commit, {
    xid: 7,
    commitLsn: 0x30n,
    commitUnixMs: Date.UTC(2026, 10, 24, 10, 57, 43, 123),
    twoPhase: false,
  });
});

test("a late Prepare that is last is told, and the last commit with it", () => {
  for (const prepare of [LATE_PREPARE, LATE_STREAMED]) {
    for (const behind of ["", MESSAGE, START, BEGIN + ROW]) {
      writeFileSync(path, BEGIN + COMMIT + LATE_BEGIN + prepare + behind);
      const { endLsn, commit, xid } = readOutputEnd(path, 0);
      assert.deepEqual([endLsn, commit?.xid, xid], [0x40n, 7, 5]);
    }
    writeFileSync(path, COMMIT + prepare + LATE_COMMIT);
    const { endLsn, commit, xid } = readOutputEnd(path, 0);
    assert.deepEqual([endLsn, commit?.commitLsn, xid], [0x70n, 0x60n, 5]);
  }
});

test("the ends of one file and of the next are joined, whichever has the late Prepare", () => {
  const endOf = (text: string): FileEnd => {
    writeFileSync(path, text);
    return readOutputEnd(path, 0);
  };
  for (const [one, next, end, last] of [
    [COMMIT, LATE_PREPARE, 0x40n, 5],
    [COMMIT + LATE_PREPARE, "", 0x40n, 5],
    [COMMIT + LATE_PREPARE, MESSAGE, 0x40n, 5],
    [COMMIT + LATE_PREPARE, LATE_COMMIT, 0x70n, 5],
    [LATE_PREPARE, COMMIT, 0x40n, 7],
  ] as const) {
    const joined = joinEnds(endOf(one), endOf(next));
    assert.deepEqual([joined.endLsn, joined.xid], [end, last]);
  }
});

test("what lies before an offset does not count, unless the file has been emptied since", () => {
  writeFileSync(path, COMMIT + MESSAGE);
  assert.equal(readOutputEnd(path, COMMIT.length).endLsn, 0n);
  assert.equal(readOutputEnd(path, COMMIT.length).messageLsn, 0x50n);
  assert.equal(readOutputEnd(path, 100_000).endLsn, 0x40n);
});

const FOREIGN: ReadonlyArray<readonly [story: string, bytes: string]> = [
  ["a binary", "\x7fELF\x02\x01\n\0\0\0 and so on\n\0"],
  ["a text with one line that looks like ours", `hello\n{"kind":"begin"\nworld\n`],
  ["that line first", '{"kind":"begin"\nworld\n'],
  ["somebody else's NDJSON", '{"kind":"begin","name":"x"}\n{"kind":"end"}\n'],
  ["NDJSON of another kind", '{"level":30,"msg":"x"}\n'],
  ["a text without a line feed", "no line feed"],
  ["blank lines", "\n\n"],
  ["lines of ours with another program's behind", `${COMMIT}hello\n${BEGIN}`],
  ["a text without a line feed behind lines of ours", `${COMMIT}my own note`],
  ["JSON of another kind there", `${COMMIT}{"kind":"note","text":"x"}`],
  ["a binary there", `${COMMIT}\x7fELF\0\0`],
  ["a text behind a transaction without its end", `${BEGIN}${ROW}my own note`],
  ["a line there", `${BEGIN}${ROW}hello\n${ROW}`],
  ["a text that somebody appended to a torn line", `${BEGIN}{"kind":"inshello\n`],
];

for (const [story, bytes] of FOREIGN) {
  test(`a file that walctl did not write stays as it is: ${story}`, () => {
    writeFileSync(path, bytes, "latin1");
    assert.throws(
      () => recoverOutput(path, 0),
      (error) => error instanceof WalctlError && /was not written by walctl/.test(error.message),
    );
    assert.equal(readFileSync(path, "latin1"), bytes);
  });
}

test("an empty file and none at all are nobody's", () => {
  writeFileSync(path, "");
  requireOwnOutput(path);
  requireOwnOutput(join(folder, "none"));
});

const LAST_LINES: ReadonlyArray<readonly [story: string, kept: string, cut: string]> = [
  ["whole lines", ROW + ROW, ""],
  ["a torn line", ROW, ROW.slice(0, -1)],
  ["one torn in its first bytes", ROW, "{"],
  ["a torn first line", "", ROW.slice(0, 50)],
  ["a long torn line", ROW, `${ROW.slice(0, -4)}"${"x".repeat(3 << 20)}`],
  ["a torn line with zeros behind it", ROW, `${ROW.slice(0, 60)}\0\0`],
  ["zeros", ROW, "\0\0\0"],
  ["a transaction without its end, torn", BEGIN + ROW, ROW.slice(0, 50)],
];

for (const [story, kept, cut] of LAST_LINES) {
  test(`where transactions are not told apart only a torn last line is cut: ${story}`, () => {
    writeFileSync(path, kept + cut);
    if (cut === "") requireWholeLines(path);
    else if (kept !== "") assert.throws(() => requireWholeLines(path), /has no end$/);
    const { bytesCut, size } = recoverLastLine(path);
    assert.equal(readFileSync(path, "utf8"), kept);
    assert.deepEqual([bytesCut, size], [cut.length, kept.length]);
  });
}

test("nor is anything cut there that is not ours", () => {
  for (const bytes of ["my own note", '{"kind":"note","text":"x"}', "\x7fELF\0\0"]) {
    writeFileSync(path, ROW + bytes, "latin1");
    assert.throws(() => recoverLastLine(path), /was not written by walctl: its line at byte 102 /);
    assert.equal(readFileSync(path, "latin1"), ROW + bytes);
  }
});

test("a transaction that was prepared behind a block without an end is kept", () => {
  const text = START + LATE_BEGIN + LATE_PREPARE;
  writeFileSync(path, text);
  assert.equal(recoverOutput(path, 0).bytesCut, 0);
  assert.equal(readFileSync(path, "utf8"), text);
});
