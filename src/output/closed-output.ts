import { fstatSync, readSync, statSync } from "node:fs";

const STANDARD_OUTPUT = 1;
const NULL_DEVICE = "/dev/null";

/**
 * Whether standard output was closed when the program started (`>&-`). Node.js then opens /dev/null in its place, for
 * reading and writing, while a shell's `>` opens it for writing only. Programs that pass /dev/null on purpose may open
 * it either way: they cannot be told apart.
 */
export function isStandardOutputClosed(): boolean {
  const given = fstatSync(STANDARD_OUTPUT);
  if (!given.isCharacterDevice()) return false;
  if (given.rdev !== statSync(NULL_DEVICE, { throwIfNoEntry: false })?.rdev) return false;
  try {
    readSync(STANDARD_OUTPUT, new Uint8Array(1));
    return true;
  } catch {
    return false;
  }
}
