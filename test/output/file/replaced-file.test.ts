/** A file that takes another's place only when it is whole. */
import assert from "node:assert/strict";
import {
  lstatSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { ReplacedFile } from "../../../src/output/file/replaced-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "walctl-replaced-"));
  path = join(folder, "out");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("the old file stays until the new one is whole", () => {
  writeFileSync(path, "old", { mode: 0o640 });
  const file = new ReplacedFile(path);
  file.write(Buffer.from("new"));
  assert.equal(readFileSync(path, "utf8"), "old");
  file.replace();
  file.discard();
  assert.equal(readFileSync(path, "utf8"), "new");
  assert.equal(statSync(path).mode & 0o777, 0o640);
  assert.deepEqual(readdirSync(folder), ["out"]);
});

test("discarded, it leaves nothing", () => {
  const file = new ReplacedFile(path);
  file.write(Buffer.from("new"));
  file.discard();
  assert.deepEqual(readdirSync(folder), []);
});

test("a file that was not there is for the owner only", () => {
  new ReplacedFile(path).replace();
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test("a link stays, and what it leads to is replaced", () => {
  const link = join(folder, "link");
  writeFileSync(path, "old");
  symlinkSync("out", link);
  const file = new ReplacedFile(link);
  file.write(Buffer.from("new"));
  file.replace();
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.equal(readFileSync(path, "utf8"), "new");
});

test("a folder that is not there is named", () => {
  const missing = join(folder, "no", "out");
  assert.throws(
    () => new ReplacedFile(missing),
    /could not open ".*\/no\/out" for writing \(ENOENT\)/,
  );
});
