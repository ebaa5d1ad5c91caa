import type { CatalogFile, CatalogRows, FollowedCatalog } from "../../catalog/model.ts";
import { FOLLOWED } from "./followed-files.ts";
import { type CatalogRow, type UnknownRow, keyOf } from "./row-version.ts";

/** What a record did to a row. Undefined: there was, or is, none; null: its page is not known. */
export interface RowEvent {
  readonly xid: number;
  readonly lsn: number;
  readonly catalog: FollowedCatalog;
  /** The file that it is in. */
  readonly relfilenode: number;
  readonly before: CatalogRow | null | undefined;
  readonly after: CatalogRow | null | undefined;
}

interface State {
  readonly row: CatalogRow;
  readonly isUnknown: boolean;
}

const NO_PLACE = { block: 0, item: 0 };

/** The rows of a catalogue file, from which changes are taken back one by one, the last first. */
export class RewoundRows {
  readonly #filenodes: Readonly<Record<FollowedCatalog, number>>;
  readonly #rows = new Map<FollowedCatalog, Map<number, State>>();
  /** Before it not all is known. */
  from = 0;
  /** Before it indexes may be missing. */
  indexesFrom = 0;
  /** Changes of rows that are not in the file: it is of another time or database. */
  mismatches = 0;

  /** @param filenodes the files at the start: rows that lie in others have no places */
  constructor({ header, rows }: CatalogFile, filenodes: Readonly<Record<FollowedCatalog, number>>) {
    this.#filenodes = filenodes;
    for (const catalog of FOLLOWED) {
      const states = new Map<number, State>();
      this.#rows.set(catalog, states);
      const isPlaced = header.filenodes[catalog] === filenodes[catalog];
      for (const row of rows[catalog] as readonly CatalogRow[]) {
        const placed = isPlaced ? row : { ...row, ctid: NO_PLACE };
        states.set(keyOf(catalog, row), { row: placed, isUnknown: false });
      }
    }
  }

  undo(event: RowEvent): void {
    const { after, before, catalog, lsn } = event;
    // System columns are not in the file.
    if (isSystemColumn(after) || isSystemColumn(before)) return;
    const rows = this.#rows.get(catalog)!;
    const known = after ?? before;
    if (known === undefined || known === null) {
      // A row that was updated, or one that is gone: which one is not known.
      if (after === null) this.from = Math.max(this.from, lsn);
      if (catalog === "pg_index") this.indexesFrom = Math.max(this.indexesFrom, lsn);
      return;
    }
    const key = keyOf(catalog, known);
    const state = rows.get(key);
    if (after !== undefined) {
      const isSame = state !== undefined && (after === null || isSamePlace(state.row, after));
      if (!isSame) this.mismatches++;
      rows.delete(key);
    } else if (state !== undefined) this.mismatches++;
    if (before === undefined) return;
    const isPlaced = event.relfilenode === this.#filenodes[catalog];
    const row = {
      ...(before ?? known),
      ...(isPlaced && before !== null ? {} : { ctid: NO_PLACE }),
    };
    rows.set(key, { row: withMappedFile(row, state?.row), isUnknown: before === null });
  }

  rows(): Pick<CatalogRows, FollowedCatalog> {
    const rows: Partial<Record<FollowedCatalog, readonly CatalogRow[]>> = {};
    for (const [catalog, states] of this.#rows) {
      rows[catalog] = [...states.values()]
        .filter((state) => !state.isUnknown)
        .map(({ row }) => row);
    }
    return rows as Pick<CatalogRows, FollowedCatalog>;
  }

  unknownRows(): readonly UnknownRow[] {
    return [...this.#rows].flatMap(([catalog, states]) => {
      const unknown = [...states.values()].filter(({ isUnknown }) => isUnknown);
      return unknown.map(({ row }) => ({ catalog, row }));
    });
  }
}

function isSystemColumn(row: CatalogRow | null | undefined): boolean {
  return row !== null && row !== undefined && "attnum" in row && row.attnum < 1;
}

/** Of a row that has no place nothing can be said. */
function isSamePlace({ ctid }: CatalogRow, { ctid: other }: CatalogRow): boolean {
  return ctid.item === 0 || (ctid.block === other.block && ctid.item === other.item);
}

/** Tuples of mapped relations have no relfilenode; the file has found it out. */
function withMappedFile(row: CatalogRow, later: CatalogRow | undefined): CatalogRow {
  if (!("relfilenode" in row) || row.relfilenode !== 0) return row;
  if (later === undefined || !("relfilenode" in later)) return row;
  return { ...row, relfilenode: later.relfilenode };
}
