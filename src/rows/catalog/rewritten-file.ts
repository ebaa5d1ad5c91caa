import { HeapPage, type PageTuple } from "../../postgres/tuples/heap-page.ts";
import type { PageStore } from "../pages/page-store.ts";
import { type FollowedFile, type RowReader, placeOf } from "./followed-files.ts";
import { type RowVersion, type VersionIndexes, keyOf, lookupOf } from "./row-version.ts";

const XMAX_INVALID = 0x0800;
const XMAX_LOCK_ONLY = 0x0080;

/**
 * Finds the known rows in a file that VACUUM FULL or CLUSTER wrote, where all have new places. Versions of one row
 * differ in the transactions that made and ended them. Returns false if not all of the file is known.
 */
export function loadPlaces(
  file: FollowedFile,
  pages: PageStore,
  reader: RowReader,
  indexes: VersionIndexes,
): boolean {
  const places = new Map<number, RowVersion>();
  const page = new HeapPage();
  const blocks = pages.blocksOf(file);
  for (const { block, complete } of blocks) {
    const bytes = complete && block < blocks.length ? pages.pageAt(file, block) : undefined;
    if (bytes === undefined || !page.attach(bytes)) return false;
    for (let item = 1; item <= page.itemCount; item++) {
      const tuple = page.tuple(item);
      if (tuple === undefined) continue;
      const row = reader.row(file.catalog, tuple, block, item);
      if (row === undefined) return false;
      const version = versionOf(candidates(indexes, file, row), tuple);
      if (version !== undefined) places.set(placeOf(block, item), version);
    }
  }
  file.places = places;
  return true;
}

function candidates(
  indexes: VersionIndexes,
  { catalog }: FollowedFile,
  row: RowVersion["row"],
): readonly RowVersion[] {
  const key = keyOf(catalog, row);
  const versions: readonly RowVersion[] = indexes[catalog].all(lookupOf(catalog, row));
  return versions.filter((version) => keyOf(catalog, version.row) === key);
}

function versionOf(
  versions: readonly RowVersion[],
  { xmin, xmax, infomask }: PageTuple,
): RowVersion | undefined {
  const isLive = xmax === 0 || (infomask & (XMAX_INVALID | XMAX_LOCK_ONLY)) !== 0;
  const sameEnd = versions.filter(({ deleter }) => {
    return isLive ? deleter === undefined : deleter?.xid === xmax;
  });
  return (
    sameEnd.find(({ creator }) => creator?.xid === xmin) ??
    sameEnd.find(({ creator }) => creator === undefined)
  );
}
