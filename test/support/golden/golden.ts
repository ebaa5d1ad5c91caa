import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** The checkout, seen from dist/test/support. */
const ROOT = new URL("../../../../", import.meta.url);

/** A file of the checkout, by its path from the top: `fixtures/captures/…`. */
export function fixture(path: string): Uint8Array {
  return readFileSync(new URL(path, ROOT));
}

/**
 * Asserts that `actual` is, byte for byte, what the file at `path` (from the top of the checkout) holds.
 * With UPDATE_GOLDENS=1 the file is written instead: read the diff before it is committed.
 */
export function matchGolden(path: string, actual: string | Uint8Array): void {
  const file = new URL(path, ROOT);
  if (process.env["UPDATE_GOLDENS"] === "1") {
    mkdirSync(dirname(file.pathname), { recursive: true });
    writeFileSync(file, actual);
    return;
  }
  const expected = read(file, path);
  if (typeof actual === "string") assert.equal(actual, expected.toString("utf8"), mismatch(path));
  else assert.ok(expected.equals(actual), mismatch(path));
}

function read(file: URL, path: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new Error(`no golden at ${path}: UPDATE_GOLDENS=1 writes it`, { cause });
  }
}

function mismatch(path: string): string {
  return `differs from ${path} (UPDATE_GOLDENS=1 rewrites it)`;
}
