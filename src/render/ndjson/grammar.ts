/**
 * What walctl reads again out of its own NDJSON lines, in FILE: render writes these parts and output reads them back,
 * both by what is written here. The keys and their order are the contract's.
 */
import { type Lsn, parseLsn } from "../../lsn.ts";

/** Keys whose value is an LSN. */
export type LsnKey =
  | "abort_lsn"
  | "commit_lsn"
  | "end_lsn"
  | "message_lsn"
  | "prepare_lsn"
  | "prepare_end_lsn"
  | "rollback_end_lsn";

/** Every line begins with it; the LSN of the message follows, or null. */
export function lineStart(kind: string): string {
  return `${KIND}${kind}${LSN}`;
}

export function keyStart(key: string): string {
  return `,"${key}":`;
}

const KIND = '{"kind":"';
const LSN = '","lsn":';

/** A line's kind, LSN and transaction; undefined: it is not one of ours. */
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

/** Whether `text` may be the first bytes of a line of ours. */
export function beginsLine(text: string): boolean {
  return KIND.startsWith(text) || /^\{"kind":"\w*("(,("(l(s(n("(:.*)?)?)?)?)?)?)?)?$/.test(text);
}

/** What stands before and at the beginning of a line of that kind, or of one whose kind begins so. */
export function lineMark(kind: string): Buffer {
  return Buffer.from(`\n${KIND}${kind}`);
}

export function lsnOf(line: string, key: LsnKey): Lsn | undefined {
  const text = new RegExp(`"${key}":"([0-9A-F/]+)"`).exec(line)?.[1];
  return text === undefined ? undefined : parseLsn(text);
}

/** Of a Message's line: it belongs to no transaction. */
export function isOutside(line: string): boolean {
  return line.includes('"transactional":false');
}
