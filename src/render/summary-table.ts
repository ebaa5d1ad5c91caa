import Table from "cli-table3";
import { formatPgTime } from "../pg-time.ts";
import { formatRelationName } from "./identifier.ts";
import { createPalette } from "./painted.ts";
import { totalBytes } from "./summary.ts";
import type { SummaryCounts } from "./summary-counts.ts";

const numbers = new Intl.NumberFormat("en-US");

/** A table of the relations, and one of the largest transactions. */
export function renderSummaryTables(counts: SummaryCounts, color: boolean): string {
  const { table, quiet } = createPalette(color);
  const relations = counts.relations();
  const transactions = counts.transactions();
  if (relations.length === 0) return "No row was changed.\n";
  const total = totalBytes(relations);
  const byRelation = tableOf(
    ["table", "inserts", "updates", "deletes", "truncates", "bytes", "share"],
    relations.map((totals) => [
      table(formatRelationName(totals.relation)),
      ...[totals.inserts, totals.updates, totals.deletes, totals.truncates, totals.bytes].map(
        (count) => (count === 0 ? quiet("0") : numbers.format(count)),
      ),
      total === 0 ? "" : `${((totals.bytes / total) * 100).toFixed(1)}%`,
    ]),
    quiet,
  );
  const byTransaction = tableOf(
    ["largest transactions", "changes", "bytes", "committed"],
    transactions.map(({ xid, changes, bytes, commitTime }) => [
      `xid ${xid}`,
      numbers.format(changes),
      numbers.format(bytes),
      commitTime === null ? quiet("not known") : formatPgTime(commitTime),
    ]),
    quiet,
  );
  return transactions.length === 0 ? byRelation : byRelation + byTransaction;
}

function tableOf(
  head: readonly string[],
  rows: readonly string[][],
  quiet: (text: string) => string,
): string {
  const table = new Table({
    head: head.map((title) => quiet(title)),
    colAligns: head.map((_, column) => (column === 0 ? "left" : "right")),
    // Painted by chalk alone, so that --no-color holds.
    style: { head: [], border: [] },
    // No lines between the rows.
    chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
  });
  table.push(...rows.map((row) => [...row]));
  return `${table.toString()}\n`;
}
