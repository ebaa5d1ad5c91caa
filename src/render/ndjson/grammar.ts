/**
 * The parts of walctl's NDJSON lines in FILE that walctl reads again. render writes them and output reads them back,
 * both through these definitions. The keys and their order are part of the contract.
 */
import { INVALID_LSN, type Lsn, parseLsn } from "../../lsn.ts";
import { type PgTime, pgTimeFromUnixMs } from "../../pg-time.ts";
import { type Boundary, boundaryOf } from "../../postgres/messages/boundary.ts";
import type { OtherMessage } from "../../postgres/messages/messages.ts";

/** Keys whose value is an LSN. */
export type LsnKey =
  | "abort_lsn"
  | "commit_lsn"
  | "end_lsn"
  | "message_lsn"
  | "prepare_lsn"
  | "prepare_end_lsn"
  | "rollback_end_lsn";

/** The beginning of every line; the LSN of the message follows, or null. */
export function lineStart(kind: string): string {
  return `${KIND}${kind}${LSN}`;
}

export function keyStart(key: string): string {
  return `,"${key}":`;
}

const KIND = '{"kind":"';
const LSN = '","lsn":';

/** A line's kind, LSN and transaction; parseLineHead() returns undefined if the line is not walctl's. */
interface LineHead {
  readonly kind: string;
  readonly lsn: Lsn | undefined;
  readonly xid: number | undefined;
}

const HEAD = /^\{"kind":"(\w+)","lsn":(?:"([0-9A-F]+\/[0-9A-F]+)"|null),"xid":(?:(\d+)|null)[,}]/;

export function parseLineHead(line: string): LineHead | undefined {
  const match = HEAD.exec(line);
  if (match === null) return undefined;
  const [, kind = "", lsn, xid] = match;
  return {
    kind,
    lsn: lsn === undefined ? undefined : parseLsn(lsn),
    xid: xid === undefined ? undefined : Number(xid),
  };
}

/** Whether `text` may be the first bytes of a line of walctl's. */
export function beginsLine(text: string): boolean {
  return KIND.startsWith(text) || /^\{"kind":"\w*("(,("(l(s(n("(:.*)?)?)?)?)?)?)?)?$/.test(text);
}

/** The line break before a line of this kind and its first bytes. It also matches kinds that begin with `kind`. */
export function lineMark(kind: string): Buffer {
  return Buffer.from(`\n${KIND}${kind}`);
}

export function lsnAt(line: string, key: LsnKey): Lsn | undefined {
  const text = new RegExp(`"${key}":"([0-9A-F/]+)"`).exec(line)?.[1];
  return text === undefined ? undefined : parseLsn(text);
}

/** Whether the line of a Message belongs to no transaction. */
export function isOutside(line: string): boolean {
  return line.includes('"transactional":false');
}

/** What boundaryOf() says of the message that the line shows. Times are in milliseconds. */
export function boundaryOfLine(line: string): Boundary | undefined {
  const { kind, xid } = parseLineHead(line) ?? {};
  if (xid === undefined) return undefined;
  const lsn = (key: LsnKey): Lsn => lsnAt(line, key) ?? INVALID_LSN;
  const time = (key: string): PgTime | null => {
    const unixMs = Date.parse(new RegExp(`"${key}":"([^"]*)"`).exec(line)?.[1] ?? "");
    return Number.isNaN(unixMs) ? null : pgTimeFromUnixMs(unixMs);
  };
  // boundaryOf() asks only for the properties that a message of its kind has.
  const message = {
    kind,
    transaction: { xid },
    subxid: subxidOf(line),
    finalLsn: lsn("commit_lsn"),
    commitLsn: lsn("commit_lsn"),
    prepareLsn: lsn("prepare_lsn"),
    endLsn: lsn("end_lsn"),
    rollbackEndLsn: lsn("rollback_end_lsn"),
    commitTime: time("commit_time"),
    prepareTime: time("prepare_time"),
    rollbackTime: time("rollback_time"),
  };
  return boundaryOf(message as unknown as OtherMessage);
}

/** The subtransaction that a line says was rolled back. */
export function subxidOf(line: string): number | undefined {
  const xid = /"subxid":(\d+)/.exec(line)?.[1];
  return xid === undefined ? undefined : Number(xid);
}
