/** Values of composite types, as they are sent and stored (access/htup_details.h). */
import { AttributeState, DeformedTuple } from "../tuples/tuple.ts";
import type { TextForm } from "./binary-reader.ts";
import type { DiskForm, DiskReader, StoredForm } from "./disk-reader.ts";
import { quoteIn } from "./escape.ts";

interface RecordField {
  readonly typeOid: number;
  readonly form: TextForm;
}

/** Int32 fields  { UInt32 type's oid  field }×n; NULL is printed as nothing: `(1,,"")` */
export function recordOf(fields: readonly RecordField[]): TextForm {
  return (reader) => {
    // The type may have been altered since it was looked up.
    if (reader.uint32() !== fields.length) throw reader.unfit();
    return formatRecord(
      fields.map(({ typeOid, form }) => {
        if (reader.uint32() !== typeOid) throw reader.unfit();
        return reader.field(form);
      }),
    );
  };
}

/** Undefined: NULL. */
function formatRecord(fields: readonly (string | undefined)[]): string {
  const parts = fields.map((text) => (text === undefined ? "" : quoteIn(text, RECORD_SPECIAL)));
  return `(${parts.join(",")})`;
}

const RECORD_SPECIAL = /^$|["\\(), \t\n\v\f\r]/;

interface StoredField extends StoredForm {
  readonly dropped: boolean;
}

/** Offsets in the payload: the tuple's header without its first four bytes. */
const TYPE_OID_AT = 4;
const INFOMASK2_AT = 14;
const INFOMASK_AT = 16;
const HOFF_AT = 18;
const BITS_AT = 19;

/**
 * A tuple whose first four bytes are the varlena's header. A field added later is NULL: the server allows no default
 * for it while columns use the type.
 */
export function storedRecord(typeOid: number, fields: readonly StoredField[]): DiskForm {
  const layouts = fields.map(({ layout }) => layout);
  return (reader) => {
    const { bytes, end, view } = reader;
    const start = reader.advance(BITS_AT);
    const tuple = {
      infomask2: view.getUint16(start + INFOMASK2_AT, true),
      infomask: view.getUint16(start + INFOMASK_AT, true),
      hoff: view.getUint8(start + HOFF_AT),
      bytes,
      start: start + BITS_AT,
      end,
    };
    const places = new DeformedTuple();
    if (view.getUint32(start + TYPE_OID_AT, true) !== typeOid || !places.deform(tuple, layouts)) {
      throw reader.unfit();
    }
    const texts: (string | undefined)[] = [];
    for (const [index, field] of fields.entries()) {
      if (field.dropped) continue;
      const state = places.state[index];
      if (state === AttributeState.stored) {
        texts.push(fieldText(reader, places.starts[index]!, places.ends[index]!, field));
      } else texts.push(undefined);
    }
    reader.offset = end;
    return formatRecord(texts);
  };
}

function fieldText(
  reader: DiskReader,
  start: number,
  end: number,
  { layout, text }: StoredForm,
): string {
  return layout.length === -1 ? reader.varlena(start, end, text) : reader.within(start, end, text);
}
