import { fstatSync, readSync, statSync } from "node:fs";

const STANDARD_OUTPUT = 1;
const NULL_DEVICE = "/dev/null";

/**
 * Whether standard output was closed when the program was started (`>&-`). Node.js then opens /dev/null in its place,
 * for reading and writing. What a shell's `>` opens cannot be read. Programs that give /dev/null on purpose may
 * open it either way: nothing tells them apart.
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
