import { usageError } from "../../errors.ts";
import { NAMES_RULE, NameCursor } from "../query/typed-names.ts";
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

const FORM = `The form is -t 'schema.table (column, ...) WHERE expression'. ${NAMES_RULE}: -t '"S 1"."My Table"'`;

/**
 * Parses `schema.table [(column, ...)] [WHERE expression]` by SQL's rules for names.
 * @throws WalctlError, a usage error
 */
export function parseTableSpec(text: string): TableSpec {
  const cursor = new NameCursor(text, "-t", FORM);
  const table = cursor.table();
  const columns = cursor.take(/\(/y) === undefined ? undefined : parseColumns(cursor);
  const where = cursor.take(/where(?![\w$\u0080-\uffff])/iy);
  const expression = where === undefined ? undefined : parseWhere(cursor.rest(), text);
  if (where === undefined) cursor.end();
  return { ...table, columns, where: expression };
}

/** Parses `schema.table`, as `--except` takes it. */
export function parseTableName(option: string, text: string): TableSpec {
  const form = `The form is ${option} 'schema.table', and it may be repeated. ${NAMES_RULE}: ${option} '"S 1"."My Table"'`;
  const cursor = new NameCursor(text, option, form);
  const table = cursor.table();
  cursor.end();
  return { ...table, columns: undefined, where: undefined };
}

/** Parses one name by SQL's rules, as `--schema` takes it. */
export function parseIdentifier(option: string, text: string): string {
  const cursor = new NameCursor(text, option, `${NAMES_RULE}: ${option} '"S 1"'`);
  const name = cursor.name();
  cursor.end();
  return name;
}

function parseColumns(cursor: NameCursor): readonly string[] {
  const columns: string[] = [];
  do columns.push(cursor.name());
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
