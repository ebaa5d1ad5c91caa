import type { BinaryReader } from "./binary-reader.ts";

/** D, the lowest weight, is not printed. */
const WEIGHTS = ["", "C", "B", "A"];
/** The weights of a query's operand, which may have several. */
const WEIGHT_BITS = ["D", "C", "B", "A"];
const POSITION_MASK = 0x3fff;
const WEIGHT_SHIFT = 14;
/** A lexeme's NUL and its positions. */
const LEXEME_BYTES_MIN = 3;

/** Int32 lexemes  { String lexeme  Int16 positions  { UInt16 weight in the upper 2 bits, position }×n }×n */
export function tsvector(reader: BinaryReader): string {
  const lexemes = reader.count(LEXEME_BYTES_MIN);
  return Array.from({ length: lexemes }, () => {
    return formatLexeme(reader.cstring(), reader, reader.uint16());
  }).join(" ");
}

/** `'lexeme':1A,2`, whose positions follow. */
export function formatLexeme(lexeme: string, reader: BinaryReader, positions: number): string {
  if (positions === 0) return quoteLexeme(lexeme);
  const formatted = Array.from({ length: positions }, () => {
    const position = reader.uint16();
    return `${position & POSITION_MASK}${WEIGHTS[position >> WEIGHT_SHIFT]}`;
  });
  return `${quoteLexeme(lexeme)}:${formatted.join(",")}`;
}

export const OPERAND = 1;
export const OPERATOR = 2;

const NOT = 1;
const AND = 2;
const OR = 3;
const PHRASE = 4;
const PRIORITY: Readonly<Record<number, number>> = { [NOT]: 4, [AND]: 2, [OR]: 1, [PHRASE]: 3 };
const OPERAND_PRIORITY = 5;

export interface QueryItem {
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
export function tsquery(reader: BinaryReader): string {
  const length = reader.count(2);
  if (length === 0) return "";
  const items = Array.from({ length }, () => readItem(reader));
  const text = formatQuery(items);
  if (text === undefined) throw reader.unfit();
  return text;
}

/** Undefined: operators and operands do not fit. */
export function formatQuery(items: readonly QueryItem[]): string | undefined {
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
export function operatorItem(code: number, distance: number): QueryItem | undefined {
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
export function operandItem(weights: number, isPrefix: boolean, text: string): QueryItem {
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
