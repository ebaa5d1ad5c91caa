import type { RelationName, RelationNames } from "../../wal/relation-name.ts";
import { recordNames } from "../../wal/rmgrs.ts";
import type { RelationTotals, Totals, TypeTotals, WalStatistics } from "../../wal/statistics.ts";
import { jsonString } from "../json-text.ts";

export type StatsBy = "record" | "rmgr" | "table";

/** A line of statistics: what it is about, and its totals. */
export interface StatsRow extends Totals {
  /** The keys of NDJSON with their values, JSON already. */
  readonly keys: ReadonlyArray<readonly [key: string, json: string]>;
  /** For people. */
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
    const keys = [["rmgr", jsonString(rmgr)] as const, ["type", jsonString(type)] as const];
    return { ...totals, keys, title: `${rmgr} ${type}` };
  });
}

function rmgrRows(statistics: WalStatistics): readonly StatsRow[] {
  const { version } = statistics;
  if (version === undefined) return [];
  const names = recordNames(version);
  return grouped(statistics.types(), ({ id }: TypeTotals) => {
    const rmgr = names.rmgr(id);
    return { keys: [["rmgr", jsonString(rmgr)]], title: rmgr };
  });
}

/** What rows have in common that become one. */
interface Group {
  readonly keys: StatsRow["keys"];
  readonly title: string;
}

function grouped<T extends Totals>(
  all: readonly T[],
  groupOf: (each: T) => Group,
): readonly StatsRow[] {
  const rows = new Map<string, StatsRow & Totals>();
  for (const each of all) {
    const group = groupOf(each);
    const key = JSON.stringify(group.keys);
    let row = rows.get(key);
    if (row === undefined) {
      row = { ...group, records: 0, recordBytes: 0, imageBytes: 0 };
      rows.set(key, row);
    }
    row.records += each.records;
    row.recordBytes += each.recordBytes;
    row.imageBytes += each.imageBytes;
  }
  return [...rows.values()];
}

export function tableRows(statistics: WalStatistics, names: RelationNames): readonly StatsRow[] {
  const rows = grouped(statistics.relations(), (totals: RelationTotals) => {
    const { tablespace, database, relfilenode } = totals;
    const name = names.nameOf(tablespace, database, relfilenode);
    return name === undefined ? fileGroup(totals) : nameGroup(name);
  });
  const { withoutBlocks } = statistics;
  const none = { keys: nameKeys("null", "null"), title: NO_TABLE };
  const all = withoutBlocks.records === 0 ? rows : [...rows, { ...withoutBlocks, ...none }];
  return all.toSorted((a, b) => bytesOf(b) - bytesOf(a));
}

export function bytesOf({ recordBytes, imageBytes }: Totals): number {
  return recordBytes + imageBytes;
}

function fileGroup({ tablespace, database, relfilenode }: RelationTotals): Group {
  const keys = Object.entries({ tablespace, database, relfilenode });
  return {
    keys: keys.map(([key, value]) => [key, String(value)]),
    title: `${database}/${relfilenode}`,
  };
}

/** Indexes and TOAST count with their table. */
function nameGroup({ schema, table }: RelationName): Group {
  const keys = nameKeys(schema === null ? "null" : jsonString(schema), jsonString(table));
  return { keys, title: schema === null ? table : `${schema}.${table}` };
}

function nameKeys(schema: string, table: string): StatsRow["keys"] {
  return [
    ["schema", schema],
    ["table", table],
  ];
}

export function renderStatsNdjson(rows: readonly StatsRow[]): string {
  return rows
    .map(({ keys, records, recordBytes, imageBytes }) => {
      const head = keys.map(([key, json]) => `"${key}":${json},`).join("");
      const totals = `"records":${records},"record_bytes":${recordBytes},"image_bytes":${imageBytes}`;
      return `{"kind":"wal_stats",${head}${totals}}\n`;
    })
    .join("");
}
