import { DecodeError } from "../../errors.ts";

const BETWEEN = /[\s,:]*/y;
const WORD = /[[\]{}]|[^\s,:"[\]{}]+/y;

/**
 * The members of a JSON object, each value as the text that stands there: numbers keep their digits, and JSON its
 * spaces. A key may be called `__proto__`.
 * @throws DecodeError with the offset in the text
 */
export function membersOf(text: string): Map<string, string> {
  const members = new Map<string, string>();
  const end = partsOf(text, "{", "}", (at) => {
    const key = tokenAt(text, at);
    if (text[key.start] !== '"') throw new DecodeError("line: no key", key.start);
    const value = valueAt(text, key.end);
    const name = stringOf(text.slice(key.start, key.end));
    if (members.has(name)) throw new DecodeError("line: a key twice", key.start);
    members.set(name, text.slice(value.start, value.end));
    return value.end;
  });
  const rest = tokenAt(text, end);
  if (rest.end > rest.start) throw new DecodeError("line: more than an object", rest.start);
  return members;
}

/** The elements of a JSON array, as text. */
export function elementsOf(text: string): readonly string[] {
  const elements: string[] = [];
  partsOf(text, "[", "]", (at) => {
    const value = valueAt(text, at);
    elements.push(text.slice(value.start, value.end));
    return value.end;
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

interface Span {
  readonly start: number;
  readonly end: number;
}

/** @param part reads one and returns its end */
function partsOf(text: string, open: string, close: string, part: (at: number) => number): number {
  let { start, end } = tokenAt(text, 0);
  if (text.slice(start, end) !== open) throw new DecodeError("line: not JSON", start);
  for (;;) {
    ({ start, end } = tokenAt(text, end));
    if (start === end) throw new DecodeError("line: ends within JSON", start, 1);
    if (text.slice(start, end) === close) return end;
    end = part(start);
  }
}

function valueAt(text: string, from: number): Span {
  const { start, end: first } = tokenAt(text, from);
  if (start === first) throw new DecodeError("line: ends within JSON", start, 1);
  let end = first;
  for (let depth = depthOf(text[start]); depth > 0;) {
    const token = tokenAt(text, end);
    if (token.start === token.end) throw new DecodeError("line: ends within JSON", token.start, 1);
    depth += depthOf(text[token.start]);
    end = token.end;
  }
  return { start, end };
}

function depthOf(character: string | undefined): number {
  if (character === "{" || character === "[") return 1;
  return character === "}" || character === "]" ? -1 : 0;
}

/** Empty at the end. */
function tokenAt(text: string, from: number): Span {
  const start = matched(BETWEEN, text, from);
  return { start, end: text[start] === '"' ? stringEnd(text, start) : matched(WORD, text, start) };
}

function matched(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : from;
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
