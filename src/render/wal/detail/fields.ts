import type { DetailRow, DetailSink } from "./sink.ts";

type Field = number | boolean | string | readonly number[] | readonly DetailRow[] | undefined;

/** Passes on what a reader returned, by its own keys. Undefined: the record does not have it. */
export function describeFields(fields: Readonly<Record<string, Field>>, sink: DetailSink): void {
  for (const [key, value] of Object.entries(fields)) {
    if (typeof value === "number") sink.number(key, value);
    else if (typeof value === "boolean") sink.bool(key, value);
    else if (typeof value === "string") sink.text(key, value);
    else if (isNumbers(value)) sink.numbers(key, value);
    else if (value !== undefined) sink.rows(key, value);
  }
}

function isNumbers(list: Field): list is readonly number[] {
  return Array.isArray(list) && list.every((each) => typeof each === "number");
}
