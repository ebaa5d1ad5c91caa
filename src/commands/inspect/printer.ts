import type { WalRecord } from "../../postgres/records/record.ts";
import type { RelationNames } from "../../wal/relation-name.ts";
import { WalStatistics } from "../../wal/statistics.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { CommandContext } from "../../program/context.ts";
import type { OutputOptions } from "../../program/options.ts";
import type { InspectOptions, StatsBy } from "./options.ts";

const NOTHING = new Uint8Array(0);
const ROWS_AT_ONCE = 1000;

/** Makes the output for records: their lines, or statistics. */
export interface Printer {
  record(record: WalRecord, version: WalVersion): void;
  /** The output made since the last call. */
  take(): Uint8Array;
  /** The output after the last record, in parts: many relations as one piece would take twice as much memory. */
  finish(): Promise<Iterable<Uint8Array>>;
}

/** The modules for tables are loaded only if tables are printed. */
export async function createPrinter(
  { stats, expanded }: InspectOptions,
  output: OutputOptions,
  names: RelationNames,
  context: CommandContext,
): Promise<Printer> {
  const width = (): number => context.stdout.width() ?? 80;
  if (stats !== undefined) return await statsPrinter(stats, output, width, names);
  if (output.format === "ndjson") {
    const { RecordLines } = await import("../../render/wal/ndjson.ts");
    const lines = new RecordLines(names);
    return withoutEnd(lines);
  }
  const { RecordTable } = await import("../../render/wal/table.ts");
  return withoutEnd(new RecordTable({ names, width, look: output, expanded }));
}

function withoutEnd(lines: Pick<Printer, "record" | "take">): Printer {
  return {
    record: (record, version) => lines.record(record, version),
    take: () => lines.take(),
    finish: async () => [],
  };
}

async function statsPrinter(
  by: StatsBy,
  output: OutputOptions,
  width: () => number,
  names: RelationNames,
): Promise<Printer> {
  const { renderStatsNdjson, statsRows } = await import("../../render/wal/stats.ts");
  const { findingsOf, renderFindingsNdjson } = await import("../../render/wal/findings.ts");
  const statistics = new WalStatistics();
  const finish = async (): Promise<Iterable<Uint8Array>> => {
    const rows = statsRows(statistics, by, names);
    const tables = by === "table" ? rows : statsRows(statistics, "table", names);
    const findings = findingsOf(statistics, names, tables);
    if (output.format === "ndjson") {
      return partsOf(rows, renderStatsNdjson, renderFindingsNdjson(findings));
    }
    const { renderStatsTable } = await import("../../render/wal/stats-table.ts");
    return [Buffer.from(renderStatsTable(rows, by, findings, { width: width(), look: output }))];
  };
  return {
    record: (record, version) => statistics.add(record, version),
    take: () => NOTHING,
    finish,
  };
}

function* partsOf<T>(
  rows: readonly T[],
  render: (rows: readonly T[]) => string,
  last: string,
): Generator<Uint8Array, void, void> {
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
    yield Buffer.from(render(rows.slice(at, at + ROWS_AT_ONCE)));
  }
  yield Buffer.from(last);
}
