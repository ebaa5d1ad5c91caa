/**
 * The parts of walctl's NDJSON lines in FILE that walctl reads again. render writes them and output reads them back,
 * both through these definitions. The keys and their order are part of the contract.
 */
import { INVALID_LSN, type Lsn, parseLsn } from "../../lsn.ts";
import { type PgTime, pgTimeFromUnixMs } from "../../pg-time.ts";
import { type Boundary, boundaryOf } from "../../pgoutput/boundary.ts";
import type { OtherMessage } from "../../pgoutput/messages.ts";

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

export function lsnOf(line: string, key: LsnKey): Lsn | undefined {
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
  if (kind === undefined || xid === undefined) return undefined;
  return boundaryOf(new LineMessage(kind, xid, line) as unknown as OtherMessage);
}

/** The properties of messages that boundaryOf() asks for, each read when it is asked for. */
class LineMessage {
  readonly kind: string;
  readonly transaction: { readonly xid: number };
  readonly #line: string;

  constructor(kind: string, xid: number, line: string) {
    this.kind = kind;
    this.transaction = { xid };
    this.#line = line;
  }

  get finalLsn(): Lsn {
    return this.commitLsn;
  }
  get commitLsn(): Lsn {
    return this.#lsn("commit_lsn");
  }
  get prepareLsn(): Lsn {
    return this.#lsn("prepare_lsn");
  }
  get endLsn(): Lsn {
    return this.#lsn("end_lsn");
  }
  get rollbackEndLsn(): Lsn {
    return this.#lsn("rollback_end_lsn");
  }
  get subxid(): number | undefined {
    return subxidOf(this.#line);
  }
  get commitTime(): PgTime | null {
    return this.#time("commit_time");
  }
  get prepareTime(): PgTime | null {
    return this.#time("prepare_time");
  }
  get rollbackTime(): PgTime | null {
    return this.#time("rollback_time");
  }

  #lsn(key: LsnKey): Lsn {
    return lsnOf(this.#line, key) ?? INVALID_LSN;
  }

  #time(key: string): PgTime | null {
    const unixMs = Date.parse(new RegExp(`"${key}":"([^"]*)"`).exec(this.#line)?.[1] ?? "");
    return Number.isNaN(unixMs) ? null : pgTimeFromUnixMs(unixMs);
  }
}

/** The subtransaction that a line says was rolled back. */
export function subxidOf(line: string): number | undefined {
  const xid = /"subxid":(\d+)/.exec(line)?.[1];
  return xid === undefined ? undefined : Number(xid);
}
