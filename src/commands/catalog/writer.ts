import type { CatalogFile, CatalogHeader, CatalogRows } from "../../catalog/model.ts";
import { CATALOGS } from "../../catalog/columns.ts";
import { type JsonObject, LineFault, parseHeader, parseRow } from "../../catalog/parse.ts";
import { endLine, headerLine, rowLine } from "../../catalog/write.ts";
import { WalctlError } from "../../errors.ts";
import type { Sink } from "../../output/sink.ts";
import { jsonLine } from "../../render/bytes/json-line.ts";

/** A row as JSON has it; `header`: the first one. */
export interface UntypedRow {
  readonly catalog: string;
  readonly line: JsonObject;
}

const BATCH_ROWS = 10_000;

/** Writes the lines of the file, and counts them. */
export class CatalogWriter {
  readonly counts = new Map<string, number>(CATALOGS.map((catalog) => [catalog, 0]));
  readonly #sink: Sink | undefined;
  #header: CatalogHeader | undefined;

  constructor(sink: Sink | undefined) {
    this.#sink = sink;
  }

  get header(): CatalogHeader {
    if (this.#header === undefined) throw new TypeError("no header was written");
    return this.#header;
  }

  /** All of a file. */
  async writeFile({ header, rows }: CatalogFile): Promise<void> {
    await this.#print(this.#headLine(header));
    for (const catalog of CATALOGS) {
      for (let at = 0; at < rows[catalog].length; at += BATCH_ROWS) {
        const batch = rows[catalog].slice(at, at + BATCH_ROWS);
        await this.#print(batch.map((row) => this.#rowLine(catalog, row)).join(""));
      }
    }
  }

  /** Throws WalctlError for rows that are not as they should be. */
  write(rows: readonly UntypedRow[]): Promise<void> | undefined {
    return this.#print(rows.map(({ catalog, line }) => this.#lineOf(catalog, line)).join(""));
  }

  end(): Promise<void> | undefined {
    const total = [...this.counts.values()].reduce((sum, count) => sum + count, 0);
    return this.#print(jsonLine(endLine(total)));
  }

  #lineOf(catalog: string, line: JsonObject): string {
    try {
      if (catalog === "header") return this.#headLine(parseHeader(line));
      const name = catalog as keyof CatalogRows;
      return this.#rowLine(name, parseRow(name, line));
    } catch (error) {
      if (!(error instanceof LineFault)) throw error;
      throw new WalctlError(`could not export the catalogue: ${catalog}: ${error.message}`);
    }
  }

  #headLine(header: CatalogHeader): string {
    this.#header = header;
    return jsonLine(headerLine(header));
  }

  #rowLine<Catalog extends keyof CatalogRows>(
    catalog: Catalog,
    row: CatalogRows[Catalog][number],
  ): string {
    this.counts.set(catalog, (this.counts.get(catalog) ?? 0) + 1);
    return this.#sink === undefined ? "" : jsonLine(rowLine(catalog, row));
  }

  #print(text: string): Promise<void> | undefined {
    return this.#sink?.write(Buffer.from(text));
  }
}
