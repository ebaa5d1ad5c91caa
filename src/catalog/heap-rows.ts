import { AttributeState, DeformedTuple, type StoredTuple } from "../postgres/tuples/tuple.ts";
import { toUtf8 } from "../postgres/stored/encodings.ts";
import { varlenaPayload } from "../postgres/tuples/varlena.ts";
import { COLUMNS, type ColumnKind, hasCtid } from "./columns.ts";
import type { CatalogRows, Ctid, PgAttribute } from "./model.ts";

/** The parts of a catalogue's column that decide where values lie. */
export type CatalogColumn = Pick<PgAttribute, "attname" | "attnum" | "attlen" | "attalign">;

/** The kind of a column's value in a tuple; `oids` is an oidvector, which the file does not have. */
type TupleKind = ColumnKind | "oids";

/** By a catalogue's column name: the kind of its values. */
export type Kinds = Readonly<Record<string, TupleKind>>;

/** Bytes of each kind; -1: a varlena. A label may be text. */
const LENGTHS: Readonly<Record<TupleKind, readonly number[]>> = {
  oid: [4],
  int2: [2],
  int4: [4],
  name: [64],
  label: [64, -1],
  char: [1],
  bool: [1],
  int2s: [-1],
  missing: [-1],
  align: [1],
  length: [2],
  oids: [-1],
};

/** A label is an enum's. */
export type DecodeName = (bytes: Uint8Array, kind: "name" | "label") => string | undefined;

/** Decodes names in the database's encoding. Undefined for bytes that are not in it. */
export function nameDecoder(encoding: string): DecodeName {
  const convert = toUtf8(encoding);
  // A database in SQL_ASCII holds any bytes.
  const utf8 = new TextDecoder("utf-8", { fatal: encoding !== "SQL_ASCII", ignoreBOM: true });
  return (bytes) => {
    try {
      const converted = convert === undefined ? bytes : convert(bytes);
      return converted === undefined ? undefined : utf8.decode(converted);
    } catch {
      return undefined;
    }
  };
}

const ALIGNMENTS: Readonly<Record<string, number>> = { c: 1, s: 2, i: 4, d: 8 };

/** attalign, in bytes. */
export function alignmentOf(attalign: string): number {
  return ALIGNMENTS[attalign] ?? 1;
}

/**
 * Reads rows from the tuples of one catalogue's table, by the table's own columns in pg_attribute. A relfilenode stays
 * as stored: 0 for a mapped relation.
 */
export class HeapRows<Catalog extends keyof CatalogRows> {
  readonly #tuples: TupleValues;
  readonly #hasCtid: boolean;

  /** Throws RangeError where these are not the columns of that catalogue. */
  constructor(catalog: Catalog, columns: readonly CatalogColumn[], decodeName: DecodeName) {
    this.#hasCtid = hasCtid(catalog);
    this.#tuples = new TupleValues(COLUMNS[catalog], columns, decodeName);
  }

  /** Undefined if tuple and columns do not fit, or a value is invalid. */
  row(tuple: StoredTuple, ctid: Ctid): CatalogRows[Catalog][number] | undefined {
    const values = this.#tuples.of(tuple, this.#hasCtid ? { ctid } : {});
    return values as CatalogRows[Catalog][number] | undefined;
  }
}

/** Throws RangeError where these are not the columns of that catalogue. */
export function requireLayout(catalog: keyof CatalogRows, columns: readonly CatalogColumn[]): void {
  placed(COLUMNS[catalog], ordered(columns));
}

/** Reads columns of a table by name from its tuples. */
export class TupleValues {
  readonly #layout: ReadonlyArray<{ readonly length: number; readonly align: number }>;
  readonly #wanted: readonly WantedColumn[];
  readonly #decodeName: DecodeName;
  readonly #deformed = new DeformedTuple();

  /** Throws RangeError where the table has not the wanted columns. */
  constructor(wanted: Kinds, columns: readonly CatalogColumn[], decodeName: DecodeName) {
    const all = ordered(columns);
    this.#layout = all.map(({ attlen, attalign }) => {
      return { length: attlen, align: alignmentOf(attalign) };
    });
    this.#wanted = placed(wanted, all);
    this.#decodeName = decodeName;
  }

  of(tuple: StoredTuple, into: Record<string, unknown>): Record<string, unknown> | undefined {
    if (!this.#deformed.deform(tuple, this.#layout)) return undefined;
    const { starts, ends, state } = this.#deformed;
    for (const { name, kind, index } of this.#wanted) {
      const value =
        state[index] === AttributeState.stored
          ? this.#value(
              kind,
              this.#layout[index]!.length,
              tuple.bytes.subarray(starts[index], ends[index]),
            )
          : null;
      if (value === undefined || (value === null && kind !== "missing")) return undefined;
      into[name] = value;
    }
    return into;
  }

  #value(kind: TupleKind, length: number, bytes: Uint8Array): unknown {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    switch (kind) {
      case "oid":
        return view.getUint32(0, true);
      case "int4":
        return view.getInt32(0, true);
      case "int2":
      case "length":
        return view.getInt16(0, true);
      case "bool":
        return bytes[0] !== 0;
      case "char":
      case "align":
        return charOf(bytes[0] ?? 0);
      case "name":
      case "label":
        return this.#name(length === -1 ? varlenaPayload(bytes, 0, bytes.length) : bytes, kind);
      case "int2s":
      case "oids":
        return numbersOf(kind, varlenaPayload(bytes, 0, bytes.length));
      case "missing":
        return varlenaPayload(bytes, 0, bytes.length)?.slice();
    }
  }

  #name(padded: Uint8Array | undefined, kind: "name" | "label"): string | undefined {
    if (padded === undefined) return undefined;
    const nul = padded.indexOf(0);
    return this.#decodeName(nul < 0 ? padded : padded.subarray(0, nul), kind);
  }
}

interface WantedColumn {
  readonly name: string;
  readonly kind: TupleKind;
  /** Its index in the tuple, from 0. */
  readonly index: number;
}

function ordered(columns: readonly CatalogColumn[]): readonly CatalogColumn[] {
  const all = columns.toSorted((a, b) => a.attnum - b.attnum);
  if (all.every(({ attnum }, index) => attnum === index + 1)) return all;
  throw new RangeError("some are missing");
}

function placed(wanted: Kinds, all: readonly CatalogColumn[]): readonly WantedColumn[] {
  return Object.entries(wanted).map(([name, kind]) => {
    const index = all.findIndex(({ attname }) => attname === name);
    if (LENGTHS[kind].includes(all[index]?.attlen ?? 0)) return { name, kind, index };
    throw new RangeError(`${name} is missing, or of another type`);
  });
}

function charOf(byte: number): string {
  if (byte < 0x80) return byte === 0 ? "" : String.fromCharCode(byte);
  return `\\${byte.toString(8)}`;
}

/** int32 dimensions, int32 data offset, uint32 element type, int32 size, int32 lower bound, int16 or uint32 values */
function numbersOf(
  kind: "int2s" | "oids",
  payload: Uint8Array | undefined,
): readonly number[] | undefined {
  const FIRST = 20;
  const width = kind === "oids" ? 4 : 2;
  if (payload === undefined || payload.length < FIRST) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const count = view.getInt32(12, true);
  if (payload.length !== FIRST + width * count) return undefined;
  return Array.from({ length: count }, (_, index) => {
    const at = FIRST + width * index;
    return kind === "oids" ? view.getUint32(at, true) : view.getInt16(at, true);
  });
}
