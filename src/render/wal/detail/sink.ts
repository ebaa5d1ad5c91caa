import type { Lsn } from "../../../lsn.ts";
import type { PgTime } from "../../../pg-time.ts";

/** A row of a list, such as one lock. */
export type DetailRow = Readonly<Record<string, number>>;

/** Receives the contents of a record's payload, key by key, in the order in which they are printed. */
export interface DetailSink {
  number(key: string, value: number): void;
  bool(key: string, value: boolean): void;
  text(key: string, value: string): void;
  /** Any 64 bits: a replication origin's LSN is of another server. */
  lsn(key: string, value: Lsn): void;
  time(key: string, value: PgTime): void;
  /** Equal flags give the same list object. */
  names(key: string, value: readonly string[]): void;
  numbers(key: string, value: readonly number[]): void;
  rows(key: string, value: readonly DetailRow[]): void;
}
