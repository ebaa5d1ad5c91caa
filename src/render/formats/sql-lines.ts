import { ByteWriter } from "../bytes/byte-writer.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";
import { sqlText } from "./sql-names.ts";

export const END = Buffer.from(";\n");
const COMMENT = Buffer.from("-- ");
const LINE_FEED = 0x0a;

/** Statements of an undo, to be read from the last one to the first. */
export interface Backwards {
  push(bytes: Uint8Array): void;
  /** Parts of some size. What the one before gave is read before the next is asked for. */
  read(): Iterable<Uint8Array>;
}

/** A statement, without its end, and how many rows it touches. */
export interface Body {
  readonly pieces: readonly Buffer[];
  readonly rows: number;
  /** The key of its rows, as conditions. */
  readonly key?: readonly Buffer[] | undefined;
}

/** Writes whole statements: as they are, insisting on their rows, or as comments. */
export class SqlLines {
  readonly out = new ByteWriter();
  readonly #checked: boolean;
  /** Each statement is one of its pieces. */
  readonly #backwards: Backwards | undefined;
  /** The transaction, for messages: `xid 758, commit_lsn 0/19D4F80`. */
  place = "";
  /** Statements that must not run are comments. */
  commented = false;

  constructor(checked: boolean, backwards: Backwards | undefined) {
    this.#checked = checked;
    this.#backwards = backwards;
  }

  /** Where a statement may be written at once, up to its end. Undefined: put() has to. */
  get direct(): ByteWriter | undefined {
    const isPlain = !this.#checked && !this.commented && this.#backwards === undefined;
    return isPlain ? this.out : undefined;
  }

  /** Writes a statement; with --checked it has to touch that many rows. */
  put({ pieces, rows, key }: Body, verb: string, tables: string): void {
    if (this.#checked) {
      const count = `GET DIAGNOSTICS n = ROW_COUNT; IF n <> ${rows}`;
      return this.#do("bigint", pieces, count, `${verb} of ${tables}`, String(rows), key);
    }
    this.line(...pieces, END);
  }

  get checked(): boolean {
    return this.#checked;
  }

  /** Writes a whole statement. A flush has to come before it. */
  line(...pieces: readonly Buffer[]): void {
    const { out } = this;
    if (this.commented) {
      const text = Buffer.concat(pieces);
      for (let at = 0; at < text.length;) {
        const end = text.indexOf(LINE_FEED, at) + 1 || text.length;
        out.copy(COMMENT);
        out.copy(text, at, end);
        at = end;
      }
    } else for (const piece of pieces) out.copy(piece);
    this.#written();
  }

  /** Writes what is not a statement of the transaction. */
  write(text: string): void {
    this.out.text(text);
    this.#written();
  }

  #written(): void {
    if (this.out.offset > 0) this.#backwards?.push(this.out.take());
  }

  /** Writes several tables' rows as one statement: foreign keys are checked at its end. */
  putAll(bodies: readonly Body[], verb: string, tables: string): void {
    const pieces: Buffer[] = [];
    const named = this.#checked ? bodies : bodies.slice(0, -1);
    for (const [index, body] of named.entries()) {
      pieces.push(Buffer.from(`${index === 0 ? "WITH " : ",\n  "}s${index + 1} AS (`));
      pieces.push(...body.pieces, Buffer.from(this.#checked ? " RETURNING 1)" : ")"));
    }
    if (!this.#checked) {
      const last = bodies.at(-1)?.pieces ?? [];
      return this.line(...pieces, Buffer.from("\n  "), ...last, END);
    }
    const counts = named.map((_, index) => `(SELECT pg_catalog.count(*) FROM s${index + 1})`);
    pieces.push(Buffer.from(`\n  SELECT ARRAY[${counts.join(", ")}] INTO n`));
    const rows = `{${bodies.map((body) => body.rows).join(",")}}`;
    this.#do("bigint[]", pieces, `IF n <> '${rows}'`, `${verb} of ${tables}`, rows);
  }

  #do(
    type: string,
    body: readonly Buffer[],
    condition: string,
    what: string,
    rows: string,
    key: readonly Buffer[] = [],
  ): void {
    const declare = `#variable_conflict use_column DECLARE n ${type}; `;
    const raised = [`${what} touched `, ` rows, not ${rows} (${this.place})`].map(inMessage);
    const check = `; ${condition} THEN RAISE EXCEPTION ${sqlText(raised.join("%"))}, n`;
    const detail = detailOf(Buffer.concat(key));
    const end = Buffer.from("; END IF; END");
    this.line(
      ...block([Buffer.from(`${declare}BEGIN `), ...body, Buffer.from(check), detail, end]),
    );
  }
}

/** More is no help, and half a condition no key. */
const DETAIL_BYTES_MAX = 300;

/** The server's error then says which row it was. */
function detailOf(key: Buffer): Buffer {
  if (key.length === 0 || key.length > DETAIL_BYTES_MAX) return Buffer.alloc(0);
  const text = key.toString("latin1").replaceAll("\n", " ").replaceAll("'", "''");
  return Buffer.from(` USING DETAIL = 'Where ${text}.'`, "latin1");
}

/** A block of plpgsql, quoted by a tag that occurs in none of its pieces. These meet between words. */
export function block(pieces: readonly Buffer[]): readonly Buffer[] {
  let tag = "$walctl$";
  for (let number = 1; pieces.some((piece) => piece.includes(tag)); number++) {
    tag = `$walctl${number}$`;
  }
  return [Buffer.from(`DO ${tag} `), ...pieces, Buffer.from(` ${tag};\n`)];
}

/** RAISE takes `%` for a value. */
function inMessage(text: string): string {
  return sanitizeLine(text).replaceAll("%", "%%");
}
