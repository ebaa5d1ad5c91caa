/**
 * All quoting, for SQL and for the replication grammar (manual: Lexical Structure). No other file puts a name or a
 * value into a statement.
 */

import { HOSTILE } from "../../hostile-text.ts";

/** `My "Pub"` → `"My ""Pub"""`, also for the replication grammar. */
export function quoteIdentifier(name: string): string {
  return `"${requireNoNul(name).replaceAll('"', '""')}"`;
}

/** Only where it has to be. */
export function quotePlainly(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name);
}

export function quoteQualified(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** Safe with any standard_conforming_strings: it uses the E form if there is a backslash. */
export function quoteLiteral(value: string): string {
  const quoted = `'${requireNoNul(value).replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  return value.includes("\\") ? `E${quoted}` : quoted;
}

/** A string of the replication grammar, whose only escape is the doubled quote. */
export function quoteReplicationString(value: string): string {
  return `'${requireNoNul(value).replaceAll("'", "''")}'`;
}

/** The form of pgoutput's publication_names: a list of identifiers, in which unquoted ones are folded to lower case. */
export function quoteIdentifierList(names: readonly string[]): string {
  return names.map(quoteIdentifier).join(", ");
}

export function quoteTextArray(values: readonly string[]): string {
  return `ARRAY[${values.map(quoteLiteral).join(", ")}]::text[]`;
}

/** Tokens that may hold any character, each with its own group: comments, then strings in their three forms, names. */
const TOKENS =
  /--[^\n]*|\/\*.*?\*\/|(?<!\w)[eE]'((?:[^'\\]|''|\\.)*)'|'((?:[^']|'')*)'|(\$\w*\$)(.*?)\3|"((?:[^"]|"")*)"/gsu;

/**
 * The same statement without characters that cannot be shown, to be printed and pasted: names as `U&"…"`, strings as
 * `E'…'` (manual: Lexical Structure). Line breaks between tokens stay.
 */
export function printableSql(sql: string): string {
  if (sql.search(HOSTILE) < 0) return sql;
  const escape = (text: string, form: (code: number) => string): string =>
    text.replace(HOSTILE, (character) => form(character.codePointAt(0) ?? 0));
  const doubled = (text: string): string => text.replaceAll("\\", "\\\\");
  return sql
    .replace(TOKENS, (token, escaped, plain, _tag, dollar, name) => {
      if (token.search(HOSTILE) < 0) return token;
      if (name !== undefined) return `U&"${escape(doubled(name), hexEscape)}"`;
      const body = escaped ?? doubled(plain ?? dollar?.replaceAll("'", "''") ?? "");
      return token.startsWith("-") || token.startsWith("/")
        ? escape(token, () => " ")
        : `E'${escape(body, stringEscape)}'`;
    })
    .replace(HOSTILE, (character) => (character === "\n" ? character : " "));
}

/** A name in SQL to be printed and pasted. */
export function printableIdentifier(name: string): string {
  return printableSql(quoteIdentifier(name));
}

function hexEscape(code: number): string {
  const hex = code.toString(16);
  return code <= 0xffff ? `\\${hex.padStart(4, "0")}` : `\\+${hex.padStart(6, "0")}`;
}

const SHORT: ReadonlyMap<number, string> = new Map([
  [9, "\\t"],
  [10, "\\n"],
  [13, "\\r"],
]);

function stringEscape(code: number): string {
  const hex = code.toString(16);
  const long = code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
  return SHORT.get(code) ?? long;
}

/** The server ends a statement at a NUL, so the rest would be lost without an error. */
function requireNoNul(text: string): string {
  if (text.includes("\0")) throw new TypeError("a name or value holds a NUL character");
  return text;
}
