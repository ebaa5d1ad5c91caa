import type { PgTime } from "../../pg-time.ts";
import type { Relation, RowChange } from "../../postgres/messages/messages.ts";

/** The rows that are printed if they can be. */
export interface AskedRows {
  readonly kinds: (kind: RowChange["kind"] | "truncate") => boolean;
  readonly tables: (relation: Relation) => boolean;
  /** As statements: a value that an update leaves as it is need not be known. */
  readonly statements: boolean;
}

export interface RowOptions {
  readonly database: number;
  readonly old: "auto" | "logged" | "full";
  readonly aborted: boolean;
  readonly tablesChanged: boolean;
  readonly messages: boolean;
  readonly sequences: boolean;
  /** Also changes that came from replication origins. */
  readonly origins: boolean;
  /** Transactions whose end is recorded before it are left out. */
  readonly startPosition: number;
  readonly since: PgTime | undefined;
  readonly until: PgTime | undefined;
  /** Empty for all. */
  readonly xids: readonly number[];
  readonly asked: AskedRows;
}

/** Whether neither its place nor its time nor its origin leaves a transaction out. */
export function isInRange(
  { startPosition, since, until, origins }: Omit<RowOptions, "database" | "asked">,
  {
    start,
    time,
    originId,
  }: { readonly start: number; readonly time: PgTime; readonly originId: number },
): boolean {
  if (start < startPosition || (originId !== 0 && !origins)) return false;
  if (since !== undefined && time < since) return false;
  return until === undefined || time <= until;
}
