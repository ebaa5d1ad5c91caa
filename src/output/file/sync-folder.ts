import { closeSync, fsyncSync, openSync } from "node:fs";

/** So that a new name is still there after a power cut. Not everywhere may or can one do that. */
export function syncFolder(path: string): void {
  try {
    const fd = openSync(path, "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // The file's own fsync is what counts.
  }
}
