import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, statSync } from "node:fs";
import { WalctlError } from "../errors.ts";
import { type Lsn, parseLsn } from "../lsn.ts";
import { readAt } from "./read-at.ts";

/** What an earlier run left in the file. */
export interface Recovered {
  /** Where to go on: the end of the last transaction that is there whole. Undefined: there is none. */
  readonly endLsn: Lsn | undefined;
  /** Bytes of an unfinished transaction that were cut off: they will come again. */
  readonly bytesCut: number;
}

const NOTHING: Recovered = { endLsn: undefined, bytesCut: 0 };

const CHUNK_BYTES = 1 << 20;
const LINE_START = Buffer.from('\n{"kind":"');
/** Enough for the kind behind it. */
const KIND_BYTES_MAX = 32;

/** The lines that end a transaction, and their key that says where. */
const ENDS: ReadonlyMap<string, string> = new Map([
  ["commit", "end_lsn"],
  ["stream_commit", "end_lsn"],
  ["commit_prepared", "end_lsn"],
  ["prepare", "end_lsn"],
  ["stream_prepare", "end_lsn"],
  ["rollback_prepared", "rollback_end_lsn"],
]);

/**
 * Cuts an NDJSON file behind its last whole transaction: what comes after it, a torn line included, the
 * server sends again. A file without a whole transaction is emptied if all of it is one that has begun, or
 * blocks of streamed ones, and else only its torn line is cut.
 * @throws WalctlError when the file cannot be read or is none of ours
 */
export function recoverOutput(path: string): Recovered {
  return withFile(path, "r+", (fd, size) => {
    const { keep, endLsn } = findEnd(fd, size, path);
    if (keep < size) ftruncateSync(fd, keep);
    // The process before may have been killed ahead of its fsync, and the next status confirms what is there.
    fsyncSync(fd);
    return { endLsn, bytesCut: size - keep };
  });
}

/** Where the file says that one is to go on. It is only read: it may be another program that writes it now. */
export function readOutputEnd(path: string): Lsn | undefined {
  return withFile(path, "r", (fd, size) => ({ ...findEnd(fd, size, path), bytesCut: 0 })).endLsn;
}

function withFile(
  path: string,
  flags: "r" | "r+",
  body: (fd: number, size: number) => Recovered,
): Recovered {
  let fd: number;
  try {
    // A FIFO would wait for the other side.
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return NOTHING;
    fd = openSync(path, flags);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new WalctlError(`could not open "${path}" (${code ?? "unknown error"})`, { cause });
  }
  try {
    const { size } = fstatSync(fd);
    return size === 0 ? NOTHING : body(fd, size);
  } finally {
    closeSync(fd);
  }
}

function findEnd(
  fd: number,
  size: number,
  path: string,
): { keep: number; endLsn: Lsn | undefined } {
  let begins = 0;
  let blocks = 0;
  for (const { kind, at } of linesBackwards(fd, size)) {
    const key = ENDS.get(kind);
    if (key !== undefined) {
      const line = readLine(fd, at, size);
      if (line !== undefined) return { keep: at + line.length + 1, endLsn: lsnIn(line, key, path) };
    }
    if (kind === "begin") begins++;
    else if (kind === "stream_start") blocks++;
  }
  if (begins === 1 || (begins === 0 && blocks > 0)) return { keep: 0, endLsn: undefined };
  return { keep: lastLineEnd(fd, size), endLsn: undefined };
}

/** Where the lines start, the last one first, and what kind they are. */
function* linesBackwards(fd: number, size: number): Generator<{ kind: string; at: number }> {
  for (let end = size; end > 0; end -= CHUNK_BYTES) {
    const start = Math.max(0, end - CHUNK_BYTES);
    // One byte before for the line break, some behind for a line that starts at the chunk's end.
    const from = Math.max(0, start - 1);
    const text = readAt(fd, from, Math.min(size, end + LINE_START.length + KIND_BYTES_MAX) - from);
    const chunk = from === 0 ? Buffer.concat([Buffer.from("\n"), text]) : text;
    const offset = from === 0 ? 0 : from + 1;
    let at = end - from + (from === 0 ? 1 : 0) - 1;
    while (at >= 0) {
      at = chunk.lastIndexOf(LINE_START, at);
      if (at === -1) break;
      const kindStart = at + LINE_START.length;
      const kindEnd = chunk.indexOf('"', kindStart);
      yield { kind: chunk.toString("latin1", kindStart, kindEnd), at: offset + at };
      at--;
    }
  }
}

/** Undefined: the line has no end. */
function readLine(fd: number, at: number, size: number): Buffer | undefined {
  const bytes = readAt(fd, at, Math.min(CHUNK_BYTES, size - at));
  const end = bytes.indexOf("\n");
  return end === -1 ? undefined : bytes.subarray(0, end);
}

function lastLineEnd(fd: number, size: number): number {
  for (let end = size; end > 0; end -= CHUNK_BYTES) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const at = readAt(fd, start, end - start).lastIndexOf("\n");
    if (at !== -1) return start + at + 1;
  }
  return 0;
}

function lsnIn(line: Buffer, key: string, path: string): Lsn {
  const match = new RegExp(`"${key}":"([0-9A-F/]+)"`).exec(line.toString("utf8"));
  const lsn = match?.[1] === undefined ? undefined : parseLsn(match[1]);
  if (lsn !== undefined) return lsn;
  throw new WalctlError(`the last commit in "${path}" does not tell its ${key}`, {
    hint: "Give another file to --output, or move this one out of the way.",
  });
}
