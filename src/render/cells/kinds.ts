import type { TypeRegistry } from "../../pgoutput/type-registry.ts";

/**
 * How a value may be cut: JSON and text anywhere, a moment without its fraction or its date, a uuid after its first
 * group. A part of a number would be another number, so that it is shown whole.
 */
export type Kind = "json" | "text" | "moment" | "uuid" | "number";

/** By the oids of pg_type.dat. */
const KINDS: ReadonlyMap<number, Kind> = new Map([
  ...[114, 3802].map((oid) => [oid, "json"] as const),
  ...[1083, 1114, 1184].map((oid) => [oid, "moment"] as const),
  [2950, "uuid"],
  // bool, the numbers, oid, xid, date, money, xid8
  ...[16, 20, 21, 23, 26, 28, 700, 701, 790, 1082, 1700, 5069].map(
    (oid) => [oid, "number"] as const,
  ),
]);

/** For a domain, that of its base type. */
export function kindOf(oid: number, types: TypeRegistry): Kind {
  const shape = types.shapeOf(oid);
  if (shape?.kind === "domain") return kindOf(shape.base, types);
  return KINDS.get(oid) ?? (shape?.kind === "scalar" && isJsonName(shape.name) ? "json" : "text");
}

function isJsonName(name: string): boolean {
  return name === "json" || name === "jsonb";
}

/** A longer number is a text of digits. */
const NUMBER_WIDTH_MAX = 24;
const UUID_WIDTH_MIN = 9;
const MOMENT_WIDTH_MIN = 20;
const TIME_WIDTH_MIN = 9;

/** The least width in which a value of that width says something. 0: any. */
export function leastWidth(kind: Kind, width: number, dated = true): number {
  if (kind === "moment") return Math.min(width, dated ? MOMENT_WIDTH_MIN : TIME_WIDTH_MIN);
  if (kind === "uuid") return Math.min(width, UUID_WIDTH_MIN);
  return kind === "number" && width <= NUMBER_WIDTH_MAX ? width : 0;
}

const MOMENT = /^(\d{4}-\d\d-\d\d )?(\d\d:\d\d:\d\d)(?:\.\d+)?(?:[+-][\d:]+)?$/;
const UUID_GROUP = 8;

/**
 * The longest part of it that says something, without the mark of the cut. Undefined: none does, or it is to be cut as
 * a text.
 */
export function shortened(text: string, kind: Kind, width: number): string | undefined {
  if (kind === "uuid") return width < UUID_GROUP ? undefined : text.slice(0, width);
  if (kind === "number") return text.length <= NUMBER_WIDTH_MAX ? undefined : text.slice(0, width);
  const [, date = "", time = ""] = MOMENT.exec(text) ?? [];
  return [date + time, date.trimEnd()].find((part) => part !== "" && part.length <= width);
}
