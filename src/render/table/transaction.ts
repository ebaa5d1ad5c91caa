import { formatLsn, INVALID_LSN } from "../../lsn.ts";
import type {
  Begin,
  BeginPrepare,
  Origin,
  Prepare,
  StreamStart,
  Transaction,
} from "../../pgoutput/messages.ts";
import { formatPgTime, type PgTime } from "../../pg-time.ts";
import type { Paint, Palette } from "../terminal/painted.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";
import { countOf, formatCount } from "./numbers.ts";
import { type Counts, SIGNS } from "./tally.ts";

/**
 * What is said about a transaction as a whole: the title and the last line of its box, and its fate when
 * that comes later. Each a list of parts, the most important first, to be laid out as they fit.
 */
export type Parts = readonly Part[];

export interface Part {
  /** Sanitized. */
  readonly text: string;
  readonly paint?: Paint | undefined;
}

export function beginParts(message: Begin, palette: Palette): Parts {
  const committed = message.aborted !== true;
  return [
    part(`BEGIN ${xidOf(message.transaction)}`, palette.strong),
    ...(committed ? [part(formatTime(message.commitTime))] : []),
    ...(committed ? [part(`commit ${formatLsn(message.finalLsn)}`)] : []),
    ...(message.partial === true ? [part("began before this WAL", palette.pending)] : []),
  ];
}

export function abortParts(transaction: Transaction, counts: Counts, palette: Palette): Parts {
  return [part(`ROLLBACK ${xidOf(transaction)}`, palette.aborted), ...countParts(counts)];
}

export function originParts(message: Origin): Parts {
  // A session that only calls itself an origin has no position there.
  const at = message.originLsn === INVALID_LSN ? "" : ` at ${formatLsn(message.originLsn)}`;
  return [part(`origin ${quoted(message.name)}${at}`)];
}

/** Of a transaction whose Begin was not seen: cut off, or filtered out. */
export function continuedParts(transaction: Transaction, palette: Palette): Parts {
  const time = transaction.commitTime === null ? [] : [part(formatTime(transaction.commitTime))];
  return [part(xidOf(transaction), palette.strong), ...time];
}

export function commitParts(
  transaction: Transaction | null,
  counts: Counts,
  palette: Palette,
): Parts {
  return [part(`COMMIT ${xidOf(transaction)}`, palette.committed), ...countParts(counts)];
}

export function streamStartParts(message: StreamStart, palette: Palette): Parts {
  return [
    part(`STREAM ${xidOf(message.transaction)}`, palette.strong),
    part(message.firstSegment ? "still in progress" : "still in progress, continued"),
  ];
}

export function streamStopParts(
  transaction: Transaction | null,
  counts: Counts,
  palette: Palette,
): Parts {
  return [
    part(`PENDING ${xidOf(transaction)}`, palette.pending),
    ...countParts(counts),
    part("may yet be rolled back"),
  ];
}

export function beginPrepareParts(message: BeginPrepare, palette: Palette): Parts {
  return [
    part(`BEGIN ${xidOf(message.transaction)}`, palette.strong),
    part(`gid ${quoted(message.gid)}`),
    part(formatTime(message.prepareTime)),
    part(`prepare ${formatLsn(message.prepareLsn)}`),
  ];
}

export function prepareParts(message: Prepare, counts: Counts, palette: Palette): Parts {
  return [
    part(`PENDING ${xidOf(message.transaction)}`, palette.pending),
    ...countParts(counts),
    part(`prepared as ${quoted(message.gid)}`),
  ];
}

/** In ASCII, for a status line. */
export function collapsedText(xid: number, hidden: number): string {
  return `${countOf(hidden, "change")} of xid ${xid} not shown`;
}

export function subtransactionParts(transaction: Transaction, top: number): Parts {
  return [part(transaction.xid === top ? `xid ${top}` : `subtransaction xid ${transaction.xid}`)];
}

/** `3 changes`, and when they are of several kinds `+1 ~2`, in the signs of the rows. */
export function countParts(counts: Counts): Parts {
  const { message: messages, ...rows } = counts;
  const changes = Object.values(rows).reduce((sum, count) => sum + count, 0);
  const signs = signsOf(rows);
  const kinds = signs.length < 2 ? "" : ` (${signs.map(({ text }) => text).join(" ")})`;
  const messageParts = messages === 0 ? [] : [part(countOf(messages, "message"))];
  if (changes === 0 && messages > 0) return messageParts;
  return [part(`${countOf(changes, "change")}${kinds}`), ...messageParts];
}

/** `+3` `~2`: each kind that there is any of. */
export function signsOf(counts: Partial<Counts>): readonly { kind: keyof Counts; text: string }[] {
  return SIGNS.flatMap(({ kind, sign }) => {
    const count = counts[kind] ?? 0;
    return count === 0 ? [] : [{ kind, text: `${sign}${formatCount(count)}` }];
  });
}

export function part(text: string, paint?: Paint): Part {
  return { text, paint };
}

/** `2026-11-24 10:57:43.123456Z`: ISO 8601's own alternative to the `T`, easier on the eye. */
export function formatTime(time: PgTime): string {
  return formatPgTime(time).replace("T", " ");
}

export function xidOf(transaction: Transaction | null): string {
  return transaction === null ? "transaction" : `xid ${transaction.xid}`;
}

export function quoted(name: string): string {
  return `'${sanitizeLine(name)}'`;
}
