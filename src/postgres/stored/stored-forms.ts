/*
 * A stored value → its text, as the server's output function prints it, by type.
 * Law: what is not known for certain is not a text: an unknown type says so, and bytes that do not fit throw.
 * Way in: storedForm().
 */
import type { TextForm } from "../types/binary-reader.ts";
import { storedArray, storedVector } from "../types/arrays.ts";
import { storedRecord } from "../types/composites.ts";
import { storedMultirange, storedRange } from "../types/ranges.ts";
import { type DiskForm, type StoredForm, UnknownType } from "../types/disk-reader.ts";
import { extensionForm } from "../contrib/extension-types.ts";
import { latin1 } from "../types/system.ts";
import { FIRST_NORMAL_OID, builtinNamed, isVector } from "../types/table.ts";
import { FAST_BYTES_MAX, type FastWriter } from "../types/type.ts";
import { TupleWriter } from "./tuple-writer.ts";
import type { StoredType, TypeSource } from "./type-source.ts";

/** Limit for types within types: each one doubles the quotes of what is inside it, up to 16 million. */
export const DEPTH_MAX = 24;
/** Limit for domains over domains. */
const DOMAINS_MAX = 1000;

const scratch = new TupleWriter();

/** A form that writes the whole rest with `write`. */
function written(write: FastWriter): DiskForm {
  return (reader) => {
    const { bytes, end, offset, toUtf8 } = reader;
    scratch.begin();
    scratch.reserve(FAST_BYTES_MAX);
    if (!write(bytes, offset, end, scratch, toUtf8)) throw reader.unfit();
    reader.offset = end;
    return scratch.bytes.toString("latin1", 0, scratch.offset);
  };
}

/** The layout for an oid that is not in the catalogue. */
const NO_LAYOUT = { length: -1, align: 4 };

/** Forms that are made already, or being made: a type of a forged catalogue may contain itself. */
type KnownForms = Map<number, StoredForm>;

/** The form of the type by what `types` says now. */
export function storedForm(
  typeOid: number,
  types: TypeSource,
  known: KnownForms = new Map(),
  depth = 0,
): StoredForm {
  const made = known.get(typeOid);
  if (made !== undefined) return made;
  const type = types.type(typeOid);
  const error = new UnknownType(typeOid);
  const unknown = {
    layout: type ?? NO_LAYOUT,
    text: () => {
      throw error;
    },
  };
  known.set(typeOid, unknown);
  const part = (oid: number): StoredForm => storedForm(oid, types, known, depth + 1);
  const text = type === undefined || depth > DEPTH_MAX ? undefined : textOf(type, types, part);
  if (type === undefined || text === undefined) return unknown;
  const form = { layout: type, text };
  known.set(typeOid, form);
  return form;
}

/** Undefined if not known. */
function textOf(
  type: StoredType,
  types: TypeSource,
  part: (oid: number) => StoredForm,
): DiskForm | undefined {
  const { element, kind, oid } = type;
  switch (kind) {
    case "d": {
      const base = baseType(oid, types);
      return base === undefined || base.kind === "d" ? undefined : part(base.oid).text;
    }
    case "e":
      return enumForm(types);
    case "c":
      return recordForm(type, types, part);
    case "r": {
      const subtype = types.rangeSubtype(oid);
      return subtype === undefined ? undefined : storedRange(oid, part(subtype));
    }
    case "m": {
      const subtype = types.rangeSubtype(types.rangeOfMultirange(oid) ?? 0);
      return subtype === undefined ? undefined : storedMultirange(oid, part(subtype));
    }
    case "b":
      if (isPlainArray(type)) return storedArray(part(element), element, type.delimiter);
      if (type.isArray) return storedVector(part(element), element);
      return oid < FIRST_NORMAL_OID ? builtinForm(type, types) : extensionForm(type);
    default:
      return undefined;
  }
}

function builtinForm({ name }: StoredType, types: TypeSource): DiskForm | undefined {
  const { stored, storedIn, write } = builtinNamed(name) ?? {};
  return stored ?? storedIn?.(types) ?? (write && written(write));
}

/** UInt32 pg_enum's oid */
function enumForm(types: TypeSource): TextForm {
  return (reader) => {
    const label = types.enumLabel(reader.uint32());
    if (label === undefined) throw reader.unfit();
    return latin1(label);
  };
}

function recordForm(
  { oid, relation }: StoredType,
  types: TypeSource,
  part: (oid: number) => StoredForm,
): DiskForm {
  const fields = types.attributes(relation).map(({ align, dropped, length, typeOid }) => ({
    layout: { length, align },
    text: dropped ? skipped : part(typeOid).text,
    dropped,
  }));
  return storedRecord(oid, fields);
}

const skipped: DiskForm = (reader) => reader.rest();

/** The domain's base type, or the type itself. */
export function baseType(typeOid: number, types: TypeSource): StoredType | undefined {
  let type = types.type(typeOid);
  for (let depth = 0; type?.kind === "d" && depth < DOMAINS_MAX; depth++) {
    type = types.type(type.base);
  }
  return type;
}

/** int2vector and oidvector are arrays with another text form. */
export function isPlainArray({ isArray, oid }: StoredType): boolean {
  return isArray && !isVector(oid);
}

/** A type of pg_catalog without component types. */
export function isBuiltinScalar({ isArray, kind, oid }: StoredType): boolean {
  return kind === "b" && !isArray && oid < FIRST_NORMAL_OID;
}
