import { type Known, NONE, UNKNOWN } from "../../known.ts";
import type { CatalogFile, CatalogRows, FollowedCatalog } from "../../catalog/model.ts";
import { FOLLOWED, placeOf } from "./followed-files.ts";
import { type CatalogRow, type UnknownRow, keyOf } from "./row-version.ts";

/** What a record did to a row. UNKNOWN: its page is. */
export interface RowEvent {
  readonly lsn: number;
  readonly catalog: FollowedCatalog;
  /** The row's file. */
  readonly relfilenode: number;
  readonly before: Known<CatalogRow>;
  readonly after: Known<CatalogRow>;
  /** placeOf() both. */
  readonly beforePlace: number | undefined;
  readonly afterPlace: number | undefined;
}

/** A row's events, from the first to the last. */
interface Span {
  /** Any version of it, for its key. */
  readonly row: CatalogRow;
  readonly first: RowEvent;
  last: RowEvent;
}

/** A row whose page is unknown, with its present place. */
interface Unseen {
  /** Another version of it. Undefined: later events or the file may tell which row it is. */
  readonly row: CatalogRow | undefined;
  readonly first: RowEvent;
  readonly last: RowEvent;
  /** The commit position of the last event's transaction: others see the earlier row until then. */
  readonly committedAt: number;
}

export interface Rewound {
  readonly rows: Pick<CatalogRows, FollowedCatalog>;
  readonly unknownRows: readonly UnknownRow[];
  /** The rows that records with unknown pages made, by the records' positions, if the file has them. */
  readonly rowsAt: ReadonlyMap<number, CatalogRow>;
  /** Rows that the file does not have as the last event left them: it is of another time or database. */
  readonly mismatches: number;
}

const NO_PLACE = { block: 0, item: 0 };

/**
 * Collects what committed transactions changed, row by row. It keeps nothing of rows that came and went in between.
 */
export class CatalogRewind {
  readonly #spans = new Map<FollowedCatalog, Map<number, Span>>(
    FOLLOWED.map((catalog) => [catalog, new Map<number, Span>()]),
  );
  /** By file and place. */
  readonly #unseen = new Map<string, Unseen>();
  /** The position of each catalogue's last change to a row whose page is unknown. */
  readonly unseenAt = new Map<FollowedCatalog, number>();
  /** Before this position not everything is known. */
  from = 0;
  /** Before these positions rows may be missing. */
  readonly missingBefore = new Map<FollowedCatalog, number>();

  /** Takes a row's events in order, when their transaction committed. */
  add(event: RowEvent, committedAt: number): void {
    const { after, before, catalog } = event;
    // System columns are not in the file.
    if (isSystemColumn(after) || isSystemColumn(before)) return;
    if (before === UNKNOWN || after === UNKNOWN) this.unseenAt.set(catalog, committedAt);
    const unseen = this.#take(event);
    const row = rowOf(after) ?? rowOf(before) ?? unseen?.row;
    if (row !== undefined) this.#addKnown(row, event, unseen);
    else if (after === NONE) {
      // It is unknown which row is gone.
      this.missingBefore.set(catalog, committedAt);
      return;
    } else if (before === NONE) this.from = Math.max(this.from, committedAt);
    if (after === UNKNOWN) {
      this.#unseen.set(placeKey(event.relfilenode, event.afterPlace), {
        row,
        first: unseen?.first ?? event,
        last: event,
        committedAt,
      });
    }
  }

  #addKnown(row: CatalogRow, event: RowEvent, unseen: Unseen | undefined): void {
    const spans = this.#spans.get(event.catalog)!;
    const key = keyOf(event.catalog, row);
    const span = spans.get(key);
    if (span === undefined) spans.set(key, { row, first: unseen?.first ?? event, last: event });
    else if (span.first.before === NONE && event.after === NONE) spans.delete(key);
    else span.last = event;
  }

  #take({ before, beforePlace, relfilenode }: RowEvent): Unseen | undefined {
    if (before === NONE) return undefined;
    const place = placeKey(relfilenode, beforePlace);
    const unseen = this.#unseen.get(place);
    this.#unseen.delete(place);
    return unseen;
  }

  forget(): void {
    for (const spans of this.#spans.values()) spans.clear();
    this.#unseen.clear();
    this.unseenAt.clear();
    this.missingBefore.clear();
    this.from = 0;
  }

  /** Finds rows that no event named in the file, if they are the last versions. */
  #nameUnseen({ header, rows }: CatalogFile): void {
    for (const { row: known, first, last, committedAt } of this.#unseen.values()) {
      if (known !== undefined) continue;
      const { afterPlace, catalog, relfilenode } = last;
      const all: readonly CatalogRow[] = rows[catalog];
      const row = all.find(({ ctid }) => placeOf(ctid.block, ctid.item) === afterPlace);
      if (row === undefined || relfilenode !== header.filenodes[catalog]) {
        this.from = Math.max(this.from, committedAt);
      } else this.#spans.get(catalog)!.set(keyOf(catalog, row), { row, first, last });
    }
  }

  /** @param filenodes the files at the start: rows in other files have no places */
  finish(file: CatalogFile, filenodes: Readonly<Record<FollowedCatalog, number>>): Rewound {
    const rows: Partial<Record<FollowedCatalog, readonly CatalogRow[]>> = {};
    const unknownRows: UnknownRow[] = [];
    const rowsAt = new Map<number, CatalogRow>();
    let mismatches = 0;
    this.#nameUnseen(file);
    for (const [catalog, spans] of this.#spans) {
      const now = file.header.filenodes[catalog];
      const kept: CatalogRow[] = [];
      const seen = new Map<number, CatalogRow>();
      for (const row of file.rows[catalog] as readonly CatalogRow[]) {
        const key = keyOf(catalog, row);
        if (spans.has(key)) seen.set(key, row);
        else kept.push(now === filenodes[catalog] ? row : { ...row, ctid: NO_PLACE });
      }
      for (const [key, { row: any, first, last }] of spans) {
        const later = seen.get(key);
        if (!isLeft(last, later, now)) mismatches++;
        if (last.after === UNKNOWN && later !== undefined && last.relfilenode === now) {
          if (last.afterPlace === placeOf(later.ctid.block, later.ctid.item))
            rowsAt.set(last.lsn, later);
        }
        if (first.before === NONE) continue;
        const row = placed(first, filenodes[catalog], later ?? any);
        if (first.before === UNKNOWN) unknownRows.push({ catalog, row });
        else kept.push(row);
      }
      rows[catalog] = kept;
    }
    return { rows: rows as Rewound["rows"], unknownRows, rowsAt, mismatches };
  }
}

function rowOf(known: Known<CatalogRow>): CatalogRow | undefined {
  return typeof known === "object" ? known : undefined;
}

function isSystemColumn(row: Known<CatalogRow>): boolean {
  return typeof row === "object" && "attnum" in row && row.attnum < 1;
}

/** Whether the file has the row as its last event left it. */
function isLeft(last: RowEvent, row: CatalogRow | undefined, filenode: number): boolean {
  const { after, relfilenode } = last;
  if (after === NONE || row === undefined) return (after === NONE) === (row === undefined);
  if (after === UNKNOWN || relfilenode !== filenode) return true;
  return after.ctid.block === row.ctid.block && after.ctid.item === row.ctid.item;
}

function placeKey(relfilenode: number, place: number | undefined): string {
  return `${relfilenode} ${place}`;
}

/** The earlier row; if it is unknown, its key. */
function placed(
  { after, before, beforePlace = 0, relfilenode }: RowEvent,
  filenode: number,
  later: CatalogRow,
): CatalogRow {
  const row = rowOf(before) ?? rowOf(after) ?? later;
  const place = { block: Math.floor(beforePlace / 2048), item: beforePlace % 2048 };
  const ctid = relfilenode === filenode ? place : NO_PLACE;
  // Tuples of mapped relations have no relfilenode; the exported file has it.
  if ("relfilenode" in row && row.relfilenode === 0 && "relfilenode" in later) {
    return { ...row, ctid, relfilenode: later.relfilenode };
  }
  return { ...row, ctid };
}
