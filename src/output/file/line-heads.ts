import { readAt } from "./read-at.ts";

const CHUNK_BYTES = 1 << 20;
/** A line up to what is asked of it: a gid, which may be before that, is of 200 bytes. */
export const HEAD_BYTES_MAX = 1024;

/** A line of a file without what is too long to matter: a row may be of a gigabyte. */
export interface LineHead {
  readonly text: string;
  /** Where the line starts, and where the next one does. */
  readonly at: number;
  readonly next: number;
}

/** The lines that have an end, in their order. */
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
