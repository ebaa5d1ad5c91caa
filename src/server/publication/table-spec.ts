import { type WalctlError, usageError } from "../../errors.ts";
import { findRowFilterFault, withoutOuterParentheses } from "./row-filter.ts";

/** The value of `-t`, names as the server stores them. */
export interface TableSpec {
  /** Undefined: looked up along the search_path. */
  readonly schema: string | undefined;
  readonly name: string;
  /** Undefined: all columns. */
  readonly columns: readonly string[] | undefined;
  /** SQL to put between parentheses, which it cannot leave. Undefined: all rows. */
  readonly where: string | undefined;
}

const FORM = `The form is -t 'schema.table (column, ...) WHERE expression'; names that are not all lower-case letters, digits and _ go in double quotes: -t '"S 1"."My Table"'.`;

/**
 * Parses `schema.table [(column, ...)] [WHERE expression]` by SQL's rules for names.
 * @throws WalctlError, a usage error
 */
export function parseTableSpec(text: string): TableSpec {
  const cursor = new SpecCursor(text);
  const first = cursor.identifier();
  const second = cursor.take(/\./y) === undefined ? undefined : cursor.identifier();
  const columns = cursor.take(/\(/y) === undefined ? undefined : parseColumns(cursor);
  const where = cursor.take(/where(?![\w$\u0080-\uffff])/iy);
  const expression = where === undefined ? undefined : parseWhere(cursor.rest(), text);
  if (where === undefined && cursor.rest() !== "") throw cursor.fault();
  return {
    schema: second === undefined ? undefined : first,
    name: second ?? first,
    columns,
    where: expression,
  };
}

/** Parses one name by SQL's rules, as `--schema` takes it. */
export function parseIdentifier(option: string, text: string): string {
  const cursor = new SpecCursor(text);
  const name = cursor.take(IDENTIFIER);
  if (name !== undefined && cursor.rest() === "") return unquoted(name);
  throw usageError(
    `"${text}" given for ${option} is not a name`,
    `Names that are not all lower-case letters, digits and _ go in double quotes: ${option} '"S 1"'`,
  );
}

function parseColumns(cursor: SpecCursor): readonly string[] {
  const columns: string[] = [];
  do columns.push(cursor.identifier());
  while (cursor.take(/,/y) !== undefined);
  if (cursor.take(/\)/y) === undefined) throw cursor.fault();
  const twice = columns.find((column, index) => columns.indexOf(column) !== index);
  if (twice !== undefined) throw usageError(`column "${twice}" is given twice for one table`);
  return columns;
}

function parseWhere(expression: string, text: string): string {
  const fault = expression === "" ? "there is no expression" : findRowFilterFault(expression);
  if (fault !== undefined) throw usageError(`WHERE of "${text}" is malformed: ${fault}`, FORM);
  return withoutOuterParentheses(expression);
}

const IDENTIFIER = /"(?:[^"]|"")+"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;

/** Without quotes the server folds ASCII letters only (in UTF-8 databases). */
function unquoted(identifier: string): string {
  return identifier.startsWith('"')
    ? identifier.slice(1, -1).replaceAll('""', '"')
    : identifier.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

class SpecCursor {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
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

  identifier(): string {
    const name = this.take(IDENTIFIER);
    if (name === undefined) throw this.fault();
    return unquoted(name);
  }

  rest(): string {
    return this.#text.slice(this.#at).trim();
  }

  fault(): WalctlError {
    const rest = this.rest();
    const where = rest === "" ? "at its end" : `at "${rest}"`;
    return usageError(`"${this.#text}" given for -t is malformed ${where}`, FORM);
  }
}
