import type { FollowedCatalog } from "../../catalog/model.ts";
import { followedCatalog } from "./followed-files.ts";
import { type RowVersion, lookupOf } from "./row-version.ts";

const WHOLE_CATALOG = -1;
const RELATION = -2;
const ALL_RELATIONS = 0;

/**
 * The rows of the catalogue that transactions changed which may have begun before the input: up to a position they may have been
 * other ones. A commit record names them all, by its invalidation messages: for each row that is inserted, updated or deleted
 * PostgreSQL registers its hash, and of pg_class, pg_attribute and pg_index the relation too (CacheInvalidateHeapTuple); at
 * wal_level=replica and above the record has what was registered (RecordTransactionCommit). So a row that no message names was
 * the same before the commit as after it, for every snapshot.
 */
export class Doubts {
  readonly #relations = new Map<number, number>();
  readonly #hashes = new Map<number, number>();
  #allUntil = 0;
  /** The last position up to which a row that was asked for is not known; 0: none was. */
  metUntil = 0;

  /** Takes an invalidation message (storage/sinval.h): of its catcache the hash of a row's key, or the relation's oid. */
  note(id: number, value: number, until: number): void {
    if (id >= 0) raise(this.#hashes, value, until);
    else if (id === RELATION && value !== ALL_RELATIONS) raise(this.#relations, value, until);
    else if (id === RELATION) this.noteAll(until);
    // VACUUM FULL and CLUSTER moved its rows (commands/cluster.c, finish_heap_swap), also where they wrote the relation map.
    else if (id === WHOLE_CATALOG && followedCatalog(value) !== undefined) this.noteAll(until);
  }

  noteAll(until: number): void {
    this.#allUntil = Math.max(this.#allUntil, until);
  }

  clear(): void {
    this.#relations.clear();
    this.#hashes.clear();
    this.#allUntil = 0;
  }

  /** Where answers change, in order. */
  get positions(): readonly number[] {
    const all = [this.#allUntil, ...this.#relations.values(), ...this.#hashes.values()];
    return [...new Set(all)].filter((position) => position > 0).toSorted((a, b) => a - b);
  }

  /** Whether that row may have been another one at `lsn`. */
  has(version: RowVersion, lsn: number): boolean {
    const { catalog, row } = version;
    if ("indexrelid" in row && this.hasOid("pg_class", row.indexrelid, lsn)) return true;
    return this.hasOid(catalog, lookupOf(catalog, row), lsn);
  }

  /** The same by the row's oid; of pg_attribute and pg_index by their table's. Also of a row that does not exist. */
  hasOid(catalog: FollowedCatalog, oid: number, lsn: number): boolean {
    const isOfRelation =
      catalog === "pg_class" || catalog === "pg_attribute" || catalog === "pg_index";
    const named = isOfRelation ? this.#relations.get(oid) : this.#hashes.get(hashOf(oid));
    const until = Math.max(named ?? 0, this.#allUntil);
    if (lsn >= until) return false;
    this.metUntil = Math.max(this.metUntil, until);
    return true;
  }
}

function raise(positions: Map<number, number>, key: number, until: number): void {
  positions.set(key, Math.max(positions.get(key) ?? 0, until));
}

/** The catcache's hash of an oid (common/hashfn.h, murmurhash32). */
function hashOf(oid: number): number {
  let hash = oid ^ (oid >>> 16);
  hash = Math.imul(hash, 0x85eb_ca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
