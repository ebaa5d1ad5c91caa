import type { TableAction } from "../../postgres/messages/messages.ts";
import type { FollowedCatalog } from "../../catalog/model.ts";
import type { CatalogRow, Emptied, RowVersion, Writer } from "./row-version.ts";
import type { TableChange } from "./table-version.ts";

type ClassRow = CatalogRow<"pg_class">;

/** Tables, partitioned tables, materialized views. */
const TABLE_KINDS = new Set(["r", "p", "m"]);

interface ClassEvent {
  readonly lsn: number;
  before: ClassRow | undefined;
  after: ClassRow | undefined;
}

/** Lookups for a change at that position. */
interface Lookup {
  schemaName(namespaceOid: number, lsn: number): string | undefined;
  classOf(file: Emptied): ClassRow | undefined;
}

/** What the writers of one transaction did to tables, told from their pg_class rows. */
export function tableChanges(writers: readonly Writer[], lookup: Lookup): readonly TableChange[] {
  const untold = new Set(writers.flatMap(({ untold: places }) => [...places]));
  const events = [...classEvents(writers)]
    .filter(({ lsn }) => !untold.has(lsn))
    .toSorted((a, b) => a.lsn - b.lsn);
  /** Files that are new in this transaction. */
  const files = new Set<number>();
  /** The table of each transient copy, by the copy's file. */
  const copies = new Map<number, number>();
  const changes: TableChange[] = [];
  for (const { lsn, before, after } of events) {
    if (after !== undefined && before?.relfilenode !== after.relfilenode) {
      files.add(after.relfilenode);
      if (after.relrewrite !== 0) copies.set(after.relfilenode, after.relrewrite);
    }
    const action = actionOf(before, after, copies);
    const row = after ?? before;
    if (action === undefined || row === undefined) continue;
    changes.push(change(action, lsn, row, action === "created" ? undefined : before, lookup));
  }
  for (const file of writers.flatMap(({ emptied }) => emptied)) {
    const row = files.has(file.relfilenode) ? lookup.classOf(file) : undefined;
    if (row === undefined || !TABLE_KINDS.has(row.relkind) || row.relrewrite !== 0) continue;
    changes.push(change("truncated", file.lsn, row, row, lookup));
  }
  return changes.toSorted((a, b) => a.lsn - b.lsn);
}

/** An UPDATE ends a row and makes another in one record. */
function classEvents(writers: readonly Writer[]): Iterable<ClassEvent> {
  const events = new Map<string, ClassEvent>();
  const eventAt = (lsn: number, oid: number): ClassEvent => {
    const key = `${lsn} ${oid}`;
    let event = events.get(key);
    if (event === undefined) {
      events.set(key, (event = { lsn, before: undefined, after: undefined }));
    }
    return event;
  };
  for (const { created, deleted } of writers) {
    for (const version of created) {
      if (!isClass(version)) continue;
      eventAt(version.createdAt, version.row.oid).after = version.row;
    }
    for (const version of deleted) {
      if (!isClass(version)) continue;
      eventAt(version.deletedAt, version.row.oid).before = version.row;
    }
  }
  return events.values();
}

function isClass(version: RowVersion): version is RowVersion<"pg_class"> {
  return version.catalog === "pg_class";
}

/**
 * A transient copy (VACUUM FULL, CLUSTER, ALTER TABLE, REFRESH) or another tablespace is a rewrite. A new file without either is what
 * TRUNCATE leaves.
 */
function actionOf(
  before: ClassRow | undefined,
  after: ClassRow | undefined,
  copies: ReadonlyMap<number, number>,
): TableAction | undefined {
  const row = after ?? before;
  if (row === undefined || !TABLE_KINDS.has(row.relkind) || row.relrewrite !== 0) return undefined;
  // A temporary table belongs to its session only.
  if (row.relpersistence === "t") return undefined;
  if (before === undefined) return "created";
  if (after === undefined) return "dropped";
  if (before.relfilenode === after.relfilenode && before.reltablespace === after.reltablespace) {
    return undefined;
  }
  if (after.relfilenode === 0) return undefined;
  const isCopy = copies.get(after.relfilenode) === after.oid;
  return isCopy || before.reltablespace !== after.reltablespace ? "rewritten" : "truncated";
}

function change(
  action: TableAction,
  lsn: number,
  row: ClassRow,
  before: ClassRow | undefined,
  lookup: Lookup,
): TableChange {
  return {
    action,
    lsn,
    oid: row.oid,
    schema: lookup.schemaName(row.relnamespace, lsn) ?? "",
    name: row.relname,
    relkind: row.relkind,
    relfilenode: row.relfilenode,
    oldRelfilenode: action === "dropped" ? undefined : before?.relfilenode,
  };
}

/** What became of a table there is not known. */
export function noteUntold(
  writer: Writer,
  catalog: FollowedCatalog,
  row: CatalogRow | undefined,
  lsn: number,
): void {
  if (catalog !== "pg_class") return;
  if (row === undefined || TABLE_KINDS.has((row as ClassRow).relkind)) {
    writer.untold.add(lsn);
  }
}
