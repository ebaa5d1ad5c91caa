import { formatPosition } from "../postgres/pages/position.ts";
import { COLUMNS, hasCtid } from "./columns.ts";
import type { CatalogHeader, CatalogRows, Ctid, Snapshot } from "./model.ts";

/** A line of the file, printed as JSON: keys in their order. */
export type CatalogLine = Readonly<Record<string, unknown>>;

/** The first line. */
export function headerLine(header: CatalogHeader): CatalogLine {
  const { lsn, snapshot, running, time, array_handler, filenodes, ...server } = header;
  const taken = {
    lsn: formatPosition(lsn),
    snapshot: formatSnapshot(snapshot),
    running: running && { lsn: formatPosition(running.lsn), xids: running.xids },
    time,
  };
  return { kind: "catalog", ...server, ...taken, array_handler, filenodes };
}

/** In any order. Throws TypeError for a value that has no text yet. */
export function rowLine<Catalog extends keyof CatalogRows>(
  catalog: Catalog,
  row: CatalogRows[Catalog][number],
): CatalogLine {
  const line: Record<string, unknown> = { kind: "catalog_row", catalog };
  if (hasCtid(catalog)) line["ctid"] = formatCtid(Reflect.get(row, "ctid") as Ctid);
  for (const column of Object.keys(COLUMNS[catalog])) {
    const value: unknown = Reflect.get(row, column);
    if (value instanceof Uint8Array) throw new TypeError(`${column} is not text`);
    line[column] = value;
  }
  return line;
}

/** The last line; a file without it was cut. */
export function endLine(rows: number): CatalogLine {
  return { kind: "catalog_end", rows };
}

export function formatSnapshot({ xmin, xmax, xip }: Snapshot): string {
  return `${xmin}:${xmax}:${xip.join(",")}`;
}

function formatCtid({ block, item }: Ctid): string {
  return `(${block},${item})`;
}
