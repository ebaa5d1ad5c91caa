/** Types of the contrib modules, as they are stored: ltree/ltree.h, cube/cubedata.h, seg/segdata.h, intarray/_int.h, hstore/hstore.h. */
import { storedHstore } from "./hstore.ts";
import { formatFloat8 } from "../types/floats.ts";
import { sameBytes } from "../types/texts.ts";
import { align8 } from "../pages/position.ts";
import { type DiskForm, type DiskReader, VARLENA_HEADER_BYTES } from "../types/disk-reader.ts";

/** A type by its row in pg_type. */
interface NamedType {
  readonly name: string;
  /** pg_type.typtype */
  readonly kind: string;
  /** The extension that it belongs to. Undefined: none, or one that the catalogue file does not know of. */
  readonly extension: string | undefined;
}

/** By extension, the forms of its types. */
const EXTENSIONS: Readonly<Record<string, Readonly<Record<string, DiskForm>>>> = {
  citext: { citext: sameBytes },
  cube: { cube },
  hstore: { hstore: storedHstore },
  intarray: { query_int: queryInt },
  ltree: { ltree, lquery, ltxtquery },
  seg: { seg },
};

/** Undefined: it is of no extension that is known here. */
export function extensionForm({ extension = "", kind, name }: NamedType): DiskForm | undefined {
  const types = kind === "b" && Object.hasOwn(EXTENSIONS, extension) ? EXTENSIONS[extension] : {};
  return types !== undefined && Object.hasOwn(types, name) ? types[name] : undefined;
}

/** A type by which renderers print values in a way of their own. */
export function isExtensionType(type: NamedType, name: "hstore" | "citext"): boolean {
  return type.name === name && type.extension === name && extensionForm(type) !== undefined;
}

/** Whether it has such a type's name, and its extension is not known. */
export function mayBeOfExtension({ extension, kind, name }: NamedType): boolean {
  const isNamed = Object.values(EXTENSIONS).some((types) => Object.hasOwn(types, name));
  return kind === "b" && extension === undefined && isNamed;
}

const CUBE_POINT = 0x80000000;

/** UInt32 dimensions | is it a point  { Float8 }×dimensions of one corner  of the other one, if it is no point */
function cube(reader: DiskReader): string {
  const header = reader.uint32();
  const length = header & ~CUBE_POINT;
  const corner = (): number[] => {
    if (length * 8 > reader.end - reader.offset) throw reader.unfit();
    return Array.from({ length }, () => reader.float8());
  };
  const from = corner();
  const to = (header & CUBE_POINT) === 0 ? corner() : from;
  reader.offset = reader.end;
  const isPoint = to === from || from.every((value, index) => value === to[index]);
  return (isPoint ? [from] : [from, to])
    .map((values) => `(${values.map(formatFloat8).join(", ")})`)
    .join(",");
}

/** Float4 lower  Float4 upper  Byte1 significant digits of each  Byte1 each one's mark: `<`, `>`, `~`, or `-` for none */
function seg(reader: DiskReader): string {
  const [lower, upper] = [reader.float4(), reader.float4()];
  const [lowerDigits, upperDigits] = [reader.uint8(), reader.uint8()];
  const [lowerMark, upperMark] = [reader.characters(1), reader.characters(1)];
  return formatSeg(
    { value: lower, digits: lowerDigits, mark: lowerMark },
    { value: upper, digits: upperDigits, mark: upperMark },
  );
}

/** UInt16 labels, 2 bytes  { UInt16 length  Byten }×labels, each padded to 8 */
function ltree(reader: DiskReader): string {
  const start = reader.offset;
  const length = reader.uint16();
  reader.advance(2);
  const labels = Array.from({ length }, () => {
    alignIn(reader, start);
    return reader.characters(reader.uint16());
  });
  reader.offset = reader.end;
  return labels.join(".");
}

/** Alignment counts from the varlena's header. */
function alignIn(reader: DiskReader, start: number): void {
  reader.alignTo(8, start - VARLENA_HEADER_BYTES);
}

const ANY_LEVELS = 0xffff;
const LEVEL_NOT = 0x10;
const LEVEL_COUNT = 0x20;
const VariantFlag = { anyEnd: 1, anyCase: 2, words: 4 } as const;

/** UInt16 levels  UInt16, UInt16  { level }×levels, from 12 on */
function lquery(reader: DiskReader): string {
  const start = reader.offset;
  const length = reader.uint16();
  reader.advance(4);
  const levels = Array.from({ length }, () => {
    alignIn(reader, start);
    return lqueryLevel(reader, start);
  });
  reader.offset = reader.end;
  return levels.join(".");
}

/** UInt16 bytes in all  UInt16 flags  UInt16 variants  UInt16 least  UInt16 most, 6 bytes  { variant }×variants */
function lqueryLevel(reader: DiskReader, start: number): string {
  const end = reader.offset + reader.uint16();
  const flags = reader.uint16();
  const length = reader.uint16();
  const [least, most] = [reader.uint16(), reader.uint16()];
  const variants = Array.from({ length }, () => {
    alignIn(reader, start);
    return lqueryVariant(reader);
  });
  if (end > reader.end) throw reader.unfit();
  reader.offset = end;
  const not = length > 0 && (flags & LEVEL_NOT) !== 0 ? "!" : "";
  const counted = length === 0 || (flags & LEVEL_COUNT) !== 0;
  return not + (variants.join("|") || "*") + (counted ? levelCount(least, most, length === 0) : "");
}

function levelCount(least: number, most: number, isStar: boolean): string {
  if (least === most) return `{${least}}`;
  if (isStar && least === 0 && most === ANY_LEVELS) return "";
  return `{${least === 0 ? "" : least},${most === ANY_LEVELS ? "" : most}}`;
}

/** Int32 checksum  UInt16 length  Byte1 flags  Byten, from 7 on */
function lqueryVariant(reader: DiskReader): string {
  reader.advance(4);
  const length = reader.uint16();
  const flags = reader.uint8();
  const label = reader.characters(length);
  // A label is padded as if it began at 8.
  reader.advance(align8(length) - length + 1);
  return label + variantMarks(flags);
}

function variantMarks(flags: number): string {
  const { anyCase, anyEnd, words } = VariantFlag;
  return `${flags & words ? "%" : ""}${flags & anyCase ? "@" : ""}${flags & anyEnd ? "*" : ""}`;
}

const VALUE = 2;
const OPERATOR = 3;

/**
 * Int32 items  { Int16 type  Int16  Int32 operator  Byte1 flags  Byte1  UInt16 where the word begins }×items, in Polish notation with
 * the right operand before the left one; words that end with NUL
 */
function ltxtquery(reader: DiskReader): string {
  const count = reader.count(LTXTQUERY_ITEM_BYTES);
  const start = reader.offset;
  const words = start + LTXTQUERY_ITEM_BYTES * count;
  const items = Array.from({ length: count }, (_, each): BooleanItem => {
    reader.offset = start + LTXTQUERY_ITEM_BYTES * each;
    const type = reader.int16();
    reader.advance(2);
    const operator = reader.int32();
    if (type === OPERATOR) return String.fromCharCode(operator);
    if (type !== VALUE) throw reader.unfit();
    const flags = reader.uint8();
    reader.advance(1);
    reader.offset = words + reader.uint16();
    return { operand: reader.cstring() + variantMarks(flags) };
  });
  reader.offset = reader.end;
  return formatBoolean(items.toReversed()) ?? unfit(reader);
}

const LTXTQUERY_ITEM_BYTES = 12;
const QUERY_INT_ITEM_BYTES = 8;

/** Int32 items  { Int16 type  Int16  Int32 value or operator }×items, operands before their operator */
function queryInt(reader: DiskReader): string {
  const length = reader.count(QUERY_INT_ITEM_BYTES);
  const items = Array.from({ length }, (): BooleanItem => {
    const type = reader.int16();
    reader.advance(2);
    const value = reader.int32();
    if (type === OPERATOR) return String.fromCharCode(value);
    if (type !== VALUE) throw reader.unfit();
    return { operand: String(value) };
  });
  reader.offset = reader.end;
  return formatBoolean(items) ?? unfit(reader);
}

function unfit(reader: DiskReader): never {
  throw reader.unfit();
}

/** An operator, or an operand's text. */
type BooleanItem = string | { readonly operand: string };

/** Operands precede their operator: `a & !( b | c )`. Undefined: they do not fit. */
function formatBoolean(items: readonly BooleanItem[]): string | undefined {
  const terms: { readonly text: string; readonly operator: string }[] = [];
  const within = (term: (typeof terms)[number]): string =>
    term.operator === "|" ? `( ${term.text} )` : term.text;
  for (const item of items) {
    if (typeof item !== "string") {
      terms.push({ text: item.operand, operator: "" });
      continue;
    }
    const right = terms.pop();
    const left = item === "!" ? right : terms.pop();
    if (right === undefined || left === undefined || !"!&|".includes(item)) return undefined;
    const negated = right.operator === "" ? right.text : `( ${right.text} )`;
    const text = item === "!" ? `!${negated}` : `${within(left)} ${item} ${within(right)}`;
    terms.push({ text, operator: item });
  }
  return terms.length === 1 ? terms[0]?.text : undefined;
}

// The text of contrib's seg (seg/seg.c)

interface SegBound {
  readonly value: number;
  /** As many as were given. */
  readonly digits: number;
  /** `<`, `>` or `~`; `-`: there is no bound; NUL: no mark. */
  readonly mark: string;
}

/** `~1.5`, `1.0 .. <2.5e3`, `.. 7` */
function formatSeg(lower: SegBound, upper: SegBound): string {
  if (lower.value === upper.value && lower.mark === upper.mark) return formatBound(lower);
  const from = lower.mark === "-" ? "" : `${formatBound(lower)} `;
  return `${from}..${upper.mark === "-" ? "" : ` ${formatBound(upper)}`}`;
}

const MARKS = "<>~";
/** FLT_DIG */
const DIGITS_MAX = 6;
/** Beyond it the exponent is as printf writes it. */
const PLAIN_EXPONENT_MAX = 4;

function formatBound({ value, digits, mark }: SegBound): string {
  const prefix = MARKS.includes(mark) ? mark : "";
  // The count is signed.
  const length = digits === 0 || digits > 127 ? DIGITS_MAX : Math.min(digits, DIGITS_MAX);
  return prefix + formatDigits(value, length);
}

/** As restore() does: with exactly so many significant digits. */
function formatDigits(value: number, length: number): string {
  if (!Number.isFinite(value)) return String(value);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [mantissa = "", power = ""] = rounded(Math.abs(value), length).split("e");
  const exponent = Number(power);
  if (exponent === 0) return sign + mantissa;
  if (Math.abs(exponent) > PLAIN_EXPONENT_MAX) {
    return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const all = mantissa.replace(".", "");
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${all}`;
  if (exponent + 1 >= length) return `${sign}${mantissa}e${exponent}`;
  return `${sign}${all.slice(0, exponent + 1)}.${all.slice(exponent + 1)}`;
}

/** toExponential(), but halves are rounded to the even digit, as printf does. */
function rounded(value: number, length: number): string {
  const [exact = "", power = ""] = value.toExponential(20).split("e");
  const digits = exact.replace(".", "");
  const isHalf = /^50*$/.test(digits.slice(length));
  if (!isHalf || Number(digits[length - 1]) % 2 === 1) return value.toExponential(length - 1);
  const kept = digits.slice(0, length);
  return `${kept[0]}${length > 1 ? `.${kept.slice(1)}` : ""}e${power}`;
}
