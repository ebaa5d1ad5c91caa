/*
 * A stored value → its text, as the server's output function prints it, by type.
 * Law: what is not known for certain is not a text: an unknown type says so, and bytes that do not fit throw.
 * Way in: storedForm().
 */
import { FIRST_NORMAL_OID } from "../../pgoutput/builtin-types.ts";
import type { TextForm } from "../../pgoutput/values/binary-reader.ts";
import * as scalar from "../../pgoutput/values/scalars.ts";
import { scalarForm } from "../../pgoutput/values/text-forms.ts";
import {
  type StoredForm,
  storedArray,
  storedMultirange,
  storedRange,
  storedRecord,
  storedVector,
} from "./containers.ts";
import { type DiskForm, UnknownType } from "./disk-reader.ts";
import { extensionForm } from "./extension-types.ts";
import { FAST_BYTES_MAX } from "./fast-writers.ts";
import { writeJsonb } from "./jsonb.ts";
import { writeNumeric } from "./numeric.ts";
import * as stored from "./scalars.ts";
import { TupleWriter } from "./tuple-writer.ts";
import type { StoredType, TypeSource } from "./type-source.ts";

/** Limit for types within types: each one doubles the quotes of what is inside it, up to 16 million. */
export const DEPTH_MAX = 24;
/** Limit for domains over domains. */
const DOMAINS_MAX = 1000;

/** Types of pg_catalog that are stored as they are sent, except for byte order. */
const AS_SENT = new Set([
  ...["bool", "int2", "int4", "int8", "oid", "xid", "cid", "xid8", "float4", "float8", "char"],
  ...["bytea", "uuid", "bit", "varbit", "date", "time", "timetz", "timestamp", "timestamptz"],
  ...["interval", "macaddr", "macaddr8", "point", "lseg", "box", "line", "circle", "pg_lsn"],
  ...["pg_snapshot", "txid_snapshot", "text", "varchar", "bpchar", "json", "xml", "refcursor"],
  "pg_node_tree",
]);

/** Types of pg_catalog that are stored differently. */
const AS_STORED = new Map<string, DiskForm>([
  ["name", stored.name],
  ["tid", stored.tid],
  ["path", stored.path],
  ["polygon", stored.polygon],
  ["inet", stored.inet],
  ["cidr", stored.cidr],
  ["numeric", written(writeNumeric)],
  ["jsonb", written(writeJsonb)],
  ["tsvector", stored.tsvector],
  ["tsquery", stored.tsquery],
]);

/** Types of oids that are printed as names, and how 0 is printed. */
const NAMED_BY_OID = new Map([
  ...["regproc", "regprocedure", "regclass", "regtype", "regconfig", "regdictionary"].map(
    (each) => [each, "-"] as const,
  ),
  ...["regnamespace", "regrole", "regcollation"].map((each) => [each, "-"] as const),
  ...["regoper", "regoperator"].map((each) => [each, "0"] as const),
]);

const scratch = new TupleWriter();

/** A form that writes the whole rest with `write`. */
function written(write: typeof writeJsonb): DiskForm {
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

function builtinForm(type: StoredType, types: TypeSource): DiskForm | undefined {
  const { name } = type;
  const zero = NAMED_BY_OID.get(name);
  if (zero !== undefined) return namedForm(type, zero, types);
  if (name === "money") return stored.moneyForm(types.lcMonetary);
  // Up to 14 it was the byte itself, even outside of ASCII.
  if (name === "char" && types.majorVersion < 15) return byteText;
  return AS_STORED.get(name) ?? (AS_SENT.has(name) ? scalarForm(name) : undefined);
}

const byteText: DiskForm = (reader) => {
  return reader.bytes[reader.offset] === 0 ? scalar.char(reader) : reader.characters(1);
};

/** UInt32 pg_enum's oid */
function enumForm(types: TypeSource): TextForm {
  return (reader) => {
    const label = types.enumLabel(reader.uint32());
    if (label === undefined) throw reader.unfit();
    return utf8(label);
  };
}

/** UInt32. If the catalogue does not have the name, the text is unknown: the number would be another value. */
function namedForm({ name, oid }: StoredType, zero: string, types: TypeSource): TextForm {
  const error = new UnknownType(oid);
  return (reader) => {
    const named = reader.uint32();
    if (named === 0) return zero;
    const text = types.regName(name, named);
    if (text === null) throw reader.unfit();
    if (text === undefined) throw error;
    return utf8(text);
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

/** As in text forms: one character for each byte. */
function utf8(text: string): string {
  return Buffer.from(text).toString("latin1");
}

/** The domain's base type, or the type itself. */
export function baseType(typeOid: number, types: TypeSource): StoredType | undefined {
  let type = types.type(typeOid);
  for (let depth = 0; type?.kind === "d" && depth < DOMAINS_MAX; depth++) {
    type = types.type(type.base);
  }
  return type;
}

/** int2vector and oidvector are arrays with another text form. */
export function isPlainArray({ isArray, name, oid }: StoredType): boolean {
  const isVector = oid < FIRST_NORMAL_OID && (name === "int2vector" || name === "oidvector");
  return isArray && !isVector;
}

/** A type of pg_catalog without component types. */
export function isBuiltinScalar({ isArray, kind, oid }: StoredType): boolean {
  return kind === "b" && !isArray && oid < FIRST_NORMAL_OID;
}
