/* Expressions of CEL about the fields of a line: text → what can be asked, or a usage error that shows the place. */
import { ExitCode, WalctlError } from "../../errors.ts";
import { Decimal } from "./exact-line.ts";
import { isKind, kindsHint } from "../filter/filter.ts";

export type Cel = typeof import("@marcbachmann/cel-js");
export type Re2 = typeof import("re2js");

/**
 * What stands for matches(). CEL's regular expressions are those of RE2, which takes a time that is linear in the value;
 * the library uses JavaScript's, which a value can keep busy for ever.
 */
const LINEAR_MATCHES = "matches_linear";

/** Whether the expression may need RE2. */
export function mayMatch(text: string): boolean {
  return /\bmatches\b/.test(text);
}

/** Every key that a line may have (docs/ndjson.md). One that a line lacks is null there. */
export const FIELDS = [
  "lsn",
  "xid",
  "commit_time",
  "schema",
  "table",
  "oid",
  "new",
  "old",
  "key",
  "unchanged",
  "commit_lsn",
  "end_lsn",
  "origin_lsn",
  "name",
  "replica_identity",
  "columns",
  "tables",
  "cascade",
  "restart_identity",
  "transactional",
  "message_lsn",
  "prefix",
  "content",
  "content_base64",
  "first_segment",
  "subxid",
  "abort_lsn",
  "abort_time",
  "gid",
  "prepare_lsn",
  "prepare_time",
  "prepare_end_lsn",
  "rollback_end_lsn",
  "rollback_time",
  "tag",
  "bytes_base64",
  "partial",
  "aborted",
  "action",
  "relfilenode",
  "last_value",
  "is_called",
  "may_be_ahead",
  "old_relfilenode",
  "lost",
];

export interface Expression {
  readonly text: string;
  /** Names in it, fields among them. */
  readonly names: ReadonlySet<string>;
  /** What is taken of rows, such as `new.id`: the row and the column. */
  readonly columns: ReadonlyMap<string, readonly [row: string, column: string]>;
  readonly holds: (line: Line) => unknown;
}

export type Line = Map<string, unknown>;

/** The fields that are rows. */
const ROWS = new Set(["new", "old", "key"]);

export function compile(
  cel: Cel,
  re2: Re2 | undefined,
  texts: readonly string[],
): readonly Expression[] {
  const environment = new cel.Environment({ homogeneousAggregateLiterals: false })
    .registerVariable("kind", "string")
    .registerType("Decimal", Decimal)
    .registerFunction("decimal(string): Decimal", (text: string) => {
      try {
        return Decimal.parse(text);
      } catch {
        throw new cel.EvaluationError({
          code: "not_a_decimal_number",
          message: "no decimal number",
        });
      }
    });
  if (re2 !== undefined) registerMatches(cel, re2, environment);
  for (const field of FIELDS) environment.registerVariable(field, "dyn");
  for (const other of ["int", "double", "Decimal"]) {
    for (const [sign, wanted] of Object.entries(COMPARISONS)) {
      environment.registerOperator(`Decimal ${sign} ${other}`, (a: Exact, b: Exact) =>
        wanted(Decimal.compare(a, b)),
      );
      // Equality has both orders already.
      if (other === "Decimal" || sign === "==") continue;
      environment.registerOperator(`${other} ${sign} Decimal`, (a: Exact, b: Exact) =>
        wanted(Decimal.compare(a, b)),
      );
    }
  }
  return texts.map((text) => {
    const parsed = parse(cel, environment, text);
    const names = new Set<string>();
    const columns = new Map<string, readonly [row: string, column: string]>();
    visit(parsed.ast, (node) => {
      if (node.op === "id") names.add(node.args);
      if (node.op === "." && node.args[0].op === "id" && ROWS.has(node.args[0].args)) {
        columns.set(`${node.args[0].args}.${node.args[1]}`, [node.args[0].args, node.args[1]]);
      }
      if (node.op === "value" && typeof node.args === "number") requireExact(text, node);
      for (const kind of kindsIn(node)) requireKind(text, kind);
    });
    return { text, names, columns, holds: (line) => parsed(line) as unknown };
  });
}

function registerMatches(cel: Cel, { RE2JS }: Re2, environment: Environment): void {
  let pattern: string | undefined;
  let compiled: ReturnType<typeof RE2JS.compile> | undefined;
  environment.registerFunction(
    `string.${LINEAR_MATCHES}(string): bool`,
    (text: string, asked: string) => {
      if (asked !== pattern || compiled === undefined) {
        try {
          compiled = RE2JS.compile(asked);
        } catch {
          const code = "invalid_regular_expression";
          throw new cel.EvaluationError({ code, message: "invalid regular expression" });
        }
        pattern = asked;
      }
      return compiled.matcher(text).find();
    },
  );
}

type Exact = Decimal | bigint | number;

const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  "==": (order) => order === 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};

type Environment = InstanceType<Cel["Environment"]>;
type Parsed = ReturnType<Environment["parse"]>;
type Node = Parsed["ast"];

function parse(cel: Cel, environment: Environment, text: string): Parsed {
  try {
    const parsed = environment.parse(text);
    visit(parsed.ast, (node) => {
      if (node.op === "rcall" && node.args[0] === "matches") node.args[0] = LINEAR_MATCHES;
    });
    const { valid, error, type } = parsed.check();
    if (!valid) throw error ?? new TypeError("an expression without a type");
    visit(parsed.ast, (node) => requireConstants(cel, environment, text, node));
    if (type === "bool" || type === "dyn") return parsed;
    throw whereError(text, `it gives ${type ?? "something else"}, not true or false`, undefined);
  } catch (error) {
    const ours = [cel.ParseError, cel.EvaluationError, cel.TypeError];
    for (const kind of ours) {
      if (!(error instanceof kind)) continue;
      const { code, range, summary } = error;
      throw whereError(text, explain(code, summary ?? error.message), range, code);
    }
    throw error;
  }
}

/** In the words of walctl's errors. */
function explain(code: string | undefined, summary: string): string {
  const unknown = /^Unknown variable: (.*)$/s.exec(summary)?.[1];
  if (unknown !== undefined) return `no line has a field "${unknown}"`;
  if (code === "unexpected_token" && summary.endsWith("EOF")) return "it ends too early";
  return typesOf(summary.slice(0, 1).toLowerCase() + summary.slice(1));
}

/** `dyn<string>`: a value that turned out to be a string. */
export function typesOf(text: string): string {
  return text.replace(/dyn<(\w+)>/g, "$1").replaceAll(LINEAR_MATCHES, "matches");
}

function whereError(
  text: string,
  what: string,
  range: { readonly start: number; readonly end: number } | undefined,
  code?: string,
): WalctlError {
  const place = range === undefined ? "" : placeOf(text, range.start);
  return new WalctlError(`--where${place}: ${what}`, {
    detail: pointAt(text, range?.end),
    hint:
      code === "unknown_variable"
        ? "A column is new.NAME, old.NAME or key.NAME; the fields are those of the NDJSON line: kind, schema, table, new, old, key, xid, …."
        : "The expression is CEL, such as: kind == 'update' && new.total > 100",
    exitCode: ExitCode.usage,
  });
}

function placeOf(text: string, start: number): string {
  return `, character ${Array.from(text.slice(0, start)).length + 1}`;
}

export function pointAt(text: string, end: number | undefined): string {
  if (end === undefined) return text;
  const rest = text.slice(end);
  return `${text.slice(0, end)} <-- HERE${rest === "" || rest.startsWith(" ") ? "" : " "}${rest}`;
}

/** A pattern, a time or a number that is none would fail on every line. */
function requireConstants(cel: Cel, environment: Environment, text: string, node: Node): void {
  if (node.op !== "rcall" && node.op !== "call") return;
  const isPattern = node.args[0] === LINEAR_MATCHES;
  if (!isPattern && node.op === "rcall") return;
  const given: readonly Node[] = node.op === "rcall" ? node.args[2] : node.args[1];
  if (!given.every(({ op }) => op === "value")) return;
  const [constant] = given;
  const asked = constant === undefined ? "" : text.slice(constant.start, constant.end);
  try {
    if (isPattern) environment.evaluate(`"".${LINEAR_MATCHES}(${asked})`);
    else environment.evaluate(text.slice(node.start, node.end));
  } catch (error) {
    if (!(error instanceof cel.EvaluationError)) throw error;
    const { code, summary } = error;
    throw whereError(text, `${explain(code, summary)}: ${asked}`, constant ?? node);
  }
}

/** A number that a double does not hold would be compared with another one. */
function requireExact(text: string, { start, end }: Node): void {
  const literal = text.slice(start, end);
  const exact = /^[\d.]+(e[+-]?\d+)?$/i.test(literal) ? Decimal.parse(literal) : undefined;
  if (exact === undefined || Decimal.compare(exact, Number(literal)) === 0) return;
  throw new WalctlError(`--where${placeOf(text, start)}: a double does not hold ${literal}`, {
    detail: pointAt(text, end),
    hint: `Write decimal("${literal}"), which is compared exactly.`,
    exitCode: ExitCode.usage,
  });
}

/** What the node compares with `kind`. */
function kindsIn(node: Node): readonly Node[] {
  if (node.op !== "==" && node.op !== "!=" && node.op !== "in") return [];
  const [left, right] = node.args;
  const isAsked = (side: Node): boolean => side.op === "id" && side.args === "kind";
  if (node.op === "in") return isAsked(left) && right.op === "list" ? right.args : [];
  if (isAsked(left)) return [right];
  return isAsked(right) ? [left] : [];
}

/** A comparison with what is no kind would never hold, or always. */
function requireKind(text: string, { op, args, start, end }: Node): void {
  if (op !== "value" || typeof args !== "string" || isKind(args)) return;
  throw new WalctlError(`--where${placeOf(text, start)}: no message is of the kind "${args}"`, {
    detail: pointAt(text, end),
    hint: kindsHint(args),
    exitCode: ExitCode.usage,
  });
}

function visit(node: unknown, see: (node: Node) => void): void {
  if (Array.isArray(node)) return node.forEach((each) => visit(each, see));
  if (typeof node !== "object" || node === null || !("op" in node) || !("args" in node)) return;
  see(node as Node);
  visit(node.args, see);
}
