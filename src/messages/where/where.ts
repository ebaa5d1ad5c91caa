/*
 * --where: expressions of CEL about the fields of a message's NDJSON line. Each message is rendered as that line and read
 * back, so that the expression sees what the documentation of the lines says.
 */
import { usageError } from "../../errors.ts";
import type { MessageKind, PgoutputMessage } from "../../postgres/messages/messages.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { NdjsonRenderer } from "../../render/ndjson/ndjson.ts";
import type { Warning } from "../../program/reporter.ts";
import {
  type Cel,
  type Expression,
  FIELDS,
  type Line,
  type Re2,
  compile,
  mayMatch,
  pointAt,
  typesOf,
} from "./cel.ts";
import { readExactLine } from "./exact-line.ts";
import { type MessageFilter, isCounted } from "../filter/filter.ts";

/** What no line has that only begins or ends a transaction. */
const OF_CHANGES = new Set([
  "kind",
  "schema",
  "table",
  "oid",
  "new",
  "old",
  "key",
  "unchanged",
  "tables",
  "columns",
]);

/** Their text names no value of a row. */
const SAFE_CODES = new Set(["no_such_overload", "no_matching_overload", "invalid_logical_operand"]);
const MISSING = "no_such_key";

interface Warns {
  readonly warn: (warning: Warning) => void;
}

/** Which messages are printed, and what is to be called when something damaged was passed over. */
interface Acceptance {
  readonly accepts: (message: PgoutputMessage) => boolean;
  readonly skipped?: () => void;
}

/** The expressions, all of which must hold. */
export class Where {
  readonly #expressions: readonly Expression[];
  readonly #CelError: Cel["EvaluationError"];
  readonly #filter: MessageFilter;
  /** The fields that the expressions are about. */
  readonly #fields: ReadonlySet<string>;
  /** Columns that some change did not have, and those that some change had, such as `new.id`. */
  readonly #missed = new Set<string>();
  readonly #met = new Set<string>();
  #warned = false;

  constructor(cel: Cel, re2: Re2 | undefined, texts: readonly string[], filter: MessageFilter) {
    this.#expressions = compile(cel, re2, texts);
    const names = new Set(this.#expressions.flatMap((each) => [...each.names]));
    this.#fields = new Set(["kind", ...FIELDS].filter((field) => names.has(field)));
    this.#CelError = cel.EvaluationError;
    this.#filter = filter;
  }

  /** Whether every line of that kind is printed. Only for those that begin or end transactions. */
  readonly acceptsKind = (kind: MessageKind): boolean =>
    this.#filter.acceptsKind(kind) &&
    this.#expressions.every(({ names, holds }) => {
      if (FIELDS.some((field) => names.has(field) && !OF_CHANGES.has(field))) return false;
      try {
        return holds(this.#lineOf([["kind", kind]])) === true;
      } catch {
        return false;
      }
    });

  /** Asks the expressions after `accepts`, of the messages of one stream or capture. */
  after(
    accepts: (message: PgoutputMessage) => boolean,
    types: TypeRegistry,
    reporter: Warns,
  ): Acceptance {
    const renderer = new NdjsonRenderer({ types, values: "json", safeNumbers: false });
    const asked = (message: PgoutputMessage): boolean => {
      if (!accepts(message)) return false;
      if (this.#filter.always(message.kind)) return true;
      renderer.render(message);
      const bytes = renderer.take();
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
      const line = this.#lineOf(readExactLine(text, this.#fields));
      return this.#expressions.every((each) => this.#ask(each, line, message.kind, reporter));
    };
    return { accepts: asked, skipped: () => renderer.skipped() };
  }

  /** What the line lacks is null. */
  #lineOf(fields: Iterable<readonly [string, unknown]>): Line {
    const line = new Map<string, unknown>();
    for (const name of this.#fields) line.set(name, null);
    for (const [name, value] of fields) line.set(name, value);
    return line;
  }

  #ask(expression: Expression, line: Line, kind: MessageKind, reporter: Warns): boolean {
    const { text, columns, holds } = expression;
    if (isCounted(kind)) {
      for (const [path, [row, column]] of columns)
        if (has(line.get(row), column)) this.#met.add(path);
    }
    try {
      const result = holds(line);
      // A condition about NULL does not hold, as in SQL.
      if (typeof result !== "boolean" && result !== null) {
        this.#fail(`it gives no true or false`, text, undefined, kind, reporter);
      }
      return result === true;
    } catch (error) {
      if (!(error instanceof this.#CelError)) throw error;
      const { code, range, summary } = error;
      if (code === MISSING) {
        const name = range === undefined ? "" : text.slice(range.start, range.end);
        for (const [path, [, column]] of columns)
          if (isCounted(kind) && column === name) this.#missed.add(path);
      } else {
        const why = SAFE_CODES.has(code) ? summary : code.replaceAll("_", " ");
        this.#fail(typesOf(why), text, range?.end, kind, reporter);
      }
      return false;
    }
  }

  #fail(
    why: string,
    text: string,
    end: number | undefined,
    kind: MessageKind,
    reporter: Warns,
  ): void {
    if (this.#warned) return;
    this.#warned = true;
    reporter.warn({
      message: `--where fails on a line of kind ${kind}, which is left out: ${why}`,
      detail: pointAt(text, end),
    });
  }

  /** Known at the end. */
  warnings(): readonly Warning[] {
    return [...this.#missed]
      .filter((path) => !this.#met.has(path))
      .map((path) => ({ message: `no change had the column ${path} (--where)` }));
  }
}

const TIME_OF_COLUMN =
  /\b((?:new|old|key)\.\w+)\s*[!=]=\s*(?:timestamp|duration)\(|\b(?:timestamp|duration)\([^()]*\)\s*[!=]=\s*((?:new|old|key)\.\w+)/;

/** In CEL a text never equals a timestamp, and that is no error. */
function refuseTimes(text: string): void {
  const [, before, after] = TIME_OF_COLUMN.exec(text.replace(/"[^"]*"|'[^']*'/g, '""')) ?? [];
  const column = before ?? after;
  if (column === undefined) return;
  throw usageError(
    `--where compares ${column}, which is text, with a time: they are never equal`,
    `Compare texts, as the lines print them (${column} == "2026-11-24T10:57:43"), or times: timestamp(${column}), which needs a zone in the text.`,
  );
}

/** @throws WalctlError, a usage error that points at the place */
export async function createWhere(texts: readonly string[], filter: MessageFilter): Promise<Where> {
  texts.forEach(refuseTimes);
  const [cel, re2] = await Promise.all([
    import("@marcbachmann/cel-js"),
    texts.some(mayMatch) ? import("re2js") : undefined,
  ]);
  return new Where(cel, re2, texts, filter);
}

function has(row: unknown, name: string): boolean {
  return row instanceof Map && row.has(name);
}
