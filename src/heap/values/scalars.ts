/** Types that are stored in another way than they are sent; the facts are in the headers of src/include/utils and tsearch. */
import type { BinaryReader } from "../../pgoutput/values/binary-reader.ts";
import { POINT_BYTES, formatPath, points } from "../../pgoutput/values/geometry.ts";
import { type Network, formatCidr, formatInet, network } from "../../pgoutput/values/network.ts";
import {
  OPERAND,
  OPERATOR,
  type QueryItem,
  formatLexeme,
  formatQuery,
  operandItem,
  operatorItem,
} from "../../pgoutput/values/text-search.ts";

/** Byte64, NUL-padded */
export function name(reader: BinaryReader): string {
  const { end } = reader;
  const text = reader.cstring();
  reader.offset = end;
  return text;
}

/** UInt16 block's upper half  UInt16 its lower half  UInt16 item */
export function tid(reader: BinaryReader): string {
  const block = reader.uint16() * 0x10000 + reader.uint16();
  return `(${block},${reader.uint16()})`;
}

/** Int32 points  Int32 is it closed  4 bytes of padding  { point }×n */
export function path(reader: BinaryReader): string {
  const length = reader.uint32();
  const closed = reader.uint32() !== 0;
  reader.advance(4);
  return formatPath(closed, pointsThatFit(reader, length));
}

const BOX_BYTES = 32;

/** Int32 points  its bounding box  { point }×n */
export function polygon(reader: BinaryReader): string {
  const length = reader.uint32();
  reader.advance(BOX_BYTES);
  return `(${pointsThatFit(reader, length)})`;
}

function pointsThatFit(reader: BinaryReader, length: number): string {
  if (length * POINT_BYTES !== reader.end - reader.offset) throw reader.unfit();
  return points(reader, length);
}

/** Byte1 family  Byte1 netmask bits  Byte4 or Byte16 */
export function inet(reader: BinaryReader): string {
  return formatInet(readNetwork(reader));
}

export function cidr(reader: BinaryReader): string {
  return formatCidr(readNetwork(reader));
}

function readNetwork(reader: BinaryReader): Network {
  const family = reader.uint8();
  const bits = reader.uint8();
  return network(reader, family, bits, reader.end - reader.offset);
}

/** Int32 lexemes  { UInt32: 1 has positions, length in bits 1 to 11, offset above }×n  strings, positions at even places */
export function tsvector(reader: BinaryReader): string {
  const count = reader.uint32();
  const { end, view } = reader;
  const entries = reader.offset;
  const strings = reader.advance(4 * count) + 4 * count;
  const lexemes = Array.from({ length: count }, (_, each) => {
    const entry = view.getUint32(entries + 4 * each, true);
    const length = (entry >>> 1) & 0x7ff;
    reader.offset = strings + (entry >>> 12);
    const lexeme = reader.characters(length);
    if ((entry & 1) === 0) return formatLexeme(lexeme, reader, 0);
    reader.advance((reader.offset - strings) & 1);
    return formatLexeme(lexeme, reader, reader.uint16());
  });
  reader.offset = end;
  return lexemes.join(" ");
}

const QUERY_ITEM_BYTES = 12;

/**
 * Int32 items  { Byte1(1)  Byte1 weights  Byte1 is it a prefix … UInt32 at 8: length in the low 12 bits, offset above
 * | Byte1(2)  Byte1 operator  UInt16 distance … }×n, 12 bytes each, in Polish notation; strings
 */
export function tsquery(reader: BinaryReader): string {
  const count = reader.uint32();
  const { bytes, end, view } = reader;
  const start = reader.advance(QUERY_ITEM_BYTES * count);
  const strings = start + QUERY_ITEM_BYTES * count;
  const items = Array.from({ length: count }, (_, each): QueryItem => {
    const at = start + QUERY_ITEM_BYTES * each;
    if (bytes[at] === OPERAND) {
      const place = view.getUint32(at + 8, true);
      reader.offset = strings + (place >>> 12);
      return operandItem(bytes[at + 1]!, bytes[at + 2] !== 0, reader.characters(place & 0xfff));
    }
    const item = operatorItem(bytes[at + 1]!, view.getUint16(at + 2, true));
    if (bytes[at] !== OPERATOR || item === undefined) throw reader.unfit();
    return item;
  });
  reader.offset = end;
  if (count === 0) return "";
  const text = formatQuery(items);
  if (text === undefined) throw reader.unfit();
  return text;
}

/** The locales in which cash_out prints an amount as in the C locale; others are not known. */
const MONEY_LOCALES = /^(?:C|POSIX|en_US)(?:[.@].*)?$/;

/** Int64 hundredths: `-$1,234.56`. Undefined if the form of lc_monetary is not known. */
export function moneyForm(lcMonetary: string): ((reader: BinaryReader) => string) | undefined {
  if (!MONEY_LOCALES.test(lcMonetary)) return undefined;
  return (reader) => {
    const amount = reader.int64();
    const digits = String(amount < 0n ? -amount : amount).padStart(3, "0");
    const whole = digits.slice(0, -2).replace(/\B(?=(?:\d{3})+$)/g, ",");
    return `${amount < 0n ? "-" : ""}$${whole}.${digits.slice(-2)}`;
  };
}
