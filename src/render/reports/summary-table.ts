import { formatPgTime } from "../../pg-time.ts";
import { drawGrid } from "../terminal/grid.ts";
import { formatRelationName } from "../values/identifier.ts";
import { createPalette } from "../terminal/painted.ts";
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
  return `${transactions.length === 0 ? byRelation : byRelation + byTransaction}${MEASURED}\n`;
}

/** What the numbers include. */
const MEASURED =
  "Bytes are of rows as they were sent, of published tables only. The WAL holds\nmore: indexes, full-page images, tables that are not published.";

function tableOf(
  head: readonly string[],
  rows: readonly string[][],
  quiet: (text: string) => string,
): string {
  const right = head.map((_, column) => column > 0);
  return drawGrid({ head: head.map((title) => quiet(title)), rows, right });
}
