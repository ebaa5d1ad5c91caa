/**
 * JSON's grammar (RFC 8259) as a table: what a byte leads to from each state. A value's bytes are looked up one by one,
 * which takes half the time of asking what each of them is. Brackets and commas need a stack, which no table has: they
 * lead to an action of whoever reads, as do bytes that may not be printed as they are.
 */

/** States, in the upper byte, so that the next byte is added to them. */
export const VALUE = 0x0000;
export const VALUE_OR_END = 0x0100;
export const KEY = 0x0200;
export const KEY_OR_END = 0x0300;
const IN_KEY = 0x0400;
export const IN_TEXT = 0x0500;
const COLON = 0x0600;
export const AFTER_VALUE = 0x0700;
const MINUS = 0x0800;
const ZERO = 0x0900;
const WHOLE = 0x0a00;
const POINT = 0x0b00;
const FRACTION = 0x0c00;
const EXPONENT = 0x0d00;
const EXPONENT_SIGN = 0x0e00;
const EXPONENT_DIGITS = 0x0f00;
const FIRST_OF_WORDS = 0x1000;

/** What is from here on is an action. */
export const ACTIONS = 0x4000;
const FAIL = 0x4000;
export const OPEN_OBJECT = 0x4001;
export const OPEN_LIST = 0x4002;
export const CLOSE = 0x4003;
export const COMMA = 0x4004;
export const OPEN_TEXT = 0x4005;
/** White space that is no space. */
export const WHITE = 0x4006;
/** Inside of a string: not ASCII, or DEL. */
export const SPECIAL = 0x4007;

const DIGITS = "0123456789";
const HEX = "0123456789abcdefABCDEF";
const NUMBER_ENDS = [ZERO, WHOLE, FRACTION, EXPONENT_DIGITS];
const STATES_MAX = 0x40;

/** By state + byte: the next state, or an action. */
export const NEXT: Uint16Array = new Uint16Array(STATES_MAX << 8).fill(FAIL);
let unnamed = FIRST_OF_WORDS;

function on(state: number, bytes: string, next: number): void {
  for (const byte of Buffer.from(bytes, "latin1")) NEXT[state + byte] = next;
}

/** From each state to the next by one byte of each set; from the last one to `next`. */
function onEach(state: number, sets: readonly string[], next: number): void {
  let from = state;
  for (const [index, bytes] of sets.entries()) {
    const to = index === sets.length - 1 ? next : (unnamed += 0x100) - 0x100;
    on(from, bytes, to);
    from = to;
  }
}

for (const state of [VALUE, VALUE_OR_END]) {
  on(state, "{", OPEN_OBJECT);
  on(state, "[", OPEN_LIST);
  on(state, '"', OPEN_TEXT);
  on(state, "-", MINUS);
  on(state, "0", ZERO);
  on(state, "123456789", WHOLE);
}
for (const word of ["true", "false", "null"]) {
  onEach(VALUE, word.split(""), AFTER_VALUE);
  on(VALUE_OR_END, word.charAt(0), NEXT[VALUE + word.charCodeAt(0)]!);
}
on(VALUE_OR_END, "]", CLOSE);
on(KEY, '"', IN_KEY);
on(KEY_OR_END, '"', IN_KEY);
on(KEY_OR_END, "}", CLOSE);
on(COLON, ":", VALUE);

on(MINUS, "0", ZERO);
on(MINUS, "123456789", WHOLE);
on(WHOLE, DIGITS, WHOLE);
for (const state of [ZERO, WHOLE]) on(state, ".", POINT);
for (const state of [POINT, FRACTION]) on(state, DIGITS, FRACTION);
for (const state of [ZERO, WHOLE, FRACTION]) on(state, "eE", EXPONENT);
on(EXPONENT, "+-", EXPONENT_SIGN);
for (const state of [EXPONENT, EXPONENT_SIGN, EXPONENT_DIGITS]) on(state, DIGITS, EXPONENT_DIGITS);

for (const state of [AFTER_VALUE, ...NUMBER_ENDS]) {
  on(state, ",", COMMA);
  on(state, "}]", CLOSE);
  on(state, " ", AFTER_VALUE);
}
for (const state of [VALUE, VALUE_OR_END, KEY, KEY_OR_END, COLON]) on(state, " ", state);
for (const state of [VALUE, VALUE_OR_END, KEY, KEY_OR_END, COLON, AFTER_VALUE, ...NUMBER_ENDS]) {
  on(state, "\t\n\r", WHITE);
}

for (const [state, end] of [
  [IN_KEY, COLON],
  [IN_TEXT, AFTER_VALUE],
] as const) {
  for (let byte = 0x20; byte < 0x7f; byte++) NEXT[state + byte] = state;
  for (let byte = 0x7f; byte < 0x100; byte++) NEXT[state + byte] = SPECIAL;
  on(state, '"', end);
  onEach(state, ["\\", '"\\/bfnrt'], state);
  const escape = NEXT[state + 0x5c]!;
  onEach(escape, ["u", HEX, HEX, HEX, HEX], state);
}

/** Whether a value may end in this state, outside of all brackets. */
export function mayEnd(state: number): boolean {
  return state === AFTER_VALUE || NUMBER_ENDS.includes(state);
}
