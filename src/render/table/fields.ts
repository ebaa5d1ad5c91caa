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
  /** `before` is what was seen earlier; else the server sent it. */
  readonly seen: boolean;
  readonly value: ColumnValue;
}

export interface Fields {
  readonly fields: readonly Field[];
  /** Something changed: among `fields`, or in a column that was not asked for. False also where it is not known. */
  readonly changed: boolean;
  /** An update of which nothing tells what it changed. */
  readonly unknown: boolean;
  /** What is counted in place of being among `fields`. */
  readonly nulls: number;
  readonly blanks: number;
  readonly unchanged: number;
}

const BPCHAR = 1042;
const TIMESTAMPTZ = 1184;
const BLANK = 0x20;

/**
 * Those that were asked for, and always what tells which row it is. That stands first, then what changed.
 * @param seen the row as it was seen earlier
 * @param counting of a whole row what is NULL or blank is only counted
 */
export function fieldsOf(
  message: RowChange,
  seen: TupleData | undefined,
  canvas: Canvas,
  counting = true,
): Fields {
  const { view } = canvas;
  const compared = message.kind === "update" && (message.old ?? seen) !== undefined;
  const sent = sentFields(message, seen);
  const { columns } = view;
  // Of a table without a key the first column is what comes nearest to one.
  const keyless = !sent.some(({ field }) => field.identifies);
  const isWanted = ({ field }: Sent, index: number): boolean =>
    columns === undefined ||
    columns.has(field.column.name) ||
    field.identifies ||
    (keyless && index === 0);
  const fields: Field[] = [];
  const rest: Field[] = [];
  const counts = { nulls: 0, blanks: 0, unchanged: 0 };
  for (const [index, one] of sent.entries()) {
    if (!isWanted(one, index)) continue;
    const { field, same } = one;
    if (field.identifies) continue;
    if (view.expanded || columns !== undefined) (same ? rest : fields).push(field);
    else if (same) counts.unchanged += 1;
    else if (counting && !compared && field.value.kind === "null") counts.nulls += 1;
    else if (counting && !compared && isBlank(field)) counts.blanks += 1;
    else fields.push(field);
  }
  const identifying = sent.filter(({ field }) => field.identifies).map(({ field }) => field);
  // Of an update that is known, what was asked for is shown if it changed.
  if (compared && !view.expanded) counts.unchanged += rest.length;
  const shown = compared && !view.expanded ? fields : [...fields, ...rest];
  return {
    fields: [...identifying, ...shown].map((field) => shownField(field, canvas)),
    changed: sent.some(({ field }) => field.before !== undefined),
    unknown: message.kind === "update" && !compared && message.key === null,
    ...counts,
  };
}

interface Sent {
  readonly field: Field;
  /** It is known not to have changed. */
  readonly same: boolean;
}

/** As text, as the server would print it for a person. */
function shownField(field: Field, canvas: Canvas): Field {
  const { before } = field;
  return {
    ...field,
    before: before && shownValue(before, field.column, canvas),
    value: shownValue(field.value, field.column, canvas),
  };
}

function shownValue(sent: ColumnValue, { typeOid }: Column, { types, times }: Canvas): ColumnValue {
  const value = asText(sent, typeOid, types);
  if (value.kind !== "text") return value;
  if (typeOid === BPCHAR) return { kind: "text", bytes: withoutBlanks(value.bytes) };
  if (typeOid !== TIMESTAMPTZ || times.mode !== "local") return value;
  return {
    kind: "text",
    bytes: Buffer.from(times.timestamptz(Buffer.from(value.bytes).toString())),
  };
}

/** What a char(n) is filled up with. */
function withoutBlanks(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === BLANK) end -= 1;
  return bytes.subarray(0, end);
}

/** A char(n) of nothing but what it is filled up with. */
export function isBlank({ column, value }: Field): boolean {
  if (column.typeOid !== BPCHAR || value.kind === "null" || value.kind === "unchanged")
    return false;
  // The binary form of text is the text.
  return withoutBlanks(value.bytes).length === 0;
}

/** The values as they came: only these can be compared. In the table's order. */
function sentFields(message: RowChange, seen: TupleData | undefined): Sent[] {
  const { relation } = message;
  switch (message.kind) {
    case "insert":
      return rowFields(relation, message.new);
    case "update":
      if (message.old !== null) return comparedFields(relation, message.old, message.new, false);
      if (seen !== undefined) return comparedFields(relation, seen, message.new, true, message.key);
      return rowFields(relation, message.new, message.key);
    case "delete":
      if (message.old !== null) return rowFields(relation, message.old);
      return message.key === null ? [] : keyFields(relation, message.key);
  }
}

/** The whole row; where `key` is given, it is what the identifying columns were before. */
function rowFields(relation: Relation, row: TupleData, key: TupleData | null = null): Sent[] {
  const before = key === null ? [] : [...columnValues(key)];
  const sent: Sent[] = [];
  for (const [index, value] of enumerate(columnValues(row))) {
    const column = relation.columns[index];
    if (column === undefined) continue;
    const identifies = isKey(relation, column);
    const old = before[index];
    const changed = old !== undefined && isSent(relation, column, old) && !sameValue(old, value);
    const field = { relation, column, identifies, value, seen: false };
    sent.push({ field: { ...field, before: changed ? old : undefined }, same: false });
  }
  return sent;
}

/**
 * What an update changed, when the whole old row is known: from the server (REPLICA IDENTITY FULL) or because it was
 * seen. With FULL all columns are the identity, so nothing says which of them tells a person what row this is: mostly
 * the first does.
 */
function comparedFields(
  relation: Relation,
  old: TupleData,
  row: TupleData,
  seen: boolean,
  key: TupleData | null = null,
): Sent[] {
  const before = [...columnValues(old)];
  const keys = key === null ? [] : [...columnValues(key)];
  const sent: Sent[] = [];
  for (const [index, value] of enumerate(columnValues(row))) {
    const column = relation.columns[index];
    const identifies = seen && column !== undefined ? isKey(relation, column) : index === 0;
    // The server sends a key that changed.
    const fromKey = identifies ? keys[index] : undefined;
    const previous = fromKey ?? before[index];
    if (column === undefined || previous === undefined) continue;
    const same = value.kind === "unchanged" || sameValue(previous, value);
    // What was seen did not have the value.
    const known = !seen || previous.kind !== "unchanged";
    const shown = value.kind === "unchanged" && previous.kind !== "unchanged" ? previous : value;
    const field = { relation, column, identifies, seen: seen && fromKey === undefined };
    sent.push({
      field: { ...field, before: same || !known ? undefined : previous, value: shown },
      same,
    });
  }
  return sent;
}

function keyFields(relation: Relation, key: TupleData): Sent[] {
  const sent: Sent[] = [];
  for (const [index, value] of enumerate(columnValues(key))) {
    const column = relation.columns[index];
    if (column === undefined || !isSent(relation, column, value)) continue;
    const field = { relation, column, identifies: true, before: undefined, seen: false, value };
    sent.push({ field, same: false });
  }
  return sent;
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

/** The column that alone tells a row from the others. Undefined: there is none, or several together do. */
export function soleKey(relation: Relation): Column | undefined {
  const known = soleKeys.get(relation);
  if (known !== undefined) return known.column;
  const keys = relation.replicaIdentity === "full" ? [] : relation.columns.filter(({ key }) => key);
  const column = keys.length === 1 ? keys[0] : undefined;
  soleKeys.set(relation, { column });
  return column;
}

const soleKeys = new WeakMap<Relation, { readonly column: Column | undefined }>();
