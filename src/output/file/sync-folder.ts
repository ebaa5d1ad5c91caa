import { closeSync, fsyncSync, openSync } from "node:fs";

/** Makes a new file name survive a power cut. Some systems do not allow or support it. */
export function syncFolder(path: string): void {
  try {
    const fd = openSync(path, "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // The fsync of the file itself is what matters.
  }
}
