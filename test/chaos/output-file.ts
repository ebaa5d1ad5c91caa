/** The FILE of --output, which may be larger than a string can be. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { Transcript } from "./transcript.ts";

const CHUNK_BYTES = 1 << 20;
/** Longer than a commit's line. */
const END_BYTES = 1000;

/** Its whole lines; the workload's are ASCII, so that bytes are characters. */
export function readOutput(path: string): Transcript {
  return readOutputs([], path);
}

/** Those of the files that rotation left, in order, and then of that one. */
export function readOutputs(rotated: readonly string[], path: string): Transcript {
  const transcript = new Transcript();
  for (const old of rotated) transcript.nextFile(readInto(transcript, old));
  readInto(transcript, path);
  return transcript;
}

/** Gives the length of a last line that has no end. */
function readInto(transcript: Transcript, path: string): number {
  if (sizeOf(path) === 0) return 0;
  const fd = openSync(path, "r");
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let partial = "";
  for (let count = readSync(fd, chunk); count > 0; count = readSync(fd, chunk)) {
    const lines = (partial + chunk.toString("latin1", 0, count)).split("\n");
    partial = lines.pop() ?? "";
    for (const line of lines) transcript.take(line);
  }
  closeSync(fd);
  return partial.length;
}

/** Empty while it is being written. */
export function lastLine(path: string): string {
  const size = sizeOf(path);
  if (size === 0) return "";
  const fd = openSync(path, "r");
  const bytes = Buffer.alloc(Math.min(size, END_BYTES));
  readSync(fd, bytes, 0, bytes.length, size - bytes.length);
  closeSync(fd);
  return bytes.toString("latin1").split("\n").at(-2) ?? "";
}

/** 0 if there is none. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
