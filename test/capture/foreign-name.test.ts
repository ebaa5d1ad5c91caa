/** A file whose name is not UTF-8 cannot be named to Node.js; the error says how to read it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PROGRAM } from "../support/program/cli.ts";

test("a file whose name is not UTF-8 is read from standard input, as the hint says", () => {
  const folder = mkdtempSync(join(tmpdir(), "walctl-name-"));
  try {
    const script = `cp fixtures/captures/pg18-orders.hex "$1/$(printf 'f\\344')"
      "$2" "$3" decode-file "$1/$(printf 'f\\344')" 2>&1
      "$2" "$3" decode-file - < "$1/$(printf 'f\\344')" | head -1`;
    const args = ["-c", script, "sh", folder, process.execPath, PROGRAM];
    const text = execFileSync("sh", args, { encoding: "utf8" });
    assert.match(text, /no such file\nHINT: .*not to be UTF-8.*, - < FILE\n\{"kind":"begin"/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
