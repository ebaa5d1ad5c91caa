import { DecodeError } from "../../errors.ts";

const [WORD, BETWEEN, OPENING, CLOSING, QUOTE] = [0, 1, 2, 3, 4];
/** What a character is, by its code: all beyond ASCII are of words. */
const CLASSES = new Uint8Array(128);
for (const [characters, kind] of [
  [" \t\r\n,:", BETWEEN],
  ["{[", OPENING],
  ["}]", CLOSING],
  ['"', QUOTE],
] as const) {
  for (const character of characters) CLASSES[character.charCodeAt(0)] = kind;
}

/**
 * The members of a JSON object, each value as the text that stands there: numbers keep their digits, and JSON its
 * spaces. A key may be called `__proto__`.
 * @throws DecodeError with the offset in the text
 */
export function membersOf(text: string): Map<string, string> {
  const members = new Map<string, string>();
  const end = partsOf(text, "{", "}", (start) => {
    if (text[start] !== '"') throw new DecodeError("line: no key", start);
    const keyEnd = stringEnd(text, start);
    const valueStart = tokenStart(text, keyEnd);
    const valueEnd = endOfValue(text, valueStart);
    const name = stringOf(text.slice(start, keyEnd));
    if (members.has(name)) throw new DecodeError("line: a key twice", start);
    members.set(name, text.slice(valueStart, valueEnd));
    return valueEnd;
  });
  const rest = tokenStart(text, end);
  if (rest < text.length) throw new DecodeError("line: more than an object", rest);
  return members;
}

/** The elements of a JSON array, as text. */
export function elementsOf(text: string): readonly string[] {
  const elements: string[] = [];
  partsOf(text, "[", "]", (start) => {
    const end = endOfValue(text, start);
    elements.push(text.slice(start, end));
    return end;
  });
  return elements;
}

/** @throws DecodeError */
export function stringOf(token: string): string {
  if (!token.includes("\\")) return token.slice(1, -1);
  const text = parsed(token);
  // UTF-8 has no form of it: each encoder would replace it.
  if (/\p{Surrogate}/u.test(text)) throw new DecodeError("line: half of a surrogate pair", 0);
  return text;
}

function parsed(token: string): string {
  try {
    return JSON.parse(token) as string;
  } catch {
    throw new DecodeError("line: not a JSON string", 0);
  }
}

/** Node.js passes over what is not base64. */
export function bytesOf(base64: string): Uint8Array {
  const bytes = Buffer.from(base64, "base64");
  if (bytes.toString("base64") !== base64) throw new DecodeError("line: not base64", 0);
  return new Uint8Array(bytes);
}

/** @param part reads one and returns its end */
function partsOf(
  text: string,
  open: string,
  close: string,
  part: (start: number) => number,
): number {
  let at = tokenStart(text, 0);
  if (text[at] !== open) throw new DecodeError("line: not JSON", at);
  at++;
  for (;;) {
    at = tokenStart(text, at);
    if (at === text.length) throw new DecodeError("line: ends within JSON", at, 1);
    if (text[at] === close) return at + 1;
    at = part(at);
  }
}

function endOfValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  do {
    at = tokenStart(text, at);
    if (at === text.length) throw new DecodeError("line: ends within JSON", at, 1);
    const kind = classOf(text, at);
    if (kind === OPENING) depth++;
    else if (kind === CLOSING) depth--;
    at = kind === QUOTE ? stringEnd(text, at) : kind === WORD ? wordEnd(text, at) : at + 1;
  } while (depth > 0);
  return at;
}

function tokenStart(text: string, from: number): number {
  let at = from;
  while (at < text.length && classOf(text, at) === BETWEEN) at++;
  return at;
}

function wordEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && classOf(text, at) === WORD) at++;
  return at;
}

function classOf(text: string, at: number): number {
  return CLASSES[text.charCodeAt(at)] ?? WORD;
}

/** After the quote that ends it: one that an even number of backslashes precedes. */
function stringEnd(text: string, start: number): number {
  for (let end = start; ;) {
    end = text.indexOf('"', end + 1);
    if (end === -1) throw new DecodeError("line: ends within a string", text.length, 1);
    let before = end - 1;
    while (text[before] === "\\") before--;
    if ((end - before) % 2 === 1) return end + 1;
  }
}
