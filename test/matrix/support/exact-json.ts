/** JSON as it is written: JSON.parse would lose the digits of numbers, keys that come twice and the order of keys like "1". */

export type Exact =
  /** The token: `1.10`, `true`, `null`, `"a"`; strings with their escapes normalised. */
  | { readonly kind: "scalar"; readonly token: string }
  | { readonly kind: "array"; readonly items: readonly Exact[] }
  | { readonly kind: "object"; readonly members: ReadonlyArray<readonly [string, Exact]> };

/** The canonical text of each value by its key, in order. */
export type Members = ReadonlyMap<string, string>;

export function parseExact(json: string): Exact {
  const scanner = new Scanner(json);
  const value = scanner.value();
  scanner.end();
  return value;
}

/** Without white space between tokens. */
export function canonical(value: Exact): string {
  switch (value.kind) {
    case "scalar":
      return value.token;
    case "array":
      return `[${value.items.map(canonical).join(",")}]`;
    case "object": {
      const members = value.members.map(
        ([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`,
      );
      return `{${members.join(",")}}`;
    }
  }
}

/** Of an object whose keys differ. */
export function membersOf(json: string): Members {
  const value = parseExact(json);
  if (value.kind !== "object") throw new Error(`no JSON object: ${json.slice(0, 100)}`);
  const members = new Map(value.members.map(([key, each]) => [key, canonical(each)]));
  if (members.size !== value.members.length) throw new Error("a key comes twice");
  return members;
}

const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![^\s,:{}[\]])/y;
const SPACES = new Set([0x20, 0x09, 0x0a, 0x0d]);

class Scanner {
  readonly #json: string;
  #at = 0;

  constructor(json: string) {
    this.#json = json;
  }

  value(): Exact {
    this.#skipSpace();
    switch (this.#json[this.#at]) {
      case "{":
        return { kind: "object", members: this.#list("}", () => this.#member()) };
      case "[":
        return { kind: "array", items: this.#list("]", () => this.value()) };
      case '"':
        return { kind: "scalar", token: JSON.stringify(this.#string()) };
      default:
        return { kind: "scalar", token: this.#scalar() };
    }
  }

  end(): void {
    this.#skipSpace();
    if (this.#at < this.#json.length) throw this.#error("text after the value");
  }

  #list<T>(close: string, element: () => T): T[] {
    const elements: T[] = [];
    this.#at++;
    if (this.#accept(close)) return elements;
    for (;;) {
      elements.push(element());
      if (this.#accept(close)) return elements;
      if (!this.#accept(",")) throw this.#error(`neither , nor ${close}`);
    }
  }

  #member(): readonly [string, Exact] {
    this.#skipSpace();
    const key = this.#string();
    if (!this.#accept(":")) throw this.#error("no colon");
    return [key, this.value()];
  }

  #string(): string {
    const start = this.#at;
    if (this.#json[start] !== '"') throw this.#error("no string");
    let close = this.#json.indexOf('"', start + 1);
    while (close !== -1 && this.#escaped(close)) close = this.#json.indexOf('"', close + 1);
    if (close === -1) throw this.#error("a string without an end");
    this.#at = close + 1;
    const literal = this.#json.slice(start, this.#at);
    return literal.includes("\\") ? String(JSON.parse(literal)) : literal.slice(1, -1);
  }

  /** By an odd number of backslashes before it. */
  #escaped(at: number): boolean {
    let first = at;
    while (this.#json[first - 1] === "\\") first--;
    return (at - first) % 2 === 1;
  }

  #scalar(): string {
    SCALAR.lastIndex = this.#at;
    const [token] = SCALAR.exec(this.#json) ?? [];
    if (token === undefined) throw this.#error("no JSON value");
    this.#at += token.length;
    return token;
  }

  #accept(character: string): boolean {
    this.#skipSpace();
    if (this.#json[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    while (SPACES.has(this.#json.charCodeAt(this.#at))) this.#at++;
  }

  #error(what: string): Error {
    const near = this.#json.slice(Math.max(0, this.#at - 30), this.#at + 30);
    return new Error(`JSON: ${what} at ${this.#at}, near ${near}`);
  }
}
