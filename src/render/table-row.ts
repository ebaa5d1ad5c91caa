import type { Column, Relation, RowChange } from "../pgoutput/messages.ts";
import { type ColumnValue, columnValues, type TupleData } from "../pgoutput/tuple.ts";
import { formatIdentifier } from "./identifier.ts";
import { joined, type Painted, painted, paintedWithin, type Palette, SPACE } from "./painted.ts";
import type { FlowLimits, Piece } from "./table-flow.ts";
import { formatValue } from "./table-value.ts";

/** A column of a changed row, as far as it is worth showing. */
interface Field {
  readonly column: Column;
  /** It tells which row this is: these stand first. */
  readonly identifies: boolean;
  /** Undefined: not known, or the same. */
  readonly before: ColumnValue | undefined;
  readonly value: ColumnValue;
}

export interface RowPieces {
  /** As many as can fit. */
  readonly pieces: readonly Piece[];
  /** All that there would be. */
  readonly total: number;
}

const NAME_WIDTH_MAX = 30;
const VALUE_WIDTH = 40;
const ARROW = " → ";
export const PIECE_GAP: Painted = painted("  ");

/** The columns of a change as `name=value` or `name=old → new`, the identifying ones first and a bar behind them. */
export function describeRow(message: RowChange, limits: FlowLimits, palette: Palette): RowPieces {
  const fields = fieldsOf(message);
  const identifying = fields.filter((field) => field.identifies);
  const others = fields.filter((field) => !field.identifies);
  const bar = joined(SPACE, painted("│", palette.quiet), SPACE);
  const pieces: Piece[] = [];
  let room = limits.width * limits.linesMax;
  for (const field of [...identifying, ...others]) {
    // A wide row has more columns than will ever be seen.
    if (room <= 0) break;
    const gap = field === others[0] ? bar : PIECE_GAP;
    const piece = { ...describeField(field, limits.width, palette), gap };
    pieces.push(piece);
    room -= piece.width;
  }
  const note = noteOn(message, fields);
  if (note === undefined) return { pieces, total: fields.length };
  return {
    pieces: [...pieces, { ...painted(note, palette.quiet), gap: bar }],
    total: fields.length + 1,
  };
}

/** What the columns alone would leave unsaid. */
function noteOn(message: RowChange, fields: readonly Field[]): string | undefined {
  if (fields.length === 0) return "(no columns)";
  const compared = message.kind === "update" && message.old !== null;
  if (compared && fields.every((field) => field.before === undefined)) return "(nothing changed)";
  return undefined;
}

function fieldsOf(message: RowChange): Field[] {
  const { relation } = message;
  switch (message.kind) {
    case "insert":
      return rowFields(relation, message.new);
    case "update":
      if (message.old !== null) return changedFields(relation, message.old, message.new);
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
    fields.push({ column, identifies, before: changed ? old : undefined, value });
  }
  return fields;
}

/**
 * What an update changed, when the whole old row is known (REPLICA IDENTITY FULL). All columns are the
 * identity then, so nothing says which of them tells a person what row this is: mostly the first does.
 */
function changedFields(relation: Relation, old: TupleData, row: TupleData): Field[] {
  const before = [...columnValues(old)];
  const fields: Field[] = [];
  for (const [index, value] of enumerate(columnValues(row))) {
    const column = relation.columns[index];
    const previous = before[index];
    if (column === undefined || previous === undefined) continue;
    const changed = value.kind !== "unchanged" && !sameValue(previous, value);
    const shown = value.kind === "unchanged" ? previous : value;
    if (changed || index === 0) {
      fields.push({
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
    fields.push({ column, identifies: true, before: undefined, value });
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

function describeField(field: Field, width: number, palette: Palette): Painted {
  const nameWidth = Math.max(Math.min(NAME_WIDTH_MAX, Math.floor(width / 3)), 1);
  const namePaint = field.identifies ? palette.key : palette.quiet;
  const name = paintedWithin(formatIdentifier(field.column.name), nameWidth, namePaint);
  const room = width - name.width - 1;
  const equals = painted("=", palette.quiet);
  if (field.before === undefined) {
    const limit = Math.min(room, Math.max(VALUE_WIDTH, Math.floor(width / 2)));
    const paint = field.identifies ? palette.key : undefined;
    return joined(name, equals, describeValue(field.value, limit, palette, paint));
  }
  const half = Math.max(Math.floor((room - ARROW.length) / 2), 1);
  const before = describeValue(field.before, half, palette, palette.oldValue);
  const limit = Math.max(room - ARROW.length - before.width, half);
  const after = describeValue(
    field.value,
    Math.min(limit, Math.max(VALUE_WIDTH, half)),
    palette,
    palette.newValue,
  );
  return joined(name, equals, before, painted(ARROW, palette.quiet), after);
}

function describeValue(
  value: ColumnValue,
  width: number,
  palette: Palette,
  paint?: Palette["key"],
): Painted {
  const absent = value.kind === "null" || value.kind === "unchanged";
  return painted(formatValue(value, width), absent ? palette.quiet : paint);
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
