import type { BinaryReader } from "./binary-reader.ts";
import { type BuiltinType, builtin } from "./type.ts";

/** D, the lowest weight, is not printed. */
const WEIGHTS = ["", "C", "B", "A"];
/** The weights of a query's operand, which may have several. */
const WEIGHT_BITS = ["D", "C", "B", "A"];
const POSITION_MASK = 0x3fff;
const WEIGHT_SHIFT = 14;
/** A lexeme's NUL and its positions. */
const LEXEME_BYTES_MIN = 3;

/** Int32 lexemes  { String lexeme  Int16 positions  { UInt16 weight in the upper 2 bits, position }×n }×n */
function tsvector(reader: BinaryReader): string {
  const lexemes = reader.count(LEXEME_BYTES_MIN);
  return Array.from({ length: lexemes }, () => {
    return formatLexeme(reader.cstring(), reader, reader.uint16());
  }).join(" ");
}

/** `'lexeme':1A,2`, whose positions follow. */
function formatLexeme(lexeme: string, reader: BinaryReader, positions: number): string {
  if (positions === 0) return quoteLexeme(lexeme);
  const formatted = Array.from({ length: positions }, () => {
    const position = reader.uint16();
    return `${position & POSITION_MASK}${WEIGHTS[position >> WEIGHT_SHIFT]}`;
  });
  return `${quoteLexeme(lexeme)}:${formatted.join(",")}`;
}

const OPERAND = 1;
const OPERATOR = 2;

const NOT = 1;
const AND = 2;
const OR = 3;
const PHRASE = 4;
const PRIORITY: Readonly<Record<number, number>> = { [NOT]: 4, [AND]: 2, [OR]: 1, [PHRASE]: 3 };
const OPERAND_PRIORITY = 5;

interface QueryItem {
  /** The operator's code; undefined for an operand. */
  readonly operator: number | undefined;
  readonly text: string;
}

/** The text of an item with its operands, and how strongly it binds. */
interface Term {
  readonly text: string;
  readonly priority: number;
}

/**
 * Int32 items, in Polish notation with the right operand before the left one
 * { Byte1(1)  Byte1 weights  Byte1 whether it is a prefix  String lexeme
 * | Byte1(2)  Byte1 operator  [Int16 distance, for a phrase] }×n
 */
function tsquery(reader: BinaryReader): string {
  const length = reader.count(2);
  if (length === 0) return "";
  const items = Array.from({ length }, () => readItem(reader));
  const text = formatQuery(items);
  if (text === undefined) throw reader.unfit();
  return text;
}

/** Undefined: operators and operands do not fit. */
function formatQuery(items: readonly QueryItem[]): string | undefined {
  // Read backwards, operands precede their operator, so no recursion is needed, however deep the query is.
  const terms: Term[] = [];
  for (const { operator, text } of items.toReversed()) {
    if (operator === undefined) {
      terms.push({ text, priority: OPERAND_PRIORITY });
      continue;
    }
    const right = terms.pop();
    const left = operator === NOT ? right : terms.pop();
    if (right === undefined || left === undefined) return undefined;
    terms.push(operator === NOT ? negate(right) : join(operator, text, right, left));
  }
  return terms.length === 1 ? terms[0]?.text : undefined;
}

function readItem(reader: BinaryReader): QueryItem {
  const type = reader.uint8();
  if (type === OPERAND) {
    const weights = reader.uint8();
    const prefix = reader.uint8() !== 0;
    return operandItem(weights, prefix, reader.cstring());
  }
  if (type !== OPERATOR) throw reader.unfit();
  const code = reader.uint8();
  const item = operatorItem(code, code === PHRASE ? reader.uint16() : 0);
  if (item === undefined) throw reader.unfit();
  return item;
}

/** Undefined: there is none of that code. */
function operatorItem(code: number, distance: number): QueryItem | undefined {
  switch (code) {
    case NOT:
      return { operator: code, text: "!" };
    case AND:
      return { operator: code, text: " & " };
    case OR:
      return { operator: code, text: " | " };
    case PHRASE:
      return { operator: code, text: distance === 1 ? " <-> " : ` <${distance}> ` };
    default:
      return undefined;
  }
}

/** `'lexeme':*AB` */
function operandItem(weights: number, isPrefix: boolean, text: string): QueryItem {
  const prefix = isPrefix ? "*" : "";
  const lexeme = quoteLexeme(text);
  const letters = WEIGHT_BITS.map((letter, bit) => ((weights >> bit) & 1 ? letter : ""));
  const labels = prefix + letters.toReversed().join("");
  return { operator: undefined, text: labels === "" ? lexeme : `${lexeme}:${labels}` };
}

function negate(operand: Term): Term {
  const priority = PRIORITY[NOT]!;
  return { text: `!${within(operand, priority)}`, priority };
}

function join(operator: number, symbol: string, right: Term, left: Term): Term {
  const priority = PRIORITY[operator]!;
  // a <-> (b <-> c) is not (a <-> b) <-> c.
  const nested = operator === PHRASE && right.priority === priority;
  const rightText = within(right, nested ? priority + 1 : priority);
  return { text: within(left, priority) + symbol + rightText, priority };
}

/** In parentheses if it binds less strongly than what surrounds it. */
function within(term: Term, priority: number): string {
  return term.priority < priority ? `( ${term.text} )` : term.text;
}

function quoteLexeme(lexeme: string): string {
  return `'${lexeme.replace(/['\\]/g, "$&$&")}'`;
}

/** Int32 lexemes  { UInt32: 1 has positions, length in bits 1 to 11, offset above }×n  strings, positions at even places */
function storedTsvector(reader: BinaryReader): string {
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
function storedTsquery(reader: BinaryReader): string {
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

export const SEARCHES: readonly BuiltinType[] = [
  builtin(3614, "tsvector", 3643, "other", { sent: tsvector, stored: storedTsvector }),
  builtin(3615, "tsquery", 3645, "other", { sent: tsquery, stored: storedTsquery }),
  builtin(3642, "gtsvector", 3644, "other"),
];
