import type { RelationName, RelationNames } from "../../wal/relation-name.ts";
import { recordNames } from "../../postgres/records/rmgrs.ts";
import type { RelationTotals, Totals, WalStatistics } from "../../wal/statistics.ts";
import { jsonString } from "../bytes/json-text.ts";

export type StatsBy = "record" | "rmgr" | "table";

/** A line of statistics: its subject and its totals. */
export interface StatsRow extends Totals {
  /** The members for the line of NDJSON that identify the subject, each followed by a comma. */
  readonly members: string;
  /** The title for people. */
  readonly title: string;
}

const NO_TABLE = "(no table)";

/** In the order of ids and opcodes; tables by bytes, most first. */
export function statsRows(
  statistics: WalStatistics,
  by: StatsBy,
  names: RelationNames,
): readonly StatsRow[] {
  switch (by) {
    case "record":
      return typeRows(statistics);
    case "rmgr":
      return rmgrRows(statistics);
    case "table":
      return tableRows(statistics, names);
  }
}

function typeRows(statistics: WalStatistics): readonly StatsRow[] {
  const { version } = statistics;
  if (version === undefined) return [];
  const names = recordNames(version);
  return statistics.types().map((totals) => {
    const [rmgr, type] = [names.rmgr(totals.id), names.type(totals.id)];
    const members = `"rmgr":${jsonString(rmgr)},"type":${jsonString(type)},`;
    return { ...totals, members, title: `${rmgr} ${type}` };
  });
}

function rmgrRows(statistics: WalStatistics): readonly StatsRow[] {
  const { version } = statistics;
  if (version === undefined) return [];
  const names = recordNames(version);
  const rows = new Map<string, StatsRow & Totals>();
  for (const totals of statistics.types()) {
    const title = names.rmgr(totals.id);
    addTo(rows, title, { members: `"rmgr":${jsonString(title)},`, title }, totals);
  }
  return [...rows.values()];
}

/** What the rows that are added up have in common. */
type Group = Pick<StatsRow, "members" | "title">;

function addTo(
  rows: Map<string, StatsRow & Totals>,
  key: string,
  group: Group,
  totals: Totals,
): void {
  let row = rows.get(key);
  if (row === undefined) {
    row = { ...group, records: 0, recordBytes: 0, imageBytes: 0 };
    rows.set(key, row);
  }
  row.records += totals.records;
  row.recordBytes += totals.recordBytes;
  row.imageBytes += totals.imageBytes;
}

function tableRows(statistics: WalStatistics, names: RelationNames): readonly StatsRow[] {
  const rows = new Map<string, StatsRow & Totals>();
  const all: StatsRow[] = [];
  for (const totals of statistics.relations()) {
    const name = names.nameOf(totals.tablespace, totals.database, totals.relfilenode);
    // There may be hundreds of thousands of files: their text is made only on demand.
    if (name === undefined) all.push(new FileRow(totals));
    else addTo(rows, `${totals.database}/${name.oid ?? name.table}`, nameGroup(name), totals);
  }
  const { withoutBlocks } = statistics;
  const none = { members: nameMembers("null", "null"), title: NO_TABLE };
  if (withoutBlocks.records > 0) all.push({ ...withoutBlocks, ...none });
  all.push(...distinct(rows));
  return all.toSorted((a, b) => bytesOf(b) - bytesOf(a));
}

export function bytesOf({ recordBytes, imageBytes }: Totals): number {
  return recordBytes + imageBytes;
}

class FileRow implements StatsRow {
  readonly #file: RelationTotals;

  constructor(file: RelationTotals) {
    this.#file = file;
  }

  get records(): number {
    return this.#file.records;
  }

  get recordBytes(): number {
    return this.#file.recordBytes;
  }

  get imageBytes(): number {
    return this.#file.imageBytes;
  }

  get members(): string {
    const { tablespace, database, relfilenode } = this.#file;
    return `"tablespace":${tablespace},"database":${database},"relfilenode":${relfilenode},`;
  }

  get title(): string {
    return `${this.#file.database}/${this.#file.relfilenode}`;
  }
}

/**
 * Adds the oid and the database to tables that would have the same name, in two databases or in schemas whose names are
 * not known.
 */
function distinct(rows: ReadonlyMap<string, StatsRow>): readonly StatsRow[] {
  const counts = new Map<string, number>();
  for (const { members } of rows.values()) counts.set(members, (counts.get(members) ?? 0) + 1);
  return Array.from(rows, ([key, row]) => {
    if (counts.get(row.members) === 1) return row;
    const [database = "", table = ""] = key.split("/");
    const oid = /^\d+$/.test(table) ? `"oid":${table},` : "";
    const where = oid === "" ? `database ${database}` : key;
    const members = `${row.members}"database":${database},${oid}`;
    return { ...row, members, title: `${row.title} (${where})` };
  });
}

/** Indexes and TOAST tables count for their table. */
function nameGroup({ schema, table }: RelationName): Group {
  const members = nameMembers(schema === null ? "null" : jsonString(schema), jsonString(table));
  // Tables of pg_catalog begin with pg_.
  const isPlain = schema === null || schema === "pg_catalog";
  return { members, title: isPlain ? table : `${schema}.${table}` };
}

function nameMembers(schema: string, table: string): string {
  return `"schema":${schema},"table":${table},`;
}

export function renderStatsNdjson(rows: readonly StatsRow[]): string {
  return rows
    .map(({ members, records, recordBytes, imageBytes }) => {
      const totals = `"records":${records},"record_bytes":${recordBytes},"image_bytes":${imageBytes}`;
      return `{"kind":"wal_stats",${members}${totals}}\n`;
    })
    .join("");
}
