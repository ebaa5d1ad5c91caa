import { readAt } from "./read-at.ts";

const CHUNK_BYTES = 1 << 20;
/** Long enough to contain every field that is searched for; a gid before it may take 200 bytes. */
export const HEAD_BYTES_MAX = 1024;

/** The beginning of a line: a row may be a gigabyte long. */
export interface LineHead {
  readonly text: string;
  /** The offset of the line, and of the next one. */
  readonly at: number;
  readonly next: number;
}

/** Yields the lines that end with a line break, in order. */
export function* lineHeads(fd: number, from: number, size: number): Generator<LineHead> {
  let head = "";
  let lineStart = from;
  for (let at = from; at < size; at += CHUNK_BYTES) {
    const chunk = readAt(fd, at, Math.min(CHUNK_BYTES, size - at));
    for (let start = 0; start < chunk.length;) {
      const end = chunk.indexOf("\n", start);
      const stop = end === -1 ? chunk.length : end;
      head += chunk.toString("latin1", start, Math.min(stop, start + HEAD_BYTES_MAX));
      if (end === -1) break;
      const next = at + end + 1;
      yield { text: head, at: lineStart, next };
      head = "";
      lineStart = next;
      start = end + 1;
    }
    head = head.slice(0, HEAD_BYTES_MAX);
  }
}
