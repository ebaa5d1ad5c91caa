/**
 * Names as a user types them, by one rule in every option: without double quotes ASCII letters are folded to lower case,
 * within them every character counts (manual: Identifiers and Key Words; psql: Patterns).
 */
import { type WalctlError, usageError } from "../../errors.ts";

/** The rule, for the hint of an error. */
export const NAMES_RULE =
  "Names that are not all lower-case letters, digits and _ go in double quotes";

const QUOTED = String.raw`"(?:[^"]|"")+"`;
const NAME = new RegExp(String.raw`${QUOTED}|[^\s"'.,()=*?]+`, "y");
const PATTERN = new RegExp(String.raw`(?:${QUOTED}|[^\s"'.,()=]+)+`, "y");
const PATTERN_PARTS = new RegExp(`${QUOTED}|[*?]|[^"*?]+`, "g");

/** Tables by name. Rows come by the million: `tableMatcher()` asks once for each relation. */
export interface TablePattern {
  /** As it was given. */
  readonly text: string;
  /** Without a schema it means tables of any schema, as in psql. */
  readonly hasSchema: boolean;
  readonly fits: (schema: string, table: string) => boolean;
}

/**
 * `public.ord*`: `*` and `?` stand for characters, except in double quotes.
 * @throws WalctlError, a usage error
 */
export function parseTablePattern(option: string, text: string): TablePattern {
  const form = `The form is ${option} 'schema.table' with * and ?, and it may be repeated. ${NAMES_RULE}: ${option} '"S 1"."My Table"'`;
  const cursor = new NameCursor(text, option, form);
  const parts = [cursor.pattern()];
  if (cursor.take(/\./y) !== undefined) parts.push(cursor.pattern());
  cursor.end();
  const [schema, table] = parts.length === 1 ? [undefined, parts[0]] : parts;
  return {
    text,
    hasSchema: schema !== undefined,
    fits: (itsSchema, itsTable) =>
      (schema?.test(itsSchema) ?? true) && table?.test(itsTable) === true,
  };
}

/** Reads an option's value from left to right, white space between the tokens. */
export class NameCursor {
  readonly #text: string;
  readonly #option: string;
  readonly #hint: string;
  #at = 0;

  /** @param hint of the error, with the form and the rule */
  constructor(text: string, option: string, hint: string) {
    this.#text = text;
    this.#option = option;
    this.#hint = hint;
  }

  /** The match of `token`, a sticky pattern, at this position after white space. */
  take(token: RegExp): string | undefined {
    const start = this.#text.length - this.#text.slice(this.#at).trimStart().length;
    token.lastIndex = start;
    const match = token.exec(this.#text);
    if (match === null) return undefined;
    this.#at = token.lastIndex;
    return match[0];
  }

  /** @throws WalctlError, a usage error, as do the methods below */
  name(): string {
    const name = this.take(NAME);
    if (name === undefined) throw this.fault();
    return unquoted(name);
  }

  /** A table's name, with its schema or without one. */
  table(): { readonly schema: string | undefined; readonly name: string } {
    const first = this.name();
    if (this.take(/\./y) === undefined) return { schema: undefined, name: first };
    return { schema: first, name: this.name() };
  }

  pattern(): RegExp {
    const pattern = this.take(PATTERN);
    if (pattern === undefined) throw this.fault();
    const source = pattern.replace(PATTERN_PARTS, (part) => {
      if (part === "*") return ".*";
      return part === "?" ? "." : unquoted(part).replace(/[\\^$+.()|[\]{}*?]/g, String.raw`\$&`);
    });
    return new RegExp(`^${source}$`, "su");
  }

  rest(): string {
    return this.#text.slice(this.#at).trim();
  }

  end(): void {
    if (this.rest() !== "") throw this.fault();
  }

  fault(): WalctlError {
    const where = this.rest() === "" ? "at its end" : `at "${this.rest()}"`;
    return usageError(
      `"${this.#text}" given for ${this.#option} is malformed ${where}`,
      this.#hint,
    );
  }
}

/** Without quotes the server folds ASCII letters only (in UTF-8 databases). */
function unquoted(name: string): string {
  return name.startsWith('"')
    ? name.slice(1, -1).replaceAll('""', '"')
    : name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
