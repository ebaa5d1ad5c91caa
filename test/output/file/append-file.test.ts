import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs, {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  linkSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { WalctlError } from "../../../src/errors.ts";
import { AppendFile } from "../../../src/output/file/append-file.ts";

const { fsync } = fs;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "walctl-append-"));
});
afterEach(() => {
  fs.fsync = fsync;
  syncBuiltinESMExports();
  rmSync(folder, { recursive: true });
});

/** Until it is undone the next fsync fails, and those after it do not: as Linux does it. */
function failNextSync(code: string): void {
  const failing = (_fd: number, callback: (error: NodeJS.ErrnoException | null) => void): void => {
    fs.fsync = fsync;
    syncBuiltinESMExports();
    callback(Object.assign(new Error(code), { code }));
  };
  // oxlint-disable-next-line no-underscore-dangle -- its name in Node.js
  fs.fsync = Object.assign(failing, { __promisify__: fsync.__promisify__ });
  syncBuiltinESMExports();
}

test("a file is made for its owner only, and grows", async () => {
  const path = join(folder, "out");
  for (const text of ["one\n", "two\n"]) {
    const file = new AppendFile(path);
    file.write(Buffer.from(text));
    await file.sync();
    assert.equal(file.sync(), undefined);
    file.close();
  }
  assert.equal(readFileSync(path, "utf8"), "one\ntwo\n");
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test("after a failed fsync nothing counts as durable any more, whatever a later fsync says", async () => {
  // The kernel marks the pages clean that it could not write: the next fsync has nothing to complain of, and
  // the transaction that was lost with them would be acknowledged in the last status.
  const path = join(folder, "out");
  const file = new AppendFile(path);
  file.write(Buffer.from("lost\n"));
  failNextSync("EIO");
  const error = new WalctlError(`could not write "${path}" (EIO)`);
  await assert.rejects(async () => await file.sync(), { message: error.message });
  await assert.rejects(async () => await file.sync(), { message: error.message });
  file.close();
});

test("a device has nothing to be synced", () => {
  const file = new AppendFile("/dev/null");
  file.write(Buffer.from("gone\n"));
  assert.equal(file.sync(), undefined);
  file.reopen();
  file.close();
});

test("a full device is named", () => {
  if (!existsSync("/dev/full")) return;
  const file = new AppendFile("/dev/full");
  assert.throws(() => file.write(Buffer.from("x")), {
    message: 'could not write "/dev/full": no space left on the device',
  });
  file.close();
});

test("reopened while an fsync is under way, it goes on in the new file and loses nothing", async () => {
  const path = join(folder, "out");
  const file = new AppendFile(path);
  file.write(Buffer.from("old\n"));
  const syncing = file.sync();
  renameSync(path, `${path}.1`);
  file.reopen();
  file.write(Buffer.from("new\n"));
  await syncing;
  await file.sync();
  file.close();
  assert.equal(readFileSync(`${path}.1`, "utf8"), "old\n");
  assert.equal(readFileSync(path, "utf8"), "new\n");
});

test("where no new file can be, it goes on in the old one", () => {
  const path = join(folder, "out");
  const file = new AppendFile(path);
  renameSync(path, `${path}.1`);
  mkdirSync(path);
  assert.throws(() => file.reopen(), { message: `could not open "${path}" for writing (EISDIR)` });
  file.write(Buffer.from("on\n"));
  file.close();
  assert.equal(readFileSync(`${path}.1`, "utf8"), "on\n");
});

test("what only a deleted file holds does not count as durable, whatever is made in its place", async () => {
  const path = join(folder, "out");
  const file = new AppendFile(path);
  file.write(Buffer.from("kept\n"));
  await file.sync();
  rmSync(path);
  file.write(Buffer.from("lost\n"));
  appendFileSync(path, "another program's\n");
  const message = `"${path}" was deleted while it was being written`;
  await assert.rejects(async () => await file.sync(), { message });
  await assert.rejects(async () => await file.sync(), { message });
  file.close();
});

test("it cannot be reopened to forget what only the deleted file holds", () => {
  const path = join(folder, "out");
  const file = new AppendFile(path);
  file.write(Buffer.from("lost\n"));
  rmSync(path);
  assert.throws(() => file.reopen(), { message: /was deleted while it was being written/ });
  file.close();
});

test("a file that has another name, or one more, is no deleted one", async () => {
  const path = join(folder, "out");
  let told = 0;
  const file = new AppendFile(path, () => told++);
  file.write(Buffer.from("one\n"));
  linkSync(path, `${path}.link`);
  rmSync(path);
  await file.sync();
  file.write(Buffer.from("two\n"));
  renameSync(`${path}.link`, `${path}.1`);
  await file.sync();
  file.close();
  assert.equal(readFileSync(`${path}.1`, "utf8"), "one\ntwo\n");
  assert.equal(told, 0, "SIGHUP may be on its way");
});

test("truncated between two writes it goes on; what was written and is cut off does not count", async () => {
  const path = join(folder, "out");
  const file = new AppendFile(path);
  file.write(Buffer.from("a long line\n"));
  await file.sync();
  truncateSync(path);
  file.write(Buffer.from("next\n"));
  await file.sync();
  assert.equal(readFileSync(path, "utf8"), "next\n");
  file.write(Buffer.from("lost\n"));
  truncateSync(path);
  await assert.rejects(async () => await file.sync(), {
    message: `"${path}" was truncated while it was being written`,
  });
  file.close();
});

test("a FIFO in its place is not opened", () => {
  const path = join(folder, "out");
  const file = new AppendFile(path);
  renameSync(path, `${path}.1`);
  execFileSync("mkfifo", [path]);
  assert.throws(() => file.reopen(), { message: /^could not open / });
  file.write(Buffer.from("on\n"));
  file.close();
  assert.equal(readFileSync(`${path}.1`, "utf8"), "on\n");
});
