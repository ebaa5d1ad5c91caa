import { closeSync, fstatSync, openSync, statSync } from "node:fs";
import type { Lsn } from "../../lsn.ts";
import type { PrintedPart } from "../../postgres/messages/boundary.ts";
import {
  boundaryOfLine,
  isOutside,
  lineMark,
  lsnAt,
  parseLineHead,
  subxidOf,
} from "../../render/ndjson/grammar.ts";
import { HEAD_BYTES_MAX, lineHeads } from "./line-heads.ts";
import { readAt } from "./read-at.ts";

const CHUNK_BYTES = 1 << 20;
/** What begins before its end: blocks, and prepared transactions, which the server may send again in blocks. */
const FIRSTS = [lineMark("stream_start"), lineMark('prepare"'), lineMark("stream_prepare")];
const COMMITS = [lineMark('commit"'), lineMark('stream_commit"')];

/**
 * Yields the lines about blocks of streamed transactions and about prepared transactions in a recovered file, and all
 * ends behind the first of them.
 * @param oldest the slot's restart_lsn: what began before it has ended and need not be found
 * @param start the part of the file before this offset is not needed either
 */
export function* readStreamedLines(path: string, oldest: Lsn, start = 0): Generator<PrintedPart> {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return;
  const fd = openSync(path, "r");
  try {
    const { size } = fstatSync(fd);
    const from = findFirst(fd, start > size ? 0 : start, size, oldest);
    if (from === undefined) return;
    let inBlock = false;
    for (const { text } of lineHeads(fd, from, size)) {
      const line = parseHead(text, inBlock);
      if (line === undefined) continue;
      // A block that is still open at the beginning of a transaction was cut off with its connection.
      if (line.kind === "boundary") inBlock = line.boundary.opens === "block";
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
function findFirst(fd: number, lowest: number, size: number, oldest: Lsn): number | undefined {
  let first: number | undefined;
  for (let end = size; end > lowest; end -= CHUNK_BYTES) {
    const start = Math.max(lowest, end - CHUNK_BYTES);
    // Includes the line break before the first line; the file's own first line gets an added one.
    const from = Math.max(0, start - 1);
    const bytes = readAt(fd, from, Math.min(size, end + HEAD_BYTES_MAX) - from);
    const text = from === start ? Buffer.concat([Buffer.from("\n"), bytes]) : bytes;
    const places = FIRSTS.map((mark) => text.indexOf(mark)).filter((at) => at !== -1);
    if (places.length > 0) first = start + Math.min(...places);
    if (COMMITS.some((commit) => isOld(text, text.indexOf(commit), oldest))) break;
  }
  return first;
}

function isOld(text: Buffer, at: number, oldest: Lsn): boolean {
  if (at === -1) return false;
  const head = text.toString("latin1", at + 1, at + HEAD_BYTES_MAX);
  const end = lsnAt(head, "end_lsn");
  return end !== undefined && end <= oldest;
}

function parseHead(head: string, inBlock: boolean): PrintedPart | undefined {
  const { kind, lsn, xid } = parseLineHead(head) ?? {};
  if (xid === undefined) return undefined;
  switch (kind) {
    case "insert":
    case "update":
    case "delete":
    case "truncate":
    case "message":
      return inBlock && lsn !== undefined && !isOutside(head)
        ? { kind: kind === "message" ? kind : "change", xid, lsn }
        : undefined;
    default: {
      const boundary = boundaryOfLine(head);
      if (boundary !== undefined) return { kind: "boundary", boundary };
      const subxid = subxidOf(head);
      return subxid === undefined ? undefined : { kind: "abort", xid, subxid };
    }
  }
}
