import type { PgTime } from "../../pg-time.ts";

/** A row of a list, such as a lock. */
export type DetailRow = Readonly<Record<string, number>>;

/** Takes what a record's payload says, key by key, in the order in which it is printed. */
export interface DetailSink {
  number(key: string, value: number): void;
  bool(key: string, value: boolean): void;
  text(key: string, value: string): void;
  position(key: string, value: number): void;
  time(key: string, value: PgTime): void;
  /** The list is the same object for the same flags. */
  names(key: string, value: readonly string[]): void;
  numbers(key: string, value: readonly number[]): void;
  rows(key: string, value: readonly DetailRow[]): void;
}
