import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { builtinNamed } from "../../postgres/types/table.ts";
import type { Family } from "../../postgres/types/type.ts";

/**
 * How a value may be cut: JSON and text anywhere, a moment without its fraction or its date, a uuid after its first
 * group. A part of a number would be another number, so that it is shown whole.
 */
export type Kind = "json" | "text" | "moment" | "uuid" | "number";

const KINDS: Readonly<Partial<Record<Family, Kind>>> = {
  json: "json",
  jsonb: "json",
  time: "moment",
  timestamp: "moment",
  timestamptz: "moment",
  uuid: "uuid",
  boolean: "number",
  integer: "number",
  oid: "number",
  xid: "number",
  float: "number",
  numeric: "number",
  money: "number",
  date: "number",
};

/** For a domain, that of its base type. */
export function kindOf(oid: number, types: TypeRegistry): Kind {
  const shape = types.shapeOf(oid);
  if (shape?.kind === "domain") return kindOf(shape.base, types);
  const family = shape?.kind === "scalar" ? builtinNamed(shape.name)?.family : undefined;
  return (family && KINDS[family]) ?? "text";
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
