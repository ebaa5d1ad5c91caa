import type { ColumnValue } from "../../postgres/messages/tuple.ts";
import { clearLine, isUnclear } from "../bytes/sanitize.ts";
import { jsonTokens } from "./json.ts";
import { quote, readStart } from "./value.ts";

/** Where two JSON values differ, as a jsonpath from the value on: `.teapot."gift wrap"[0]`. */
export interface JsonDifference {
  readonly path: string;
  /** JSON on one line, not fit to be printed. Undefined: not there. */
  readonly before: ColumnValue | undefined;
  readonly after: ColumnValue | undefined;
}

const DEPTH_MAX = 50;
/** Longer values are not compared at all. */
const WIDTH_MAX = 10_000;
const PLAIN_KEY = /^"([a-z_]\w*)"$/iu;

type Json =
  | { readonly kind: "object"; readonly members: ReadonlyMap<string, Json>; readonly text: string }
  | { readonly kind: "array"; readonly items: readonly Json[]; readonly text: string }
  | { readonly kind: "scalar"; readonly text: string };

/**
 * Undefined if one is not a whole JSON object or array, or if so much differs that the two values are easier to read.
 */
export function jsonDifferences(
  before: ColumnValue,
  after: ColumnValue,
  countMax: number,
): readonly JsonDifference[] | undefined {
  const [old, now] = [parse(before), parse(after)];
  if (old === undefined || now === undefined) return undefined;
  const found: JsonDifference[] = [];
  compare(old, now, "", found, countMax);
  const told = found.length > 0 && found.length <= countMax;
  return told && found.every(({ path }) => path !== "") ? found : undefined;
}

function compare(
  old: Json,
  now: Json,
  path: string,
  found: JsonDifference[],
  countMax: number,
): void {
  if (old.text === now.text || found.length > countMax) return;
  if (old.kind === "object" && now.kind === "object") {
    for (const key of new Set([...old.members.keys(), ...now.members.keys()])) {
      const step = `${path}.${PLAIN_KEY.exec(key)?.[1] ?? writtenKey(key)}`;
      compareMembers(old.members.get(key), now.members.get(key), step, found, countMax);
    }
  } else if (
    old.kind === "array" &&
    now.kind === "array" &&
    old.items.length === now.items.length
  ) {
    for (const [index, item] of old.items.entries()) {
      compareMembers(item, now.items[index], `${path}[${index}]`, found, countMax);
    }
  } else {
    found.push({ path, before: valueOf(old), after: valueOf(now) });
  }
}

function compareMembers(
  old: Json | undefined,
  now: Json | undefined,
  path: string,
  found: JsonDifference[],
  countMax: number,
): void {
  if (old !== undefined && now !== undefined) compare(old, now, path, found, countMax);
  else found.push({ path, before: valueOf(old), after: valueOf(now) });
}

function valueOf(json: Json | undefined): ColumnValue | undefined {
  return json && { kind: "text", bytes: Buffer.from(json.text) };
}

/** An escape of ours does not look like one of JSON. */
function writtenKey(key: string): string {
  return isUnclear(key) ? `E${quote(clearLine(key.replaceAll("\\", "\\\\")))}` : key;
}

/** JSON.parse() would lose the digits of numbers and repeated keys. */
function parse(value: ColumnValue): Json | undefined {
  if (value.kind !== "text") return undefined;
  const { text, whole } = readStart(value.bytes, WIDTH_MAX);
  const tokens = text === undefined || !whole ? undefined : jsonTokens(text);
  if (tokens === undefined) return undefined;
  const parser = new Parser(tokens);
  const json = parser.value(0);
  return parser.atEnd ? json : undefined;
}

class Parser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  get atEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  /** Undefined if malformed or too deep. */
  value(depth: number): Json | undefined {
    const token = this.#next();
    if (token === undefined || depth > DEPTH_MAX) return undefined;
    if (token === "{") return this.#object(depth);
    if (token === "[") return this.#array(depth);
    return /^[\]},:]/.test(token) ? undefined : { kind: "scalar", text: token };
  }

  #object(depth: number): Json | undefined {
    const members = new Map<string, Json>();
    let end = this.#take("}");
    while (!end) {
      const key = this.#next();
      if (key?.startsWith('"') !== true || members.has(key) || !this.#take(":")) return undefined;
      const member = this.value(depth + 1);
      if (member === undefined) return undefined;
      members.set(key, member);
      end = this.#take("}");
      if (!end && !this.#take(",")) return undefined;
    }
    const inner = [...members].map(([key, { text }]) => `${key}: ${text}`).join(", ");
    return { kind: "object", members, text: `{${inner}}` };
  }

  #array(depth: number): Json | undefined {
    const items: Json[] = [];
    let end = this.#take("]");
    while (!end) {
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
      end = this.#take("]");
      if (!end && !this.#take(",")) return undefined;
    }
    return { kind: "array", items, text: `[${items.map(({ text }) => text).join(", ")}]` };
  }

  #next(): string | undefined {
    const token = this.#tokens[this.#at];
    this.#at += 1;
    return token;
  }

  #take(token: string): boolean {
    const there = this.#tokens[this.#at] === token;
    if (there) this.#at += 1;
    return there;
  }
}
