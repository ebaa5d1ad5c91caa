import type { CatalogFile, CatalogRows, FollowedCatalog } from "../../catalog/model.ts";
import { FOLLOWED } from "./followed-files.ts";
import { type CatalogRow, type UnknownRow, keyOf } from "./row-version.ts";

/** What a record did to a row. Undefined: there was, or is, none; null: its page is not known. */
export interface RowEvent {
  readonly lsn: number;
  readonly catalog: FollowedCatalog;
  /** The file that it is in. */
  readonly relfilenode: number;
  readonly before: CatalogRow | null | undefined;
  readonly after: CatalogRow | null | undefined;
}

/** From the first event of a row to the last. */
interface Span {
  readonly first: RowEvent;
  last: RowEvent;
}

export interface Rewound {
  readonly rows: Pick<CatalogRows, FollowedCatalog>;
  readonly unknownRows: readonly UnknownRow[];
  /** Rows that are not in the file as the last event left them: it is of another time or database. */
  readonly mismatches: number;
}

const NO_PLACE = { block: 0, item: 0 };

/** What committed transactions changed, row by row; of rows that came and went in between nothing is kept. */
export class CatalogRewind {
  readonly #spans = new Map<FollowedCatalog, Map<number, Span>>(
    FOLLOWED.map((catalog) => [catalog, new Map<number, Span>()]),
  );
  /** Before it not all is known. */
  from = 0;
  /** Before it indexes may be missing. */
  indexesFrom = 0;

  /** The events of a row in their order. */
  add(event: RowEvent): void {
    const { after, before, catalog, lsn } = event;
    // System columns are not in the file.
    if (isSystemColumn(after) || isSystemColumn(before)) return;
    const row = after ?? before;
    if (row === undefined || row === null) {
      // A row that was changed, or one that is gone: which one is not known.
      if (after === null) this.from = Math.max(this.from, lsn);
      if (catalog === "pg_index") this.indexesFrom = Math.max(this.indexesFrom, lsn);
      return;
    }
    const spans = this.#spans.get(catalog)!;
    const key = keyOf(catalog, row);
    const span = spans.get(key);
    if (span === undefined) spans.set(key, { first: event, last: event });
    else if (span.first.before === undefined && after === undefined) spans.delete(key);
    else span.last = event;
  }

  forget(): void {
    for (const spans of this.#spans.values()) spans.clear();
    this.from = this.indexesFrom = 0;
  }

  /** @param filenodes the files at the start: rows that lie in others have no places */
  finish(file: CatalogFile, filenodes: Readonly<Record<FollowedCatalog, number>>): Rewound {
    const rows: Partial<Record<FollowedCatalog, readonly CatalogRow[]>> = {};
    const unknownRows: UnknownRow[] = [];
    let mismatches = 0;
    for (const [catalog, spans] of this.#spans) {
      const now = file.header.filenodes[catalog];
      const kept: CatalogRow[] = [];
      const seen = new Map<number, CatalogRow>();
      for (const row of file.rows[catalog] as readonly CatalogRow[]) {
        const key = keyOf(catalog, row);
        if (spans.has(key)) seen.set(key, row);
        else kept.push(now === filenodes[catalog] ? row : { ...row, ctid: NO_PLACE });
      }
      for (const [key, { first, last }] of spans) {
        const later = seen.get(key);
        if (!isLeft(last, later, now)) mismatches++;
        if (first.before === undefined) continue;
        const row = placed(first, filenodes[catalog], later);
        if (first.before === null) unknownRows.push({ catalog, row });
        else kept.push(row);
      }
      rows[catalog] = kept;
    }
    return { rows: rows as Rewound["rows"], unknownRows, mismatches };
  }
}

function isSystemColumn(row: CatalogRow | null | undefined): boolean {
  return row !== null && row !== undefined && "attnum" in row && row.attnum < 1;
}

/** Whether the file has the row as its last event left it. */
function isLeft(last: RowEvent, row: CatalogRow | undefined, filenode: number): boolean {
  const { after, relfilenode } = last;
  if (after === undefined || row === undefined)
    return (after === undefined) === (row === undefined);
  if (after === null || relfilenode !== filenode) return true;
  return after.ctid.block === row.ctid.block && after.ctid.item === row.ctid.item;
}

/** The row that was there before; of one that is not known the key. */
function placed(
  { after, before, relfilenode }: RowEvent,
  filenode: number,
  later: CatalogRow | undefined,
): CatalogRow {
  const row = before ?? after!;
  const isPlaced = before !== null && relfilenode === filenode;
  const ctid = isPlaced ? row.ctid : NO_PLACE;
  // Tuples of mapped relations have no relfilenode; the file has found it out.
  if (
    "relfilenode" in row &&
    row.relfilenode === 0 &&
    later !== undefined &&
    "relfilenode" in later
  ) {
    return { ...row, ctid, relfilenode: later.relfilenode };
  }
  return { ...row, ctid };
}
