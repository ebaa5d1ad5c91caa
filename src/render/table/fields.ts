import { familyOf } from "../../postgres/types/table.ts";
import type { Column, Relation, RowChange } from "../../postgres/messages/messages.ts";
import { ColumnKind } from "../../postgres/messages/tags.ts";
import { ColumnCursor, type ColumnValue, type TupleData } from "../../postgres/messages/tuple.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { asText } from "../values/binary-to-text.ts";
import type { Canvas } from "./view.ts";

/** A column of a changed row that is worth showing. */
export interface Field {
  readonly relation: Relation;
  readonly column: Column;
  /** The column identifies the row. These columns come first. */
  readonly identifies: boolean;
  /** Undefined if it is unknown or the same. */
  readonly before: ColumnValue | undefined;
  /** `before`, or `value` of a DELETE, came earlier; otherwise the server sent it. */
  readonly seen: boolean;
  readonly value: ColumnValue;
}

export interface Fields {
  readonly fields: readonly Field[];
  /** Something changed, in `fields` or in a column that was not asked for. Also false if nothing is known. */
  readonly changed: boolean;
  /** An update for which nothing tells what it changed, but for the key: the fields are the row as it is now. */
  readonly unknown: boolean;
  /** The row of a DELETE as it was seen before: the server sent only its key. */
  readonly remembered: boolean;
  /** Nothing tells whether an update changed one of the columns. */
  readonly unsure: boolean;
  /** The number of columns that are only counted. */
  readonly nulls: number;
  readonly blanks: number;
  readonly unchanged: number;
}

const BLANK = 0x20;

/** The row as it is, as it was, and its old key: at most one row is walked at a time. */
const NOW = new ColumnCursor();
const BEFORE = new ColumnCursor();
const KEY = new ColumnCursor();

/**
 * Returns the columns that were asked for and, in any case, those that identify the row: identifying ones first, then
 * changed ones.
 * @param seen the row as it was printed earlier
 * @param counting whether NULLs and blanks of a whole row are only counted
 */
export function fieldsOf(
  message: RowChange,
  seen: TupleData | undefined,
  canvas: Canvas,
  counting = true,
): Fields {
  const isUpdate = message.kind === "update";
  const compared = isUpdate && (message.old ?? seen) !== undefined;
  const unknown = isUpdate && !compared;
  // A NULL may be what the update set.
  const selection = new Selection(message.relation, canvas, counting && !compared && !unknown);
  selectSent(message, seen, selection);
  return {
    fields: [...selection.identifying, ...selection.fields, ...selection.unchanged],
    changed: selection.changed,
    unknown,
    remembered: message.kind === "delete" && seen !== undefined,
    unsure: selection.unsure,
    ...selection.counts,
  };
}

/** Picks what is shown while a row is walked: what is only counted costs no object, and rows come by the million. */
class Selection {
  readonly relation: Relation;
  readonly identifying: Field[] = [];
  readonly fields: Field[] = [];
  /** Expanded rows show it, and rows that nothing else identifies. */
  readonly unchanged: Field[] = [];
  readonly counts = { nulls: 0, blanks: 0, unchanged: 0 };
  changed = false;
  /** A value was sent that nothing can be compared with. */
  unsure = false;
  readonly #canvas: Canvas;
  readonly #counting: boolean;
  readonly #identity: ReadonlySet<Column>;
  /** Where nothing tells what identifies a row, the first column is the best guess. */
  readonly #first: Column | undefined;

  constructor(relation: Relation, canvas: Canvas, counting: boolean) {
    const { expanded, columns } = canvas.view;
    this.relation = relation;
    this.#canvas = canvas;
    this.#counting = counting && !expanded && columns === undefined;
    this.#identity = identityOf(relation, canvas.types);
    this.#first = this.#identity.size === 0 ? relation.columns[0] : undefined;
  }

  identifies(column: Column): boolean {
    return this.#identity.has(column);
  }

  /** Shown first, and the unchanged values behind it: together they find the row. */
  isGuess(column: Column): boolean {
    return column === this.#first;
  }

  /** @param same it is known not to have changed */
  take(
    column: Column,
    identifies: boolean,
    value: ColumnCursor,
    before?: ColumnCursor,
    seen = false,
    same = false,
  ): void {
    const { relation, counts } = this;
    const { expanded, columns } = this.#canvas.view;
    if (before !== undefined) this.changed = true;
    const asked = columns === undefined || columns.has(column.name);
    if (!asked && !identifies && !this.isGuess(column)) return;
    let group = this.identifying;
    if (!identifies) {
      // Where nothing identifies the row, its unchanged values do.
      if (same && !expanded && this.#identity.size > 0) return void (counts.unchanged += 1);
      if (this.#counting && value.kind === ColumnKind.null) return void (counts.nulls += 1);
      if (this.#counting && isBlankValue(column, value)) return void (counts.blanks += 1);
      group = same ? this.unchanged : this.fields;
    }
    group.push({
      relation,
      column,
      identifies,
      before: before && shownValue(before.value(), column, this.#canvas),
      seen,
      value: shownValue(value.value(), column, this.#canvas),
    });
  }
}

/** As text, as the server prints it for a person. */
function shownValue(sent: ColumnValue, { typeOid }: Column, { types, times }: Canvas): ColumnValue {
  const value = asText(sent, typeOid, types);
  if (value.kind !== "text") return value;
  if (familyOf(typeOid) === "padded") return { kind: "text", bytes: withoutBlanks(value.bytes) };
  if (familyOf(typeOid) !== "timestamptz" || times.mode !== "local") return value;
  return {
    kind: "text",
    bytes: Buffer.from(times.timestamptz(Buffer.from(value.bytes).toString())),
  };
}

/** Removes the padding of char(n). */
function withoutBlanks(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, blankFrom(bytes, 0, bytes.length));
}

function blankFrom(bytes: Uint8Array, start: number, end: number): number {
  let from = end;
  while (from > start && bytes[from - 1] === BLANK) from -= 1;
  return from;
}

/** A char(n) that holds only padding. */
export function isBlank({ column, value }: Field): boolean {
  if (familyOf(column.typeOid) !== "padded" || value.kind === "null" || value.kind === "unchanged")
    return false;
  return blankFrom(value.bytes, 0, value.bytes.length) === 0;
}

function isBlankValue({ typeOid }: Column, { hasValue, bytes, start, end }: ColumnCursor): boolean {
  // The binary form of text is the text.
  return familyOf(typeOid) === "padded" && hasValue && blankFrom(bytes, start, end) === start;
}

/** In the table's order; values are compared as they came. */
function selectSent(message: RowChange, seen: TupleData | undefined, selection: Selection): void {
  const { key, old } = message;
  switch (message.kind) {
    case "insert":
      return selectRow(message.new, null, selection);
    case "update":
      if (old !== null) return selectCompared(old, message.new, false, null, selection);
      if (seen !== undefined) return selectCompared(seen, message.new, true, key, selection);
      return selectRow(message.new, key, selection);
    case "delete":
      if (old !== null) return selectRow(old, null, selection);
      if (seen !== undefined) return selectRow(seen, null, selection, true);
      if (key !== null) return selectKey(key, selection);
  }
}

/**
 * The whole row.
 * @param key what the identifying columns were before
 * @param seen it came earlier
 */
function selectRow(
  row: TupleData,
  key: TupleData | null,
  selection: Selection,
  seen = false,
): void {
  const { relation } = selection;
  NOW.attach(row);
  if (key !== null) KEY.attach(key);
  for (const column of relation.columns) {
    NOW.next();
    if (key !== null) KEY.next();
    const changed = key !== null && isSent(relation, column, KEY) && !KEY.equals(NOW);
    selection.take(column, selection.identifies(column), NOW, changed ? KEY : undefined, seen);
  }
}

/**
 * What an update changed, if the whole old row is known: from the server (REPLICA IDENTITY FULL) or because it was
 * printed before.
 */
function selectCompared(
  old: TupleData,
  row: TupleData,
  seen: boolean,
  key: TupleData | null,
  selection: Selection,
): void {
  const { relation } = selection;
  NOW.attach(row);
  BEFORE.attach(old);
  if (key !== null) KEY.attach(key);
  for (const column of relation.columns) {
    NOW.next();
    BEFORE.next();
    if (key !== null) KEY.next();
    const identifies = selection.identifies(column) || (!seen && selection.isGuess(column));
    // The server sends the old key if it changed.
    const fromKey = identifies && key !== null;
    const before = fromKey ? KEY : BEFORE;
    const missing = NOW.kind === ColumnKind.unchanged;
    const same = missing || before.equals(NOW);
    // The row printed before lacked the value.
    const known = !seen || before.kind !== ColumnKind.unchanged;
    const value = missing && before.kind !== ColumnKind.unchanged ? before : NOW;
    const differing = same || !known ? undefined : before;
    if (!same && !known) selection.unsure = true;
    selection.take(column, identifies, value, differing, seen && !fromKey, same);
  }
}

function selectKey(key: TupleData, selection: Selection): void {
  const { relation } = selection;
  NOW.attach(key);
  for (const column of relation.columns) {
    NOW.next();
    if (isSent(relation, column, NOW)) selection.take(column, true, NOW);
  }
}

/**
 * Whether the value in a key tuple is a value of the key and not a placeholder. Some managed services flag no column at
 * all: then every value that is not null belongs to the key.
 */
function isSent(relation: Relation, column: Column, { kind }: ColumnCursor): boolean {
  return relation.keyed ? column.key : kind !== ColumnKind.null;
}

/** The column that identifies a row alone. Undefined if there is none, or several do so together. */
export function soleKey(relation: Relation, types: TypeRegistry): Column | undefined {
  const [column, another] = identityOf(relation, types);
  return another === undefined ? column : undefined;
}

/**
 * The columns that identify a row. Under REPLICA IDENTITY FULL every column is flagged, which tells nothing: then those
 * of a key that the catalogue knows. Empty: nothing is known.
 */
function identityOf(relation: Relation, types: TypeRegistry): ReadonlySet<Column> {
  const known = identities.get(relation);
  if (known !== undefined) return known;
  const { columns, oid, replicaIdentity } = relation;
  const flagged = replicaIdentity === "full" ? [] : columns.filter(({ key }) => key);
  const names = new Set(types.ruledColumns(oid).rowKey);
  const named = columns.filter(({ name }) => names.has(name));
  const isWhole = named.length === names.size;
  const identity = new Set(flagged.length > 0 ? flagged : isWhole ? named : []);
  identities.set(relation, identity);
  return identity;
}

const identities = new WeakMap<Relation, ReadonlySet<Column>>();
