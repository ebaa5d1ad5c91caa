import { formatLsn, INVALID_LSN } from "../../lsn.ts";
import type {
  Begin,
  BeginPrepare,
  Origin,
  StreamStart,
  Transaction,
} from "../../postgres/messages/messages.ts";
import type { Paint, Palette } from "../terminal/painted.ts";
import { clearLine, isUnclear } from "../bytes/sanitize.ts";
import { countOf, formatCount } from "../cells/numbers.ts";
import { quote } from "../cells/value.ts";
import { type Counts, signOfCount, SIGNED } from "./tally.ts";

/** Facts about a transaction besides its time and xid, the most important first, laid out as they fit. */
export type Parts = readonly Part[];

export interface Part {
  /** Sanitized. */
  readonly text: string;
  readonly paint?: Paint | undefined;
}

export function beginParts(message: Begin, expanded: boolean, palette: Palette): Parts {
  const { finalLsn, aborted, partial } = message;
  return [
    ...(aborted === true ? abortParts(palette) : []),
    ...(partial === true ? [part("may have begun before this WAL", palette.pending)] : []),
    ...(expanded && aborted !== true ? [part(`commit ${formatLsn(finalLsn)}`)] : []),
  ];
}

export function abortParts(palette: Palette): Parts {
  return [part("ROLLBACK", palette.aborted)];
}

export function originParts(message: Origin): Parts {
  // A session may name an origin without a position there.
  const at = message.originLsn === INVALID_LSN ? "" : ` at ${formatLsn(message.originLsn)}`;
  return [part(`origin ${quoted(message.name)}${at}`)];
}

export function streamStartParts(message: StreamStart, palette: Palette): Parts {
  const what = message.firstSegment ? "in progress" : "in progress, continued";
  return [part(what, palette.pending), part("may yet be rolled back")];
}

export function beginPrepareParts(message: BeginPrepare, palette: Palette): Parts {
  return [part(`PREPARED ${quoted(message.gid)}`, palette.pending), part("may yet be rolled back")];
}

/** In ASCII, for a status line. */
export function collapsedText(xid: number, hidden: number): string {
  return `${countOf(hidden, "change")} of xid ${xid} not shown`;
}

export function subtransactionParts(transaction: Transaction, top: number): Parts {
  return [part(transaction.xid === top ? `xid ${top}` : `subtransaction xid ${transaction.xid}`)];
}

/** `3 changes`, followed by `+1 ~2` in the rows' signs if there are several kinds. */
export function countParts(counts: Counts, palette: Palette): Parts {
  const { message: messages, ...rows } = counts;
  const changes = Object.values(rows).reduce((sum, count) => sum + count, 0);
  const signs = signsOf(rows, palette);
  const kinds = signs.length < 2 ? "" : ` (${signs.map(({ text }) => text).join(" ")})`;
  const messageParts = messages === 0 ? [] : [part(countOf(messages, "message"))];
  if (changes === 0 && messages > 0) return messageParts;
  return [part(`${countOf(changes, "change")}${kinds}`), ...messageParts];
}

/** `+3` `~2`: one for each kind that occurs. */
export function signsOf(
  counts: Partial<Counts>,
  palette: Palette,
): readonly { kind: keyof Counts; text: string }[] {
  return SIGNED.flatMap((kind) => {
    const count = counts[kind] ?? 0;
    const sign = signOfCount(kind, palette.glyphs);
    return count === 0 ? [] : [{ kind, text: `${sign}${formatCount(count)}` }];
  });
}

export function part(text: string, paint?: Paint): Part {
  return { text, paint };
}

export function quoted(name: string): string {
  return isUnclear(name) ? `E${quote(clearLine(name.replaceAll("\\", "\\\\")))}` : quote(name);
}
