import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, statSync } from "node:fs";
import { WalctlError } from "../../errors.ts";
import { INVALID_LSN } from "../../lsn.ts";
import { unixMsFromPgTime } from "../../pg-time.ts";
import {
  type Boundary,
  isEnding,
  ENDING_KINDS,
  isSureToComeAgain,
} from "../../postgres/messages/boundary.ts";
import {
  beginsLine,
  boundaryOfLine,
  isOutside,
  lineMark,
  lsnAt,
  parseLineHead,
} from "../../render/ndjson/grammar.ts";
import { type FileEnd, NO_END } from "./file-end.ts";
import { HEAD_BYTES_MAX, type LineHead, lineHeads } from "./line-heads.ts";
import { readAt } from "./read-at.ts";

/** What an earlier run left in the file. */
export interface Recovered {
  readonly end: FileEnd;
  /** How many bytes of an unfinished transaction, block or line were cut off. The server sends them again. */
  readonly bytesCut: number;
  /** The size after the cut. */
  readonly size: number;
}

const NOTHING: Recovered = { end: NO_END, bytesCut: 0, size: 0 };

const CHUNK_BYTES = 1 << 20;
const END_MARKS = ENDING_KINDS.map((kind) => lineMark(`${kind}"`));

/**
 * Cuts an NDJSON file where a transaction, a block of a streamed transaction, or a line begins that has no end. The
 * server sends that again. Whole messages outside of transactions and whole blocks of streamed ones behind the last
 * transaction stay, since they may have been acknowledged.
 * @param from bytes before this offset are not read
 * @throws WalctlError if the file cannot be read or is not walctl's; it is then unchanged
 */
export function recoverOutput(path: string, from: number): Recovered {
  return withFile(path, "r+", (fd, size) => {
    const { keep, end } = findEnd(fd, startIn(from, size), size, path);
    return cut(fd, keep, size, end);
  });
}

/**
 * Cuts only an unfinished last line, for a file that does not show where its transactions end.
 * @throws as recoverOutput
 */
export function recoverLastLine(path: string): Recovered {
  return withFile(path, "r+", (fd, size) => {
    requireOurs(fd, size, path);
    const keep = lastLineEnd(fd, size);
    requireTorn(fd, keep, size, path);
    return cut(fd, keep, size, NO_END);
  });
}

function cut(fd: number, keep: number, size: number, end: FileEnd): Recovered {
  if (keep < size) ftruncateSync(fd, keep);
  // The previous process may have been killed before its fsync, and the next status update confirms what the file
  // contains.
  fsyncSync(fd);
  return { end, bytesCut: size - keep, size: keep };
}

/** Finds how far the file goes, only by reading: another program may be writing it. */
export function readOutputEnd(path: string, from: number): FileEnd {
  return withFile(path, "r", (fd, size) => {
    const { end, keep } = findEnd(fd, startIn(from, size), size, path);
    return { end, bytesCut: 0, size: keep };
  }).end;
}

export function hasContent(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** Refuses a file that walctl did not write. */
export function requireOwnOutput(path: string): void {
  withFile(path, "r", (fd, size) => {
    requireOurs(fd, size, path);
    return NOTHING;
  });
}

/** Refuses a file that needs recovery before lines can be appended. */
export function requireWholeLines(path: string): void {
  requireOwnOutput(path);
  withFile(path, "r", (fd, size) => {
    const at = lastLineEnd(fd, size);
    if (at < size) throw new WalctlError(`the last line of "${path}" has no end`);
    return NOTHING;
  });
}

function withFile(
  path: string,
  flags: "r" | "r+",
  body: (fd: number, size: number) => Recovered,
): Recovered {
  let fd: number;
  try {
    // Opening a FIFO would wait for the other side.
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

/** The whole file if it was emptied since. */
function startIn(from: number, size: number): number {
  return from > size ? 0 : from;
}

function findEnd(
  fd: number,
  from: number,
  size: number,
  path: string,
): { readonly keep: number; readonly end: FileEnd } {
  requireOurs(fd, size, path);
  const highest = findHighestEnd(fd, from, size, path);
  return scanTail(fd, highest?.next ?? from, size, highest?.end ?? NO_END, path);
}

function requireOurs(fd: number, size: number, path: string): void {
  const text = readAt(fd, 0, Math.min(size, HEAD_BYTES_MAX)).toString("latin1");
  const lineEnd = text.indexOf("\n");
  // A file that begins with zeros is more likely a disk image than the result of a power cut.
  const torn = lineEnd === -1 && !text.includes("\0") && isTorn(text);
  if (!torn && parseLineHead(text) === undefined) throw notOurs(path, 0);
}

/**
 * Whether it may be the beginning of a line of walctl's, followed by zeros: a power cut leaves these in place of bytes
 * that were not synced.
 */
function isTorn(text: string): boolean {
  const zeros = text.indexOf("\0");
  return beginsLine(zeros === -1 ? text : text.slice(0, zeros));
}

/** Refuses to cut what another program may have appended. */
function requireTorn(fd: number, at: number, size: number, path: string): void {
  const text = readAt(fd, at, Math.min(size - at, HEAD_BYTES_MAX)).toString("latin1");
  if (!isTorn(text)) throw notOurs(path, at);
}

/** The offset after the last line break. */
function lastLineEnd(fd: number, size: number): number {
  for (let end = size; end > 0; end -= CHUNK_BYTES) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const at = readAt(fd, start, end - start).lastIndexOf("\n");
    if (at !== -1) return start + at + 1;
  }
  return 0;
}

/**
 * The highest end, and the offset behind which lines may be beyond it: all ends and messages come in the order of the
 * log, but late prepares.
 */
function findHighestEnd(
  fd: number,
  from: number,
  size: number,
  path: string,
): { readonly end: FileEnd; readonly next: number } | undefined {
  let highest: Boundary | undefined;
  for (const { text, at, next } of endsBackwards(fd, from, size)) {
    const end = endIn(text, at, path);
    if (highest === undefined || end.end > highest.end) highest = end;
    if (end.fate !== "prepare") return { end: fileEndOf(highest), next };
  }
  return highest && { end: fileEndOf(highest), next: from };
}

/** Reads in pieces. */
function* endsBackwards(fd: number, from: number, size: number): Generator<LineHead> {
  for (let end = size; end > from; end -= CHUNK_BYTES) {
    const start = Math.max(from, end - CHUNK_BYTES);
    // One byte more at the front for the line break, some behind for a line that starts at the end of the piece.
    const before = Math.max(0, start - 1);
    const bytes = readAt(fd, before, Math.min(size, end + HEAD_BYTES_MAX) - before);
    const text = before === start ? Buffer.concat([Buffer.from("\n"), bytes]) : bytes;
    for (let search = end - start - 1; search >= 0;) {
      const at = Math.max(...END_MARKS.map((mark) => text.lastIndexOf(mark, search)));
      if (at === -1) break;
      const lineEnd = text.indexOf("\n", at + 1);
      if (lineEnd !== -1) {
        const head = text.toString("latin1", at + 1, lineEnd);
        yield { text: head, at: start + at, next: start + lineEnd };
      }
      search = at - 1;
    }
  }
}

/** Reads everything behind the highest end and keeps what is whole. Only walctl's own lines are cut. */
function scanTail(
  fd: number,
  from: number,
  size: number,
  end: FileEnd,
  path: string,
): { readonly keep: number; readonly end: FileEnd } {
  let keep = from;
  let read = from;
  let { messageLsn, xid } = end;
  let blockStart: number | undefined;
  let unfinished = false;
  for (const { text, at, next } of lineHeads(fd, from, size)) {
    const kind = parseLineHead(text)?.kind;
    if (kind === undefined && text.includes("\0") && isTorn(text)) break;
    if (kind === undefined) throw notOurs(path, at);
    read = next;
    if (isEnding(kind)) {
      ({ xid } = endIn(text, at, path));
      unfinished = false;
      // As before a message: see below.
      blockStart = undefined;
    }
    // Only its own end can follow it.
    if (kind === "begin" || kind === "begin_prepare") unfinished = true;
    if (unfinished) continue;
    if (kind === "stream_start") blockStart = at;
    else if (kind === "stream_stop") blockStart = undefined;
    else if (kind === "message" && isOutside(text)) {
      messageLsn = lsnAt(text, "message_lsn") ?? messageLsn;
      // A message comes between blocks: a block that is still open was cut off with its connection, and its lines
      // count.
      blockStart = undefined;
    }
    keep = blockStart ?? next;
  }
  requireTorn(fd, read, size, path);
  return { keep, end: { ...end, messageLsn, xid } };
}

function endIn(line: string, at: number, path: string): Boundary {
  const boundary = boundaryOfLine(line);
  if (boundary === undefined || boundary.end === INVALID_LSN) throw notOurs(path, at);
  return boundary;
}

function fileEndOf(boundary: Boundary): FileEnd {
  const { xid, record, end, time, twoPhase } = boundary;
  return {
    endLsn: end,
    messageLsn: INVALID_LSN,
    xid,
    commit:
      time !== null && isSureToComeAgain(boundary)
        ? { xid, commitLsn: record, commitUnixMs: unixMsFromPgTime(time), twoPhase }
        : undefined,
  };
}

function notOurs(path: string, at: number): WalctlError {
  return new WalctlError(
    `"${path}" was not written by walctl: its line at byte ${at} is another program's`,
    {
      detail: "Nothing in it has been changed.",
      hint: `${at === 0 ? "Give" : "Move that line elsewhere, or give"} --output another file.`,
    },
  );
}
