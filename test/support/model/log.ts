/** The log of a database as a simulated walsender reads it, and what a reader has to have of it at the end. */
/** A row, truncate or message. A change that is not published is in a table that no publication has, or a filter removes it. */
export interface LoggedChange {
  readonly id: string;
  readonly published: boolean;
}

export interface Written {
  /** The xid of the transaction, or of the subtransaction that wrote it. */
  readonly xid: number;
  readonly top: number;
}
export interface Finished {
  readonly xid: number;
  readonly gid: string;
}
export type Content =
  /** One record of a multi-insert has several rows. */
  | ({ readonly kind: "rows"; readonly changes: readonly LoggedChange[] } & Written)
  | ({ readonly kind: "truncate" | "message"; readonly changes: readonly LoggedChange[] } & Written)
  /** A row lock: the transaction has an xid, and nothing to decode. */
  | ({ readonly kind: "lock" } & Written)
  | { readonly kind: "outside"; readonly id: string }
  | { readonly kind: "commit"; readonly xid: number }
  /** Of a transaction, or of a subtransaction; `subxids` were released into it and go with it. */
  | ({ readonly kind: "abort"; readonly subxids: readonly number[] } & Written)
  | ({ readonly kind: "prepare" | "commit_prepared" } & Finished)
  | ({ readonly kind: "rollback_prepared"; readonly subxids: readonly number[] } & Finished)
  /** XLOG_RUNNING_XACTS. */
  | { readonly kind: "running"; readonly oldestXid: number }
  /** The server crashed: what was open and not prepared has ended without a record. */
  | { readonly kind: "crash" }
  | { readonly kind: "other" };

/** The record's bytes are [start, end). */
export type LogRecord = {
  readonly start: number;
  readonly end: number;
  /** In microseconds: each record has a millisecond of its own. */
  readonly time: bigint;
} & Content;

export interface SimulatedLog {
  readonly records: readonly LogRecord[];
  /** Transactions that a replication origin replays. */
  readonly ofOrigin: ReadonlySet<number>;
  /** xid → the position from which on it, a subtransaction too, is known to be rolled back. */
  readonly deaths: ReadonlyMap<number, number>;
  /** The positions of changes: a message's is the end of its record. */
  readonly positions: ReadonlyMap<string, number>;
}

/** What a reader has to have of one end, or of one message outside of transactions. */
export interface Expected {
  /** The start of the record that ends it. */
  readonly at: number;
  readonly xid: number;
  readonly ids: readonly string[];
}

/**
 * Everything that ends at or behind `from`, once, in the order of the ends.
 * @param isEarly whether a transaction prepared there counts at its PREPARE, not at its COMMIT PREPARED
 */
export function expectedOf(
  log: SimulatedLog,
  from: number,
  isEarly: (xid: number, prepareAt: number) => boolean,
  messages: boolean,
): readonly Expected[] {
  const prepares = new Map<number, number>();
  const expected: Expected[] = [];
  for (const { start: at, ...record } of log.records) {
    if (record.kind === "outside" && messages) expected.push({ at, xid: 0, ids: [record.id] });
    if (record.kind === "prepare") prepares.set(record.xid, at);
    const xid = "xid" in record ? record.xid : 0;
    const early = isEarly(xid, prepares.get(xid) ?? -1);
    const ends = record.kind === "commit" || (record.kind === "commit_prepared" && !early);
    if (ends || (record.kind === "prepare" && early))
      expected.push({ at, xid: record.xid, ids: idsOf(log, record.xid, messages) });
  }
  return expected
    .filter(({ at, ids }) => at >= from && ids.length > 0)
    .toSorted((one, other) => one.at - other.at);
}

/** The published changes of a transaction that no savepoint took back. */
function idsOf({ records, deaths }: SimulatedLog, top: number, messages: boolean): string[] {
  return records.flatMap((record) => {
    if (!("changes" in record) || record.top !== top) return [];
    if (record.kind === "message" && !messages) return [];
    const back = (deaths.get(record.xid) ?? Infinity) < (deaths.get(top) ?? Infinity);
    if (back) return [];
    return record.changes.filter(({ published }) => published).map(({ id }) => id);
  });
}
