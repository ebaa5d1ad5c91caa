import { type WalctlError, usageError } from "../errors.ts";
import { CATALOGS } from "./columns.ts";
import { requireLayout } from "./heap-rows.ts";
import {
  type CatalogFile,
  type CatalogHeader,
  type CatalogRows,
  FOLLOWED_CATALOGS,
  type FollowedCatalog,
} from "./model.ts";
import { type JsonObject, LineFault, isObject, parseHeader, parseRow } from "./parse.ts";

const FORMAT = 1;
/** An attmissingval is a value of a page, though decompressed. */
const LINE_BYTES_MAX = 64 * 1024 * 1024;
const LINE_FEED = 0x0a;
const VERSION_MIN = 14;
const VERSION_MAX = 19;
const MAKE_IT = "Make it with: walctl catalog -d NAME > FILE.";
const MAKE_IT_AGAIN = "Make it again: walctl catalog -d NAME > FILE.";

type MutableRows = { [Catalog in keyof CatalogRows]: Array<CatalogRows[Catalog][number]> };

/**
 * Reads the file with these bytes; a chunk may be overwritten when the next one is requested.
 * @param name for messages
 * @throws WalctlError, a usage error that names the line
 */
export async function readCatalog(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  name: string,
): Promise<CatalogFile> {
  const parser = new CatalogParser(name);
  for await (const chunk of chunks) parser.push(chunk);
  return parser.finish();
}

/**
 * @param number server_version_num, 180004 of 18.4
 * @throws WalctlError, a usage error, where what is there is of a version that is not known
 */
export function requireKnownVersion(number: number, what: string): void {
  const major = Math.floor(number / 10_000);
  if (major >= VERSION_MIN && major <= VERSION_MAX) return;
  throw usageError(
    `${what} is of PostgreSQL ${major}: walctl knows the catalogues of ${VERSION_MIN} to ${VERSION_MAX}`,
  );
}

class CatalogParser {
  readonly #name: string;
  /** Throws TypeError for bytes that are not UTF-8. */
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #rows = Object.fromEntries(CATALOGS.map((name) => [name, []])) as unknown as MutableRows;
  #header: CatalogHeader | undefined;
  #rowCount = 0;
  #line = 0;
  #ended = false;
  /** The start of a line that the last chunk cut. */
  #cut: Uint8Array[] = [];
  #cutBytes = 0;

  constructor(name: string) {
    this.#name = name;
  }

  push(chunk: Uint8Array): void {
    let start = 0;
    for (let end; (end = chunk.indexOf(LINE_FEED, start)) >= 0; start = end + 1) {
      this.#addLine(this.#joined(chunk.subarray(start, end)));
    }
    const rest = chunk.slice(start);
    this.#cutBytes += rest.length;
    if (this.#cutBytes > LINE_BYTES_MAX) {
      this.#line++;
      throw this.#damaged(`it is longer than ${LINE_BYTES_MAX / 1024 / 1024} MB`);
    }
    if (rest.length > 0) this.#cut.push(rest);
  }

  finish(): CatalogFile {
    if (this.#cutBytes > 0) this.#addLine(this.#joined(new Uint8Array(0)));
    if (this.#header === undefined) throw this.#notOne();
    if (!this.#ended) throw this.#damaged("the lines after it are missing");
    this.#requireLayouts();
    return { header: this.#header, rows: this.#rows };
  }

  #joined(end: Uint8Array): Uint8Array {
    if (this.#cutBytes === 0) return end;
    const line = new Uint8Array(this.#cutBytes + end.length);
    let at = 0;
    for (const part of [...this.#cut, end]) {
      line.set(part, at);
      at += part.length;
    }
    this.#cut = [];
    this.#cutBytes = 0;
    return line;
  }

  #addLine(bytes: Uint8Array): void {
    this.#line++;
    const line = this.#parse(bytes);
    if (this.#header === undefined) {
      this.#header = this.#headerOf(line);
      return;
    }
    if (line === undefined) throw this.#damaged("it is no JSON object");
    if (this.#ended) throw this.#damaged("it follows the last line");
    if (line["kind"] === "catalog") throw this.#damaged("it begins another catalogue");
    if (line["kind"] === "catalog_end") this.#end(line);
    else if (line["kind"] === "catalog_row") this.#addRow(line);
  }

  #parse(bytes: Uint8Array): JsonObject | undefined {
    try {
      const line: unknown = JSON.parse(this.#utf8.decode(bytes));
      return isObject(line) ? line : undefined;
    } catch {
      return undefined;
    }
  }

  #headerOf(line: JsonObject | undefined): CatalogHeader {
    const format = line?.["format"];
    if (line?.["kind"] !== "catalog" || typeof format !== "number") throw this.#notOne();
    if (format > FORMAT) {
      throw usageError(
        `"${this.#name}" is a catalogue file of format ${format}: this walctl reads format ${FORMAT}`,
        `Read it with the walctl that made it, or make it again with this one: walctl catalog -d NAME > FILE.`,
      );
    }
    const header = this.#checked(() => {
      if (format !== FORMAT) throw new LineFault("format is wrong");
      return parseHeader(line);
    });
    requireKnownVersion(header.server_version_num, `"${this.#name}"`);
    return header;
  }

  #addRow(line: JsonObject): void {
    this.#rowCount++;
    const catalog = CATALOGS.find((name) => name === line["catalog"]);
    if (catalog === undefined) return;
    const row = this.#checked(() => parseRow(catalog, line));
    (this.#rows[catalog] as unknown[]).push(row);
  }

  #end({ rows }: JsonObject): void {
    if (rows !== this.#rowCount) throw this.#damaged(`it does not count ${this.#rowCount} rows`);
    this.#ended = true;
  }

  #checked<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      if (error instanceof LineFault) throw this.#damaged(error.message);
      throw error;
    }
  }

  /** Tuples of the followed tables are read by these tables' own columns. */
  #requireLayouts(): void {
    const columns = this.#rows.pg_attribute;
    for (const [name, oid] of Object.entries(FOLLOWED_CATALOGS)) {
      const own = columns.filter(({ attrelid }) => attrelid === oid);
      try {
        requireLayout(name as FollowedCatalog, own);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw usageError(
          `"${this.#name}" is damaged: the columns of ${name} in it: ${error.message}`,
          MAKE_IT_AGAIN,
        );
      }
    }
  }

  #damaged(what: string): WalctlError {
    return usageError(`"${this.#name}" is damaged: line ${this.#line}: ${what}`, MAKE_IT_AGAIN);
  }

  #notOne(): WalctlError {
    return usageError(`"${this.#name}" is no catalogue file`, MAKE_IT);
  }
}
