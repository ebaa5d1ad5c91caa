import { ColumnKind } from "../../postgres/messages/tags.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import type { ValueEncoder } from "../values/value-encoder.ts";
import { END, type SqlLines } from "./sql-lines.ts";
import { CONDITIONS_MAX, type Identity, type Part, bodiesOf } from "./sql-parts.ts";
import type { ColumnPlan, SqlPlan, SqlRow } from "./sql-plan.ts";

/**
 * Limits of one statement, beyond which another one follows. `weight`: of a row that is found by one column, or is
 * inserted, 1; PostgreSQL needs more time to plan others.
 */
export interface GroupLimits {
  readonly weight: number;
  readonly bytes: number;
}

const KEY_WEIGHT = 4;
const WHOLE_WEIGHT = 10;
const PART_BYTES = 1024;
const FREE_MAX = 8;

const NULL = Buffer.from("NULL");
const AND = Buffer.from(" AND ");
const OR = Buffer.from(" OR ");
/** One row does not need a line of its own. */
const NEXT_ROW = Buffer.from("\n  (");
const COMMA = Buffer.from(", ");
const WHERE = Buffer.from(" WHERE ");
const LIMIT_ONE = Buffer.from(" LIMIT 1)");
const [OPEN, CLOSE] = [0x28, 0x29];

/**
 * Writes statements. INSERTs that follow each other are one statement, and so are DELETEs: PostgreSQL checks foreign keys
 * at a statement's end, and the order of the rows that a cascade deleted, or of parents and children that one statement
 * inserted, does not satisfy them row by row.
 */
export class SqlStatements {
  readonly lines: SqlLines;
  readonly #body = new ByteWriter();
  readonly #parts: Part[] = [];
  /** Writers of earlier parts, for the next ones. */
  readonly #free: ByteWriter[] = [];
  /** By the plan's key: a relation that is announced again has another plan. */
  readonly #last = new Map<string, Part>();
  #verb: "INSERT" | "DELETE" = "INSERT";
  #weight = 0;
  #bytes = 0;
  #missing = false;

  constructor(lines: SqlLines) {
    this.lines = lines;
  }

  /** Returns false, and has written nothing, if a value of the row is not known. */
  insert(plan: SqlPlan, row: SqlRow, limits: GroupLimits): boolean {
    this.#begin("INSERT");
    if (plan.isEmpty) {
      this.flush();
      this.lines.put({ pieces: [plan.insert], rows: 1 }, "INSERT", plan.table);
      return true;
    }
    const part = this.#partOf(plan, "whole", Infinity);
    const { text } = part;
    const start = text.offset;
    if (part.rows > 0) text.byte(COMMA[0]!);
    text.copy(NEXT_ROW);
    const first = text.offset;
    for (let index = 0; index < plan.columns.length; index++) {
      const column = plan.columns[index]!;
      if (column.generated) continue;
      if (text.offset > first) text.copy(COMMA);
      this.#value(text, column, column.encode, row, index);
    }
    text.byte(CLOSE);
    return this.#added(part, start, 1, limits);
  }

  /** @param other has the values that `row` lacks */
  delete(
    plan: SqlPlan,
    row: SqlRow,
    other: SqlRow,
    identity: Identity,
    limits: GroupLimits,
  ): boolean {
    this.#begin("DELETE");
    const only = identity === "key" ? plan.only : undefined;
    // Rows of no key that are equal have to be counted together.
    const rowsMax = identity === "whole" || only !== undefined ? Infinity : CONDITIONS_MAX;
    const part = this.#partOf(plan, identity, rowsMax);
    const { text } = part;
    const start = text.offset;
    if (identity === "whole") {
      const body = this.#body;
      body.offset = 0;
      this.#conditions(body, plan, row, other, identity);
      if (this.#missing) return this.#added(part, start, 0, limits);
      const condition = body.bytes.toString("latin1", 0, body.offset);
      part.counts.set(condition, (part.counts.get(condition) ?? 0) + 1);
      this.#bytes += condition.length;
      return this.#added(part, start, WHOLE_WEIGHT, limits);
    }
    if (only !== undefined) {
      const from = row.isSent(only.column) ? row : other;
      if (part.rows > 0) text.copy(COMMA);
      const column = plan.columns[only.column]!;
      this.#value(text, column, column.inKey.encode, from, only.column);
      this.#missing ||= from.kinds[only.column] === ColumnKind.null;
      return this.#added(part, start, 1, limits);
    }
    if (part.rows > 0) text.copy(OR);
    text.byte(OPEN);
    this.#conditions(text, plan, row, other, identity);
    text.byte(CLOSE);
    return this.#added(part, start, KEY_WEIGHT, limits);
  }

  /**
   * Sets the columns that `sets` wants to the values of `to`. Nothing is written if these are none, if a value is not
   * known, or if PostgreSQL allows no UPDATE to set one of them.
   */
  update(
    plan: SqlPlan,
    to: SqlRow,
    sets: (index: number) => boolean,
    row: SqlRow,
    other: SqlRow,
    identity: Identity,
  ): "written" | "same" | "unknown" | "always" {
    this.flush();
    const { direct } = this.lines;
    const body = direct ?? this.#body;
    const start = direct === undefined ? 0 : body.offset;
    body.offset = start;
    const written = this.#update(body, plan, to, sets, row, other, identity);
    if (written !== "written") body.offset = start;
    else if (direct !== undefined) body.copy(END);
    else {
      const end = body.offset;
      const key = identity === "whole" ? undefined : this.#keyOf(body, plan, row, other);
      const pieces = [body.bytes.subarray(0, end)];
      this.lines.put({ pieces, rows: 1, key }, "UPDATE", plan.table);
    }
    return written;
  }

  /** For an error: written after the statement, whose bytes may move. */
  #keyOf(body: ByteWriter, plan: SqlPlan, row: SqlRow, other: SqlRow): Buffer[] | undefined {
    if (!this.lines.checked) return undefined;
    const start = body.offset;
    this.#conditions(body, plan, row, other, "known", () => false);
    const key = Buffer.from(body.bytes.subarray(start, body.offset));
    body.offset = start;
    return [key];
  }

  #update(
    body: ByteWriter,
    plan: SqlPlan,
    to: SqlRow,
    sets: (index: number) => boolean,
    row: SqlRow,
    other: SqlRow,
    identity: Identity,
  ): "written" | "same" | "unknown" | "always" {
    this.#missing = false;
    body.piece(plan.update);
    const first = body.offset;
    for (let index = 0; index < plan.columns.length; index++) {
      const column = plan.columns[index]!;
      if (column.generated || !sets(index)) continue;
      if (column.always) return "always";
      if (body.offset > first) body.copy(COMMA);
      body.piece(column.set);
      this.#value(body, column, column.encode, to, index);
    }
    if (body.offset === first) return "same";
    if (identity === "whole") body.piece(plan.one);
    else body.copy(WHERE);
    const compares = identity === "known" ? sets : undefined;
    this.#conditions(body, plan, row, other, identity, compares);
    if (identity === "whole") body.copy(LIMIT_ONE);
    return this.#missing ? "unknown" : "written";
  }

  /** Writes what has been collected. */
  flush(): void {
    const parts = this.#parts;
    if (parts.length === 0) return;
    const tables = [...new Set(parts.map(({ plan }) => plan.table))].join(", ");
    const bodies = parts.flatMap((part) => bodiesOf(part, this.#verb));
    const [first] = bodies;
    if (bodies.length > 1) this.lines.putAll(bodies, this.#verb, tables);
    else if (first !== undefined) this.lines.put(first, this.#verb, tables);
    for (const { text } of parts) {
      text.offset = 0;
      if (this.#free.length < FREE_MAX) this.#free.push(text);
    }
    parts.length = 0;
    this.#last.clear();
    this.#weight = this.#bytes = 0;
  }

  #begin(verb: "INSERT" | "DELETE"): void {
    if (verb !== this.#verb) this.flush();
    this.#verb = verb;
    this.#missing = false;
  }

  #partOf(plan: SqlPlan, identity: Identity, rowsMax: number): Part {
    const recent = this.#parts.at(-1);
    const last = recent?.plan === plan ? recent : this.#last.get(plan.key);
    if (last?.identity === identity && last.rows < rowsMax) return last;
    const text = this.#free.pop() ?? new ByteWriter(PART_BYTES);
    const part = { plan, identity, text, counts: new Map<string, number>(), rows: 0 };
    this.#parts.push(part);
    this.#last.set(plan.key, part);
    return part;
  }

  #added(part: Part, start: number, weight: number, limits: GroupLimits): boolean {
    if (this.#missing) {
      this.#drop(part, start);
      return false;
    }
    part.rows++;
    this.#weight += weight;
    this.#bytes += part.text.offset - start;
    if (this.#weight >= limits.weight || this.#bytes >= limits.bytes) this.flush();
    return true;
  }

  #drop(part: Part, start: number): void {
    part.text.offset = start;
    if (part.rows > 0) return;
    this.#parts.splice(this.#parts.indexOf(part), 1);
    this.#last.delete(part.plan.key);
  }

  #value(
    out: ByteWriter,
    column: ColumnPlan,
    encode: ValueEncoder,
    row: SqlRow,
    index: number,
  ): void {
    const start = row.starts[index]!;
    const end = row.ends[index]!;
    switch (row.kinds[index]) {
      case ColumnKind.text:
        return encode(out, row.bytes, row.view, start, end);
      case ColumnKind.null:
        return out.copy(NULL);
      case ColumnKind.binary: {
        const text = column.toText(row.bytes.subarray(start, end));
        if (text === undefined) break;
        const view = new DataView(text.buffer, text.byteOffset, text.length);
        return encode(out, text, view, 0, text.length);
      }
      default:
    }
    this.#missing = true;
  }

  /** @param compares which columns beside the key's */
  #conditions(
    out: ByteWriter,
    plan: SqlPlan,
    row: SqlRow,
    other: SqlRow,
    identity: Identity,
    compares: (index: number) => boolean = () => identity !== "key",
  ): void {
    const first = out.offset;
    for (let index = 0; index < plan.columns.length; index++) {
      const column = plan.columns[index]!;
      const from = row.isSent(index) ? row : other;
      const isNullValue = from.kinds[index] === ColumnKind.null;
      const isKey = column.identity && identity !== "whole";
      if (!isKey && (column.generated || !compares(index))) continue;
      if (identity === "present" && isNullValue) continue;
      if (out.offset > first) out.copy(AND);
      if (isNullValue) {
        out.piece(column.isNull);
        continue;
      }
      const { head, encode } = isKey || identity === "present" ? column.inKey : column.inRow;
      out.piece(head);
      this.#value(out, column, encode, from, index);
    }
    if (out.offset > first) return;
    // Without columns all rows are equal; anything else would find rows that are not meant.
    if (identity === "whole" && plan.columns.length === 0) out.text("true");
    else this.#missing = true;
  }
}
