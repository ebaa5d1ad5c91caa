import { WalctlError } from "../../errors.ts";
import type { Column, Relation } from "../../postgres/messages/messages.ts";
import { ColumnKind } from "../../postgres/messages/tags.ts";
import type { TupleData } from "../../postgres/messages/tuple.ts";
import type { RuledColumns, TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { type BinaryToText, binaryToText } from "../values/binary-to-text.ts";
import { formatRelationName } from "../values/identifier.ts";
import { type Piece, piece } from "../bytes/byte-writer.ts";
import type { ValueEncoder } from "../values/value-encoder.ts";
import { sqlName, sqlTable } from "./sql-names.ts";
import { type SqlType, comparedColumn, literalEncoder, sqlType } from "./sql-values.ts";

/** A column and what its values are compared with. */
interface Compared {
  /** `a = ` or `a::text = ` */
  readonly head: Piece;
  readonly text: string;
  readonly encode: ValueEncoder;
}

export interface ColumnPlan {
  readonly encode: ValueEncoder;
  readonly toText: BinaryToText;
  readonly identity: boolean;
  readonly generated: boolean;
  /** An identity column that may not be set, only inserted. */
  readonly always: boolean;
  /** `a = `, behind SET. */
  readonly set: Piece;
  /** Behind WHERE, of a key and of a whole row. */
  readonly inKey: Compared;
  readonly inRow: Compared;
  /** `a IS NULL` */
  readonly isNull: Piece;
}

interface OnlyKey {
  readonly column: number;
  readonly equals: Buffer;
  readonly among: Buffer;
}

/** What a relation's statements have in common. */
export interface SqlPlan {
  /** The same for relations whose statements are the same. */
  readonly key: string;
  readonly relation: Relation;
  readonly table: string;
  /** `ONLY public.t` where rows of others would be found too. */
  readonly target: string;
  readonly columns: readonly ColumnPlan[];
  /** `INSERT INTO public.t (a, b) OVERRIDING SYSTEM VALUE VALUES` */
  readonly insert: Buffer;
  /** `UPDATE public.t SET ` */
  readonly update: Piece;
  /** `SELECT tableoid, ctid FROM public.t WHERE ` */
  readonly select: Buffer;
  /** It, behind ` WHERE (tableoid, ctid) = (` */
  readonly one: Piece;
  /** No columns tell rows apart, or all of them do: WHERE compares the whole row, and takes one of those that are equal. */
  readonly whole: boolean;
  /** The key that is sent is not all of it. */
  readonly keyless: boolean;
  /** Not all of its columns, rows or operations are sent. */
  readonly partial: boolean;
  readonly renamed: boolean;
  /** What the target's table may do by itself, if it is like its source. */
  readonly cautions: readonly Caution[];
  /** No column is inserted. */
  readonly isEmpty: boolean;
  /** The columns of the key. */
  readonly keys: readonly string[];
  /** If one column is the key: `a = ` and `a IN (`. */
  readonly only: OnlyKey | undefined;
}

interface Caution {
  readonly what: string;
  readonly cure: string;
}

function cautionsOf(table: string, { triggers, moves }: RuledColumns): Caution[] {
  const cautions: Caution[] = [];
  if (triggers) {
    const what = `${table} has triggers, which run with the script`;
    const cure = `Before you run it: ALTER TABLE ${table} DISABLE TRIGGER USER; afterwards ENABLE. It holds for all sessions: nobody else should write meanwhile.`;
    cautions.push({ what, cure });
  }
  if (moves) {
    const what = `ON UPDATE of a foreign key moves rows of ${table} to other partitions by itself`;
    cautions.push({ what, cure: "Run the script with session_replication_role = replica." });
  }
  return cautions;
}

/** @throws WalctlError where SQL cannot name the table: the same text may be the name of another one */
export function planSql(relation: Relation, types: TypeRegistry): SqlPlan {
  if (relation.foreignName !== undefined) {
    const what = `table ${formatRelationName(relation)} cannot be written as SQL: a name in it is not UTF-8 (bytes ${relation.foreignName})`;
    const hint = "Rename it, or leave the table out with --only-table; NDJSON has its changes too.";
    throw new WalctlError(what, { hint });
  }
  const ruled = types.ruledColumns(relation.oid);
  const { generated, always, keyless, partial, renamed } = ruled;
  const columns = relation.columns.map((column) =>
    planColumn(column, types, generated.includes(column.name), always.includes(column.name)),
  );
  const table = sqlTable(relation);
  // ONLY of a partitioned table, which the target's may be, would find no row.
  const target = ruled.inherited ? `ONLY ${table}` : table;
  const whole = keyless || !relation.keyed || relation.replicaIdentity === "full";
  const written = relation.columns.filter((_, index) => columns[index]?.generated === false);
  const names = written.map(({ name }) => sqlName(name)).join(", ");
  const select = `SELECT tableoid, ctid FROM ${target} WHERE `;
  const keys = whole ? [] : columns.flatMap(({ identity }, index) => (identity ? [index] : []));
  const [only] = keys;
  const single = only === undefined || keys.length > 1 ? undefined : columns[only];
  const key = single?.inKey.text.endsWith("= ") === true ? single : undefined;
  return {
    relation,
    table,
    target,
    columns,
    whole,
    keyless,
    partial,
    renamed,
    key: JSON.stringify([relation, generated]),
    insert: Buffer.from(
      written.length === 0
        ? `INSERT INTO ${table} DEFAULT VALUES`
        : `INSERT INTO ${table} (${names}) OVERRIDING SYSTEM VALUE VALUES`,
    ),
    update: piece(`UPDATE ${target} SET `),
    select: Buffer.from(select),
    one: piece(` WHERE (tableoid, ctid) = (${select}`),
    cautions: cautionsOf(table, ruled),
    isEmpty: written.length === 0,
    keys: relation.columns.filter((column) => column.key).map(({ name }) => name),
    only:
      key === undefined || only === undefined
        ? undefined
        : { column: only, ...listOf(key.inKey.text) },
  };
}

function planColumn(
  column: Column,
  types: TypeRegistry,
  generated: boolean,
  always: boolean,
): ColumnPlan {
  const name = sqlName(column.name);
  const type = sqlType(column.typeOid, types);
  // A composite value of NULLs IS NULL, without being NULL.
  const builtIn = types.notBuiltIn([column.typeOid]).length === 0;
  return {
    encode: literalEncoder(type),
    toText: binaryToText(column.typeOid, types),
    identity: column.key,
    generated,
    always,
    set: piece(`${name} = `),
    inKey: compared(name, type, false),
    inRow: compared(name, type, true),
    isNull: piece(`${name} IS ${builtIn ? "" : "NOT DISTINCT FROM "}NULL`),
  };
}

function compared(name: string, type: SqlType, whole: boolean): Compared {
  const column = comparedColumn(name, type, whole);
  // Another session may print the name that an oid stands for in another way.
  const isNamed = typeof type === "object" && type.family === "named";
  // A text is not equal to a number.
  const encode = literalEncoder(column === name ? type : undefined);
  const text = `${column} = ${isNamed ? `pg_catalog.${type.name} ` : ""}`;
  return { head: piece(text), text, encode };
}

/** `a = ` and `a IN (` */
function listOf(equals: string): Pick<OnlyKey, "equals" | "among"> {
  return { equals: Buffer.from(equals), among: Buffer.from(`${equals.slice(0, -2)}IN (`) };
}

/** For fewer bytes, a loop is faster than views and the call into native code. */
const SHORT_BYTES = 64;
/** MaxHeapAttributeNumber, COLUMNS_MAX */
const COLUMNS_MAX = 1600;

/** Where the values of a tuple are. */
export class SqlRow {
  readonly kinds = new Uint8Array(COLUMNS_MAX);
  readonly starts = new Uint32Array(COLUMNS_MAX);
  readonly ends = new Uint32Array(COLUMNS_MAX);
  bytes: Uint8Array = new Uint8Array();
  view = new DataView(this.bytes.buffer);
  count = 0;

  load({ bytes, view, start, columnCount }: TupleData): this {
    this.bytes = bytes;
    this.view = view;
    this.count = columnCount;
    let at = start;
    for (let column = 0; column < columnCount; column++) {
      const kind = bytes[at++]!;
      this.kinds[column] = kind;
      if (kind === ColumnKind.text || kind === ColumnKind.binary) {
        this.starts[column] = at + 4;
        at += 4 + view.getUint32(at);
        this.ends[column] = at;
      }
    }
    return this;
  }

  isSent(column: number): boolean {
    return this.kinds[column] !== ColumnKind.unchanged;
  }

  isValue(column: number): boolean {
    return this.isSent(column) && this.kinds[column] !== ColumnKind.null;
  }

  isSame(column: number, other: SqlRow): boolean {
    const kind = this.kinds[column];
    if (kind !== other.kinds[column]) return false;
    if (kind === ColumnKind.null || kind === ColumnKind.unchanged) return true;
    const start = this.starts[column]!;
    const length = this.ends[column]! - start;
    const otherStart = other.starts[column]!;
    if (length !== other.ends[column]! - otherStart) return false;
    if (length > SHORT_BYTES) {
      const bytes = this.bytes.subarray(start, start + length);
      return Buffer.compare(bytes, other.bytes.subarray(otherStart, otherStart + length)) === 0;
    }
    for (let at = 0; at < length; at++) {
      if (this.bytes[start + at] !== other.bytes[otherStart + at]) return false;
    }
    return true;
  }
}
