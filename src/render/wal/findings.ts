/** Interprets the statistics: each finding has its figure, and the setting or command that helps. */
import { jsonLine, safeJson } from "../bytes/json-line.ts";
import { formatByteCount } from "../../byte-count.ts";
import type { RelationNames } from "../../wal/relation-name.ts";
import { Rmgr, recordNames } from "../../postgres/records/rmgrs.ts";
import type { RelationTotals, WalStatistics } from "../../wal/statistics.ts";
import { type StatsRow, bytesOf } from "./stats.ts";
import { formatCount } from "../cells/numbers.ts";

export interface Finding {
  readonly finding:
    | "full_page_images"
    | "checkpoints"
    | "hot_index"
    | "freezing"
    | "logical_messages"
    | "other";
  /** Share of all bytes. */
  readonly share: number;
  readonly message: string;
  /** The command or setting that helps; null if none does. */
  readonly fix: string | null;
}

/** Smaller shares are not reported. */
const SHARE_MIN = 0.1;
/** Shorter than checkpoint_timeout's default: such checkpoints are caused by volume, or by hand. */
const CHECKPOINT_S_MIN = 285;
const FPI = Rmgr.xlog * 16 + 0xb;

/** The largest share comes first. `tables`: the rows of tables, most bytes first. */
export function findingsOf(
  statistics: WalStatistics,
  names: RelationNames,
  tables: readonly StatsRow[],
): readonly Finding[] {
  const { total } = statistics;
  if (total === 0) return [];
  const found = [
    imagesFinding(statistics, total),
    checkpointsFinding(statistics, total),
    indexFinding(statistics, total, names),
    freezingFinding(statistics, total),
    messagesFinding(statistics, total),
  ];
  const known = found.filter((each): each is Finding => (each?.share ?? 0) >= SHARE_MIN);
  const other = otherFinding(statistics, total, tables);
  const all = other !== undefined && other.share >= SHARE_MIN ? [...known, other] : known;
  return all.toSorted((a, b) => b.share - a.share);
}

export function renderFindingsNdjson(findings: readonly Finding[]): string {
  return findings
    .map(({ finding, share, message, fix }) => {
      const rounded = Math.round(share * 10_000) / 10_000;
      return jsonLine({ kind: "wal_finding", finding, share: rounded, message, fix });
    })
    .join("");
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

/** Images caused by a checkpoint or a hint bit. No setting avoids those of bulk operations (XLOG FPI). */
function cyclicImageBytes(statistics: WalStatistics): number {
  return statistics
    .types()
    .filter(({ id }) => id !== FPI)
    .reduce((sum, { imageBytes }) => sum + imageBytes, 0);
}

function imagesFinding(statistics: WalStatistics, total: number): Finding {
  const bytes = statistics.types().reduce((sum, { imageBytes }) => sum + imageBytes, 0);
  const share = bytes / total;
  const size = formatByteCount(bytes);
  // One that compression makes no smaller is stored as it is.
  const isCompressed = statistics.compressedImages * 2 > statistics.images;
  return {
    finding: "full_page_images",
    share,
    message: `${formatCount(statistics.images)} full-page images take ${size}, ${percent(share)} of the WAL${isCompressed ? ", compressed" : compressionText(statistics.version)}`,
    fix: isCompressed
      ? null
      : "ALTER SYSTEM SET wal_compression = on; SELECT pg_catalog.pg_reload_conf();",
  };
}

/** What the command chooses, which works on every server, however that was built. */
function compressionText(version: WalStatistics["version"]): string {
  if (version === undefined || version < 15) return "";
  return version >= 19
    ? "; wal_compression = on is the first of zstd, lz4 and pglz that the server was built with"
    : "; wal_compression = on is pglz; lz4 takes less time and zstd less space, where the server was built with them";
}

function checkpointsFinding(statistics: WalStatistics, total: number): Finding | undefined {
  const { online, first, last } = statistics.checkpoints;
  if (online < 2 || first === undefined || last === undefined) return undefined;
  const seconds = Number(last - first) / 1_000_000 / (online - 1);
  if (seconds >= CHECKPOINT_S_MIN) return undefined;
  const share = cyclicImageBytes(statistics) / total;
  return {
    finding: "checkpoints",
    share,
    message:
      `a checkpoint every ${seconds.toFixed(seconds < 10 ? 1 : 0)} s (${online} of them) makes the server log whole pages again and again: ` +
      `${percent(share)} of the WAL; a larger max_wal_size and checkpoint_timeout make them rarer`,
    // The current settings are not known here: a value to paste might lower them.
    fix: "SELECT name, setting, unit FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) ANY ('{max_wal_size,checkpoint_timeout}');",
  };
}

function indexFinding(
  statistics: WalStatistics,
  total: number,
  names: RelationNames,
): Finding | undefined {
  const indexes = statistics.relations().filter(({ isIndex }) => isIndex);
  const hottest = largest(indexes);
  if (hottest === undefined) return undefined;
  const { tablespace, database, relfilenode, imageBytes } = hottest;
  const name = names.nameOf(tablespace, database, relfilenode);
  const table = name?.relation === undefined ? "" : ` of ${name.table}`;
  const own = name?.relation ?? name?.table;
  const label = own === undefined ? `${database}/${relfilenode}` : `${own}${table}`;
  const share = bytesOf(hottest) / total;
  const images = `${formatByteCount(imageBytes)} of that images of its pages`;
  return {
    finding: "hot_index",
    share,
    message: `the index ${label} takes ${formatByteCount(bytesOf(hottest))}, ${percent(share)} of the WAL, ${images}`,
    fix: `SELECT indexrelid::pg_catalog.regclass, idx_scan FROM pg_catalog.pg_stat_user_indexes WHERE indexrelid OPERATOR(pg_catalog.=) pg_catalog.pg_filenode_relation(${fileTablespace(tablespace)}, ${relfilenode});`,
  };
}

/** pg_filenode_relation expects 0 for the database's own tablespace, otherwise its oid. */
function fileTablespace(tablespace: number): number {
  const DEFAULT_TABLESPACE = 1663;
  return tablespace === DEFAULT_TABLESPACE ? 0 : tablespace;
}

function largest(relations: readonly RelationTotals[]): RelationTotals | undefined {
  let found: RelationTotals | undefined;
  for (const each of relations) {
    if (found === undefined || bytesOf(each) > bytesOf(found)) found = each;
  }
  return found;
}

function freezingFinding({ freezingBytes }: WalStatistics, total: number): Finding {
  const share = freezingBytes / total;
  return {
    finding: "freezing",
    share,
    message: `freezing takes ${formatByteCount(freezingBytes)}, ${percent(share)} of the WAL; VACUUM (FREEZE) at a quiet hour takes it from autovacuum`,
    fix: "SELECT oid::pg_catalog.regclass, pg_catalog.age(relfrozenxid) FROM pg_catalog.pg_class WHERE relkind OPERATOR(pg_catalog.=) ANY ('{r,t,m}') ORDER BY 2 DESC LIMIT 10;",
  };
}

function messagesFinding({ messages }: WalStatistics, total: number): Finding | undefined {
  const [most] = [...messages].toSorted(([, a], [, b]) => b - a);
  if (most === undefined) return undefined;
  const [prefix, prefixBytes] = most;
  const bytes = [...messages.values()].reduce((sum, each) => sum + each, 0);
  const share = bytes / total;
  const top = `most with the prefix ${safeJson(prefix)} (${formatByteCount(prefixBytes)})`;
  return {
    finding: "logical_messages",
    share,
    message: `logical messages take ${formatByteCount(bytes)}, ${percent(share)} of the WAL, ${top}`,
    fix: "SELECT pid, application_name FROM pg_catalog.pg_stat_activity WHERE query OPERATOR(pg_catalog.~~*) '%pg_logical_emit_message%';",
  };
}

/** What takes the most space, if no other finding says so. */
function otherFinding(
  statistics: WalStatistics,
  total: number,
  [table]: readonly StatsRow[],
): Finding | undefined {
  const { version } = statistics;
  const [type] = statistics.types().toSorted((a, b) => bytesOf(b) - bytesOf(a));
  if (version === undefined || table === undefined || type === undefined) return undefined;
  const typeNames = recordNames(version);
  // database/relfilenode, of a table whose name the log does not tell
  const isFile = /^\d+\/\d+$/.test(table.title);
  const share = bytesOf(table) / total;
  const typeShare = percent(bytesOf(type) / total);
  const kind = `${typeNames.rmgr(type.id)} ${typeNames.type(type.id)}`;
  return {
    finding: "other",
    share,
    message: `most goes to ${table.title}: ${formatByteCount(bytesOf(table))}, ${percent(share)} of the WAL; the record type that takes most is ${kind} (${typeShare})${isFile ? "; --catalog FILE names the table, and this makes FILE:" : ""}`,
    fix: isFile ? "walctl catalog -d DATABASE > FILE" : null,
  };
}
