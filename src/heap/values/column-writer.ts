import { ColumnKind } from "../../pgoutput/tags.ts";
import type { TupleWriter } from "./tuple-writer.ts";
import type { MissingValue, TypeSource } from "./type-source.ts";

/**
 * Writes the value bytes[start, end) (of a varlena: behind its header, detoasted and decompressed) as a column of a TupleData: its
 * text, as the server prints it. A value whose type is not known comes as `b` with its stored bytes, and types.unknownType() is
 * called. Returns false, and has written nothing, where the bytes are no value of the type: then the row is not known.
 */
export type ColumnWriter = (
  bytes: Uint8Array,
  start: number,
  end: number,
  out: TupleWriter,
) => boolean;

/** By what `types` says now: make it again when the catalogue changes. */
export function columnWriter(_typeOid: number, types: TypeSource): ColumnWriter {
  return (bytes, start, end, out) => {
    types.unknownType(_typeOid);
    const at = out.open(ColumnKind.binary, end - start);
    out.bytes.set(bytes.subarray(start, end), at);
    out.offset += end - start;
    out.close(at);
    return true;
  };
}

/** Writes what an attribute is in a tuple that has less attributes. Returns false as a ColumnWriter does. */
export function writeMissing(
  missing: MissingValue,
  _typeOid: number,
  _types: TypeSource,
  out: TupleWriter,
): boolean {
  if (missing === undefined) out.null();
  return missing === undefined;
}
