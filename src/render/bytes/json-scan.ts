import { isC1 } from "./json-text.ts";
import { numberEnd } from "./numbers.ts";
import { characterEnd } from "./utf8.ts";

const TAB = 0x09;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const LIST = 0x5b;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;
const DEL = 0x7f;

const WORDS = ["true", "false", "null"].map((word) => Buffer.from(word, "latin1"));
/** By byte: 1 if it may follow a backslash. */
const ESCAPED = new Uint8Array(256);
for (const byte of Buffer.from('"\\/bfnrtu', "latin1")) ESCAPED[byte] = 1;
const HEX = new Uint8Array(256);
for (const byte of Buffer.from("0123456789abcdefABCDEF", "latin1")) HEX[byte] = 1;

/** By byte: 1 if it may not be in a string as it is, or needs a closer look. */
const SPECIAL = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte < SPACE || byte === QUOTE || byte === BACKSLASH || byte >= DEL),
);

/** The results: not JSON in UTF-8; JSON that can be printed unchanged; JSON that contains control characters. */
export const NO_JSON = 0;
export const CLEAN = 1;
const WITH_CONTROLS = 2;

const DEPTH = 64;
/** The closing bracket for each open one. */
const CLOSERS = new Uint8Array(DEPTH);
/** The result for the value being read; a variable, so that nothing is allocated. */
let found = CLEAN;

/** Checks a value (RFC 8259) in one pass. It does not recurse: a value may be nested as deep as it is long. */
export function scanJson(bytes: Uint8Array, view: DataView, start: number, end: number): number {
  let closers: Uint8Array = CLOSERS;
  let depth = 0;
  let inObject = false;
  let at = start;
  found = CLEAN;
  for (;;) {
    // A value, after its key in an object.
    if (at < end && bytes[at]! <= SPACE) at = skipWhite(bytes, at, end);
    if (inObject) {
      if (at >= end || bytes[at] !== QUOTE) return NO_JSON;
      at = stringEnd(bytes, view, at + 1, end);
      if (at < end && bytes[at]! <= SPACE) at = skipWhite(bytes, at, end);
      if (at >= end || bytes[at] !== COLON) return NO_JSON;
      at++;
      if (at < end && bytes[at]! <= SPACE) at = skipWhite(bytes, at, end);
    }
    if (at >= end) return NO_JSON;
    const first = bytes[at]!;
    if (first === QUOTE) at = stringEnd(bytes, view, at + 1, end);
    else if (first === OBJECT || first === LIST) {
      if (depth === closers.length) closers = deeper(closers);
      // In ASCII each closing bracket is the opening one plus two.
      closers[depth++] = first + 2;
      inObject = first === OBJECT;
      at++;
      if (at < end && bytes[at]! <= SPACE) at = skipWhite(bytes, at, end);
      if (at >= end || bytes[at] !== first + 2) continue;
    } else if (first === MINUS || (first >= ZERO && first <= NINE)) {
      at = numberEnd(bytes, at, end);
      if (at === -1) return NO_JSON;
    } else at = wordEnd(bytes, at, end);
    // What may follow a value: closing brackets, and a comma.
    for (;;) {
      if (at < end && bytes[at]! <= SPACE) at = skipWhite(bytes, at, end);
      if (depth === 0) return at === end ? found : NO_JSON;
      if (at >= end) return NO_JSON;
      const byte = bytes[at++]!;
      if (byte === COMMA) break;
      if (byte !== closers[--depth]) return NO_JSON;
      inObject = depth > 0 && closers[depth - 1] === OBJECT_END;
    }
  }
}

function deeper(closers: Uint8Array): Uint8Array {
  const grown = new Uint8Array(closers.length * 4);
  grown.set(closers);
  return grown;
}

function skipWhite(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const byte = bytes[at]!;
    if (byte !== SPACE) {
      if (byte !== LINE_FEED && byte !== TAB && byte !== RETURN) break;
      found = WITH_CONTROLS;
    }
    at++;
  }
  return at;
}

/** Like specialsInString, but exact: the first bit set belongs to the first special byte. */
function specialsOf(word: number): number {
  const low = word & 0x7f7f7f7f;
  const plain =
    (low + 0x60606060) & ((low ^ 0x22222222) + 0x7f7f7f7f) & ((low ^ 0x5c5c5c5c) + 0x7f7f7f7f);
  return (word | (low + 0x01010101) | ~plain) & 0x80808080;
}

/** The offset behind the closing quote of the string that starts at `start`; beyond `end` if the string is invalid. */
function stringEnd(bytes: Uint8Array, view: DataView, start: number, end: number): number {
  let at = start;
  for (;;) {
    let special = 0;
    while (at + 4 <= end && (special = specialsOf(view.getInt32(at))) === 0) at += 4;
    if (special !== 0) at += Math.clz32(special) >>> 3;
    else while (at < end && SPECIAL[bytes[at]!] === 0) at++;
    if (at >= end) return end + 1;
    const byte = bytes[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at = escapeEnd(bytes, at + 1, end);
    else if (byte < SPACE) return end + 1;
    else if (byte === DEL) {
      found = WITH_CONTROLS;
      at++;
    } else {
      if (isC1(bytes, at, end)) found = WITH_CONTROLS;
      at = characterEnd(bytes, at, end);
      if (at === -1) return end + 1;
    }
  }
}

/** The offset behind the escape after a backslash; beyond `end` if it is invalid. */
function escapeEnd(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end || ESCAPED[bytes[start]!] === 0) return end + 1;
  if (bytes[start] !== LETTER_U) return start + 1;
  for (let at = start + 1; at < start + 5; at++) {
    if (at >= end || HEX[bytes[at]!] === 0) return end + 1;
  }
  return start + 5;
}

/** The offset behind true, false or null; beyond `end` if it is none of these. */
function wordEnd(bytes: Uint8Array, start: number, end: number): number {
  const word = WORDS.find((each) => each[0] === bytes[start]);
  if (word === undefined || start + word.length > end) return end + 1;
  for (let at = 1; at < word.length; at++) if (bytes[start + at] !== word[at]) return end + 1;
  return start + word.length;
}
