/** A file or FIFO that another program writes, in every way that programs write files. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  rmdirSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { FollowedLines } from "../../../src/commands/tail/followed-lines.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "walctl-followed-"));
  path = join(folder, "confirmed");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** As a file system does whose clock is coarse: one write after the other at the same time. */
function writeAtOneTime(text: string): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT);
  writeSync(fd, text, 0);
  closeSync(fd);
  const now = Math.floor(Date.now() / 1000);
  utimesSync(path, now, now);
}

const WAYS: ReadonlyArray<readonly [way: string, write: (text: string) => void]> = [
  ["truncated and written", (text) => writeFileSync(path, `${text}\n`)],
  ["emptied first, written later", (text) => writeFileSync(path, `${text}\n`)],
  ["renamed over", (text) => renamed(`${text}\n`)],
  ["deleted and made again", (text) => (rmSync(path), writeFileSync(path, `${text}\n`))],
  ["rewritten in place", (text) => writeAtOneTime(`${text}\n`)],
  ["without a line end", (text) => writeFileSync(path, text)],
];

function renamed(text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** Over two polls: what has no end counts at the second. */
function next(lines: FollowedLines): readonly string[] {
  return [...lines.poll(), ...lines.poll()];
}

for (const [way, write] of WAYS) {
  test(`${way}, again and again`, () => {
    writeFileSync(path, "0/FFFF\n");
    const lines = new FollowedLines(path);
    assert.deepEqual(next(lines), [], "what was there is from an earlier run");
    // Of the same length, longer (of which the one before is the beginning), and shorter.
    const others = way.includes("in place") ? ["0/3333"] : ["0/22223", "0/3", "0/44"];
    for (const text of ["0/1111", "0/2222", ...others, "0/5555"]) {
      if (way.startsWith("emptied")) {
        truncateSync(path);
        assert.deepEqual(next(lines), []);
      }
      write(text);
      assert.deepEqual(next(lines), [text]);
      assert.equal(lines.rewritten, true);
    }
    // The clock of this test does not go on.
    if (way.includes("in place")) utimesSync(path, 1, 1);
    else write("0/5555");
    assert.deepEqual(next(lines), ["0/5555"], "the same once more");
    lines.close();
  });
}

test("appended to, lines come once, when they are whole", () => {
  writeFileSync(path, "0/1\n0/2");
  const lines = new FollowedLines(path);
  const steps: ReadonlyArray<readonly [string, readonly string[]]> = [
    ["0/3\n0/4\n", ["0/3", "0/4"]],
    ["0/", []],
    ["5", []],
    ["\n\r\n", ["0/5"]],
    ["0/6\r\n", ["0/6"]],
    ["0/6\n", ["0/6"]],
  ];
  for (const [text, expected] of steps) {
    appendFileSync(path, text);
    assert.deepEqual(next(lines), expected, JSON.stringify(text));
  }
  assert.equal(lines.rewritten, false);
  lines.close();
});

test("a rotated file's last lines come before the new one's", () => {
  writeFileSync(path, "");
  const lines = new FollowedLines(path);
  const writer = openSync(path, "a");
  renameSync(path, `${path}.1`);
  writeSync(writer, "0/1\n");
  assert.deepEqual(lines.poll(), ["0/1"], "a writer may still have it open");
  writeSync(writer, "0/2\n");
  writeFileSync(path, "0/3\n");
  assert.deepEqual(lines.poll(), ["0/2", "0/3"]);
  closeSync(writer);
  lines.close();
});

test("what is not there yet is awaited, and a directory there is an error for as long as it is there", () => {
  const lines = new FollowedLines(path);
  assert.deepEqual(lines.poll(), []);
  mkdirSync(path);
  for (let poll = 0; poll < 3; poll++) assert.throws(() => lines.poll(), { code: "EISDIR" });
  rmdirSync(path);
  assert.deepEqual(lines.poll(), []);
  writeFileSync(path, "0/1\n");
  assert.deepEqual(lines.poll(), ["0/1"]);
  lines.close();
  mkdirSync(`${path}.d`);
  assert.throws(() => new FollowedLines(`${path}.d`), { code: "EISDIR" });
});

test("a FIFO's writers come and go, and a line of theirs ends with them", () => {
  execFileSync("mkfifo", [path]);
  const lines = new FollowedLines(path);
  assert.deepEqual(lines.poll(), []);
  for (const text of ["0/1\n0/2\n", "0/3", "0/4\n0/5"]) {
    const writer = openSync(path, "w");
    writeSync(writer, text);
    const open = lines.poll();
    closeSync(writer);
    assert.deepEqual([...open, ...lines.poll()], text.trim().split("\n"));
  }
  lines.close();
});

test("what never ends is taken in pieces, and a line of it as far as it matters", () => {
  if (!existsSync("/dev/zero")) return;
  const lines = new FollowedLines("/dev/zero");
  const given = Array.from({ length: 20 }, () => lines.poll()).flat();
  assert.deepEqual(given, ["\0".repeat(1000)]);
  lines.close();
});

test("a long history that is rewritten comes whole, in pieces", () => {
  const history = Array.from({ length: 300_000 }, (_, line) => `0/${(line + 16).toString(16)}`);
  const lines = new FollowedLines(path);
  renamed(`${history.join("\n")}\n`);
  const given = Array.from({ length: 10 }, () => lines.poll());
  assert.ok(given.every(({ length }) => length < history.length));
  assert.deepEqual(given.flat(), history);
  appendFileSync(path, "1/0\n");
  assert.deepEqual(lines.poll(), ["1/0"]);
  lines.close();
});
