/** Reads standard input at some 20 MB a second, in 64 KiB at a time, as a consumer that has work to do with it. */
import { readSync } from "node:fs";

const BYTES_PER_MS = 20_000;
const buffer = Buffer.allocUnsafe(64 * 1024);
const clock = new Int32Array(new SharedArrayBuffer(4));

for (;;) {
  const length = readSync(0, buffer);
  if (length === 0) break;
  Atomics.wait(clock, 0, 0, length / BYTES_PER_MS);
}
