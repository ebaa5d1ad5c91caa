import { ColumnKind } from "../../postgres/messages/tags.ts";
import type { TupleData } from "../../postgres/messages/tuple.ts";
import { type ByteWriter, piece } from "../bytes/byte-writer.ts";
import type { RelationPlan } from "./relation-plan.ts";

const OPEN = 0x7b;
const CLOSE = 0x7d;
const NULL = piece("null");

/**
 * Writes the tuple as `{column:value,…}`, walking it in place. In a key tuple only the identity's columns are values:
 * the server fills the others with nulls that mean nothing.
 *
 * Returns false if a value was left out because the server did not send it (unchanged TOAST).
 */
export function writeRow(
  out: ByteWriter,
  tuple: TupleData,
  plan: RelationPlan,
  keyOnly: boolean,
): boolean {
  const { bytes, view } = tuple;
  const { columns, keyed } = plan;
  let at = tuple.start;
  let complete = true;
  const open = out.offset;
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index]!;
    const kind = bytes[at++]!;
    let start = at;
    if (kind === ColumnKind.text || kind === ColumnKind.binary) {
      start = at + 4;
      at = start + view.getInt32(at);
    } else if (kind === ColumnKind.unchanged) {
      complete = false;
      continue;
    }
    // One managed service marks no column as key: then every value that is not null is the key.
    if (keyOnly && !(keyed ? column.identity : kind !== ColumnKind.null)) continue;
    out.piece(column.key);
    if (kind === ColumnKind.text) column.encode(out, bytes, view, start, at);
    else if (kind === ColumnKind.null) out.piece(NULL);
    else (column.encodeBinary ?? plan.binaryOf(index))(out, bytes, view, start, at);
  }
  // A column's key starts with a comma; the first one becomes the brace.
  if (out.offset === open) out.byte(OPEN);
  else out.bytes[open] = OPEN;
  out.byte(CLOSE);
  return complete;
}

/** The indexes of the columns whose values the server did not send. */
export function unchangedColumns(tuple: TupleData): readonly number[] {
  const unchanged: number[] = [];
  let at = tuple.start;
  for (let column = 0; column < tuple.columnCount; column++) {
    const kind = tuple.bytes[at++]!;
    if (kind === ColumnKind.unchanged) unchanged.push(column);
    else if (kind !== ColumnKind.null) at += 4 + tuple.view.getUint32(at);
  }
  return unchanged;
}
