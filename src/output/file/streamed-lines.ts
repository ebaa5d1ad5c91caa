import { closeSync, fstatSync, openSync, statSync } from "node:fs";
import type { Lsn } from "../../lsn.ts";
import { isOutside, lineMark, lsnOf, parseLineHead } from "../../render/ndjson/grammar.ts";
import { HEAD_BYTES_MAX, lineHeads } from "./line-heads.ts";
import { readAt } from "./read-at.ts";

/** What a line of an NDJSON file says about transactions that were printed while they were open. */
export type StreamedLine =
  | { readonly kind: "start" | "stop"; readonly xid: number }
  /** A row, truncate or message inside a block. */
  | { readonly kind: "change"; readonly xid: number; readonly lsn: Lsn }
  | { readonly kind: "abort"; readonly xid: number; readonly subxid: number }
  /** The end of any transaction, streamed or not. `lsn` is inside the record that ended it. */
  | { readonly kind: "end"; readonly xid: number; readonly lsn: Lsn };

const CHUNK_BYTES = 1 << 20;
const BLOCK_START = lineMark("stream_start");
const COMMITS = [lineMark('commit"'), lineMark('stream_commit"')];

/**
 * Yields the lines about blocks of streamed transactions in a recovered file, and all ends behind the first block.
 * @param oldest the slot's restart_lsn: what began before it has ended and need not be found
 * @param start the part of the file before this offset is not needed either
 */
export function* readStreamedLines(path: string, oldest: Lsn, start = 0): Generator<StreamedLine> {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return;
  const fd = openSync(path, "r");
  try {
    const { size } = fstatSync(fd);
    const from = findFirstBlock(fd, start > size ? 0 : start, size, oldest);
    if (from === undefined) return;
    let inBlock = false;
    for (const { text } of lineHeads(fd, from, size)) {
      const line = parseHead(text, inBlock);
      if (line === undefined) continue;
      if (line.kind === "start") inBlock = true;
      else if (line.kind === "stop") inBlock = false;
      yield line;
    }
  } finally {
    closeSync(fd);
  }
}

/**
 * Searches backwards, up to a commit at or before `oldest`. What was printed before that commit was decoded before it,
 * so it does not belong to a transaction that began later.
 */
function findFirstBlock(fd: number, lowest: number, size: number, oldest: Lsn): number | undefined {
  let first: number | undefined;
  for (let end = size; end > lowest; end -= CHUNK_BYTES) {
    const start = Math.max(lowest, end - CHUNK_BYTES);
    // Includes the line break before the first line; the file's own first line gets an added one.
    const from = Math.max(0, start - 1);
    const bytes = readAt(fd, from, Math.min(size, end + HEAD_BYTES_MAX) - from);
    const text = from === start ? Buffer.concat([Buffer.from("\n"), bytes]) : bytes;
    const at = text.indexOf(BLOCK_START);
    if (at !== -1) first = start + at;
    if (COMMITS.some((commit) => isOld(text, text.indexOf(commit), oldest))) break;
  }
  return first;
}

function isOld(text: Buffer, at: number, oldest: Lsn): boolean {
  if (at === -1) return false;
  const head = text.toString("latin1", at + 1, at + HEAD_BYTES_MAX);
  const end = lsnOf(head, "end_lsn");
  return end !== undefined && end <= oldest;
}

function parseHead(head: string, inBlock: boolean): StreamedLine | undefined {
  const { kind, lsn, xid } = parseLineHead(head) ?? {};
  if (xid === undefined) return undefined;
  switch (kind) {
    case "stream_start":
      return { kind: "start", xid };
    case "stream_stop":
    // A block that is still open was cut off with its connection.
    case "begin":
    case "begin_prepare":
      return { kind: "stop", xid };
    case "stream_abort":
      return { kind: "abort", xid, subxid: Number(/"subxid":(\d+)/.exec(head)?.[1] ?? xid) };
    case "commit":
    case "stream_commit":
    case "commit_prepared":
      return endOf(xid, lsnOf(head, "commit_lsn"));
    case "prepare":
    case "stream_prepare":
      return endOf(xid, lsnOf(head, "prepare_lsn"));
    case "insert":
    case "update":
    case "delete":
    case "truncate":
    case "message":
      return changeOf(head, inBlock, xid, lsn);
    default:
      return undefined;
  }
}

function endOf(xid: number, lsn: Lsn | undefined): StreamedLine | undefined {
  return lsn === undefined ? undefined : { kind: "end", xid, lsn };
}

function changeOf(
  head: string,
  inBlock: boolean,
  xid: number,
  lsn: Lsn | undefined,
): StreamedLine | undefined {
  if (!inBlock || lsn === undefined || isOutside(head)) return undefined;
  return { kind: "change", xid, lsn };
}
