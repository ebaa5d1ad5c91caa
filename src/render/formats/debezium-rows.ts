import type { Relation } from "../../postgres/messages/messages.ts";
import { ColumnKind } from "../../postgres/messages/tags.ts";
import { type ColumnValue, type TupleData, columnValues } from "../../postgres/messages/tuple.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { binaryEncoder } from "../values/binary-encoder.ts";
import type { ByteWriter } from "../bytes/byte-writer.ts";
import { debeziumEncoder, unavailableValue } from "./debezium-values.ts";
import { jsonString } from "../bytes/json-text.ts";
import { walkTuple } from "../values/tuple-walk.ts";
import type { ValueEncoder } from "../values/value-encoder.ts";

interface ColumnPlan {
  /** `"name":` */
  readonly key: Uint8Array;
  readonly encode: ValueEncoder;
  readonly encodeBinary: ValueEncoder;
  /** Written in place of a value that was not sent. */
  readonly unavailable: Uint8Array;
  readonly identity: boolean;
}

export interface DebeziumPlan {
  readonly columns: readonly ColumnPlan[];
  readonly keyed: boolean;
}

const NULL = Buffer.from("null", "latin1");
const [COMMA, OPEN, CLOSE] = [0x2c, 0x7b, 0x7d];

export function planDebezium(relation: Relation, types: TypeRegistry): DebeziumPlan {
  const columns = relation.columns.map(({ name, key, typeOid, typeModifier }) => {
    const encode = debeziumEncoder(typeOid, typeModifier, types);
    return {
      key: Buffer.from(`${jsonString(name)}:`),
      encode,
      encodeBinary: binaryEncoder(typeOid, types, encode),
      unavailable: Buffer.from(unavailableValue(typeOid, types)),
      identity: key,
    };
  });
  return { columns, keyed: relation.keyed };
}

/** Writes the identity's columns of a key tuple. */
export function writeKey(out: ByteWriter, key: TupleData, plan: DebeziumPlan): void {
  writeColumns(out, key, plan, null, (column, kind) =>
    plan.keyed ? plan.columns[column]?.identity === true : kind !== ColumnKind.null,
  );
}

/** Writes the whole row. A value that was not sent is taken from the `old` row if that contains it. */
export function writeWholeRow(
  out: ByteWriter,
  row: TupleData,
  plan: DebeziumPlan,
  old: TupleData | null,
): void {
  writeColumns(out, row, plan, old, () => true);
}

function writeColumns(
  out: ByteWriter,
  tuple: TupleData,
  plan: DebeziumPlan,
  old: TupleData | null,
  wanted: (column: number, kind: number) => boolean,
): void {
  const { bytes, view } = tuple;
  out.byte(OPEN);
  const first = out.offset;
  walkTuple(tuple, (index, kind, start, end) => {
    const column = plan.columns[index];
    if (column === undefined || !wanted(index, kind)) return;
    if (out.offset > first) out.byte(COMMA);
    out.copy(column.key);
    if (kind === ColumnKind.text) column.encode(out, bytes, view, start, end);
    else if (kind === ColumnKind.null) out.copy(NULL);
    else if (kind === ColumnKind.binary) column.encodeBinary(out, bytes, view, start, end);
    else writeUnsent(out, column, old === null ? undefined : [...columnValues(old)][index]);
  });
  out.byte(CLOSE);
}

function writeUnsent(out: ByteWriter, column: ColumnPlan, old: ColumnValue | undefined): void {
  if (old?.kind !== "text" && old?.kind !== "binary") return out.copy(column.unavailable);
  const { bytes } = old;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const encode = old.kind === "text" ? column.encode : column.encodeBinary;
  encode(out, bytes, view, 0, bytes.length);
}

/** Whether the update changed the row's identity. A key stored out of line is sent even if it did not change. */
export function keyChanged(key: TupleData, row: TupleData, relation: Relation): boolean {
  const now = [...columnValues(row)];
  return [...columnValues(key)].some((before, index) => {
    if (relation.columns[index]?.key !== true) return false;
    const after = now[index];
    return after?.kind !== "unchanged" && !sameValue(before, after);
  });
}

function sameValue(one: ColumnValue, other: ColumnValue | undefined): boolean {
  const bytesOf = (value: ColumnValue | undefined): Uint8Array | undefined =>
    value?.kind === "text" || value?.kind === "binary" ? value.bytes : undefined;
  const [left, right] = [bytesOf(one), bytesOf(other)];
  if (left === undefined || right === undefined) return left === right;
  return Buffer.compare(left, right) === 0;
}
