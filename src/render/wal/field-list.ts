import { type Lsn, formatLsn } from "../../lsn.ts";
import { type PgTime, formatPgTime } from "../../pg-time.ts";
import type { DetailRow, DetailSink } from "./detail/sink.ts";
import { formatPosition } from "../../postgres/pages/position.ts";

/** Collects a payload's fields as text, for people. */
export class FieldList implements DetailSink {
  readonly fields: (readonly [key: string, text: string])[] = [];

  number(key: string, value: number): void {
    this.#add(key, String(value));
  }

  bool(key: string, value: boolean): void {
    this.#add(key, value ? "true" : "false");
  }

  text(key: string, value: string): void {
    this.#add(key, value);
  }

  position(key: string, value: number): void {
    this.#add(key, formatPosition(value));
  }

  lsn(key: string, value: Lsn): void {
    this.#add(key, formatLsn(value));
  }

  time(key: string, value: PgTime): void {
    this.#add(key, formatForPeople(value));
  }

  names(key: string, value: readonly string[]): void {
    if (value.length > 0) this.#add(key, value.join(", "));
  }

  numbers(key: string, value: readonly number[]): void {
    if (value.length > 0) this.#add(key, value.join(", "));
  }

  rows(key: string, value: readonly DetailRow[]): void {
    this.#add(key, value.map((row) => Object.values(row).join("/")).join(", "));
  }

  #add(key: string, text: string): void {
    this.fields.push([key.replaceAll("_", " "), text]);
  }
}

/** `2026-11-25 01:49:05.731999Z` */
export function formatForPeople(time: PgTime): string {
  return formatPgTime(time).replace("T", " ");
}
