import type { BinaryReader } from "./binary-reader.ts";

/** D, the lowest, goes without saying. */
const WEIGHTS = ["", "C", "B", "A"];
/** Of a query's operand, which may ask for several. */
const WEIGHT_BITS = ["D", "C", "B", "A"];
const POSITION_MASK = 0x3fff;
const WEIGHT_SHIFT = 14;
/** A lexeme's NUL and its positions. */
const LEXEME_BYTES_MIN = 3;

/** Int32 lexemes  { String lexeme  Int16 positions  { UInt16 weight in the upper 2 bits, position }×n }×n */
export function tsvector(reader: BinaryReader): string {
  const lexemes = reader.count(LEXEME_BYTES_MIN);
  return Array.from({ length: lexemes }, () => {
    const lexeme = quoteLexeme(reader.cstring());
    const positions = Array.from({ length: reader.uint16() }, () => {
      const position = reader.uint16();
      return `${position & POSITION_MASK}${WEIGHTS[position >> WEIGHT_SHIFT]}`;
    });
    return positions.length === 0 ? lexeme : `${lexeme}:${positions.join(",")}`;
  }).join(" ");
}

const OPERAND = 1;
const OPERATOR = 2;

const NOT = 1;
const AND = 2;
const OR = 3;
const PHRASE = 4;
const PRIORITY: Readonly<Record<number, number>> = { [NOT]: 4, [AND]: 2, [OR]: 1, [PHRASE]: 3 };
const OPERAND_PRIORITY = 5;

interface Item {
  /** An operator's code; an operand's text. */
  readonly operator: number | undefined;
  readonly text: string;
}

/** What an item and those below it look like. */
interface Term {
  readonly text: string;
  readonly priority: number;
}

/**
 * Int32 items, in Polish notation with the right operand before the left one
 * { Byte1(1)  Byte1 weights  Byte1 is it a prefix  String lexeme
 * | Byte1(2)  Byte1 operator  [Int16 distance, of a phrase] }×n
 */
export function tsquery(reader: BinaryReader): string {
  const length = reader.count(2);
  if (length === 0) return "";
  const items = Array.from({ length }, () => readItem(reader));
  // From the end on the operands come before their operator: no recursion, however deep it is.
  const terms: Term[] = [];
  const pop = (): Term => {
    const term = terms.pop();
    if (term === undefined) throw reader.unfit();
    return term;
  };
  for (const { operator, text } of items.toReversed()) {
    if (operator === undefined) terms.push({ text, priority: OPERAND_PRIORITY });
    else if (operator === NOT) terms.push(negate(pop()));
    else terms.push(join(operator, text, pop(), pop()));
  }
  const [only, second] = terms;
  if (only === undefined || second !== undefined) throw reader.unfit();
  return only.text;
}

function readItem(reader: BinaryReader): Item {
  const type = reader.uint8();
  if (type === OPERAND) return { operator: undefined, text: readOperand(reader) };
  if (type !== OPERATOR) throw reader.unfit();
  const operator = reader.uint8();
  switch (operator) {
    case NOT:
      return { operator, text: "!" };
    case AND:
      return { operator, text: " & " };
    case OR:
      return { operator, text: " | " };
    case PHRASE: {
      const distance = reader.uint16();
      return { operator, text: distance === 1 ? " <-> " : ` <${distance}> ` };
    }
    default:
      throw reader.unfit();
  }
}

/** `'lexeme':*AB` */
function readOperand(reader: BinaryReader): string {
  const weights = reader.uint8();
  const prefix = reader.uint8() !== 0 ? "*" : "";
  const lexeme = quoteLexeme(reader.cstring());
  const letters = WEIGHT_BITS.map((letter, bit) => ((weights >> bit) & 1 ? letter : ""));
  const labels = prefix + letters.toReversed().join("");
  return labels === "" ? lexeme : `${lexeme}:${labels}`;
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

/** In parentheses where it binds less than what is around it. */
function within(term: Term, priority: number): string {
  return term.priority < priority ? `( ${term.text} )` : term.text;
}

function quoteLexeme(lexeme: string): string {
  return `'${lexeme.replace(/['\\]/g, "$&$&")}'`;
}
