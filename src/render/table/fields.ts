import type { Column, Relation, RowChange } from "../../pgoutput/messages.ts";
import { type ColumnValue, columnValues, type TupleData } from "../../pgoutput/tuple.ts";
import { asText } from "../values/binary-to-text.ts";
import type { Canvas } from "./view.ts";

/** A column of a changed row, as far as it is worth showing. */
export interface Field {
  readonly relation: Relation;
  readonly column: Column;
  /** It tells which row this is: these stand first. */
  readonly identifies: boolean;
  /** Undefined: not known, or the same. */
  readonly before: ColumnValue | undefined;
  readonly value: ColumnValue;
}

export interface Fields {
  readonly fields: readonly Field[];
  /** Something changed: among `fields`, or in a column that was not asked for. False also where it is not known. */
  readonly changed: boolean;
}

/** Those that were asked for, in the table's order, and always what tells which row it is. */
export function fieldsOf(message: RowChange, { view, types }: Canvas): Fields {
  const sent = sentFields(message, view.expanded);
  const { columns } = view;
  // Of a table without a key the first column is what comes nearest to one.
  const keyless = !sent.some(({ identifies }) => identifies);
  const wanted = (field: Field, index: number): boolean =>
    columns === undefined ||
    columns.has(field.column.name) ||
    field.identifies ||
    (keyless && index === 0);
  return {
    fields: sent.filter(wanted).map((field) => ({
      ...field,
      before: field.before && asText(field.before, field.column.typeOid, types),
      value: asText(field.value, field.column.typeOid, types),
    })),
    changed: sent.some(({ before }) => before !== undefined),
  };
}

/** The values as they came: only these can be compared. `whole`: also those that are known not to have changed. */
function sentFields(message: RowChange, whole: boolean): Field[] {
  const { relation } = message;
  switch (message.kind) {
    case "insert":
      return rowFields(relation, message.new);
    case "update":
      if (message.old !== null) return changedFields(relation, message.old, message.new, whole);
      return rowFields(relation, message.new, message.key);
    case "delete":
      if (message.old !== null) return rowFields(relation, message.old);
      return message.key === null ? [] : keyFields(relation, message.key);
  }
}

/** The whole row; where `key` is given, it is what the identifying columns were before. */
function rowFields(relation: Relation, row: TupleData, key: TupleData | null = null): Field[] {
  const before = key === null ? [] : [...columnValues(key)];
  const fields: Field[] = [];
  for (const [index, value] of enumerate(columnValues(row))) {
    const column = relation.columns[index];
    if (column === undefined) continue;
    const identifies = isKey(relation, column);
    const old = before[index];
    const changed = old !== undefined && isSent(relation, column, old) && !sameValue(old, value);
    fields.push({ relation, column, identifies, before: changed ? old : undefined, value });
  }
  return fields;
}

/**
 * What an update changed, when the whole old row is known (REPLICA IDENTITY FULL). All columns are the
 * identity then, so nothing says which of them tells a person what row this is: mostly the first does.
 */
function changedFields(
  relation: Relation,
  old: TupleData,
  row: TupleData,
  whole: boolean,
): Field[] {
  const before = [...columnValues(old)];
  const fields: Field[] = [];
  for (const [index, value] of enumerate(columnValues(row))) {
    const column = relation.columns[index];
    const previous = before[index];
    if (column === undefined || previous === undefined) continue;
    const changed = value.kind !== "unchanged" && !sameValue(previous, value);
    const shown = value.kind === "unchanged" ? previous : value;
    if (whole || changed || index === 0) {
      fields.push({
        relation,
        column,
        identifies: index === 0,
        before: changed ? previous : undefined,
        value: shown,
      });
    }
  }
  return fields;
}

function keyFields(relation: Relation, key: TupleData): Field[] {
  const fields: Field[] = [];
  for (const [index, value] of enumerate(columnValues(key))) {
    const column = relation.columns[index];
    if (column === undefined || !isSent(relation, column, value)) continue;
    fields.push({ relation, column, identifies: true, before: undefined, value });
  }
  return fields;
}

/** Under REPLICA IDENTITY FULL every column is flagged, which tells nothing. */
function isKey(relation: Relation, column: Column): boolean {
  return column.key && relation.replicaIdentity !== "full";
}

/**
 * Whether a key tuple's value is one, and not a placeholder for a column outside of the key. Some managed
 * services flag no column at all: then what is not null is one.
 */
function isSent(relation: Relation, column: Column, value: ColumnValue): boolean {
  return relation.keyed ? column.key : value.kind !== "null";
}

/** Byte for byte: NULL and the empty string differ. */
function sameValue(a: ColumnValue, b: ColumnValue): boolean {
  if (a.kind === "null" || a.kind === "unchanged") return a.kind === b.kind;
  if (b.kind === "null" || b.kind === "unchanged" || a.bytes.length !== b.bytes.length)
    return false;
  for (let index = 0; index < a.bytes.length; index++) {
    if (a.bytes[index] !== b.bytes[index]) return false;
  }
  return true;
}

function* enumerate<T>(items: Iterable<T>): Generator<[number, T], void, undefined> {
  let index = 0;
  for (const item of items) yield [index++, item];
}
