import { usageError } from "../../errors.ts";
import type { SummaryRenderer } from "../../render/reports/summary.ts";
import type { CommandContext } from "../../program/context.ts";
import type { OutputOptions } from "../../program/options.ts";
import type { Warning } from "../../program/reporter.ts";

/** Creates the counter for --summary. The modules for tables are loaded only if tables are printed. */
export async function createSummaryRenderer(
  output: OutputOptions,
  fromWal: boolean,
  { stdout }: CommandContext,
): Promise<SummaryRenderer> {
  const { SummaryRenderer, renderSummaryNdjson } = await import("../../render/reports/summary.ts");
  if (output.format === "ndjson") return new SummaryRenderer(renderSummaryNdjson);
  const { renderSummaryTables } = await import("../../render/reports/summary-table.ts");
  const look = { ...output, fromWal };
  return new SummaryRenderer((counts) => renderSummaryTables(counts, stdout.width() ?? 80, look));
}

/** Of a summary that is not all of it, or more. */
export function summaryWarnings({ exact, unlisted }: SummaryRenderer): readonly Warning[] {
  const inexact = {
    message: "--summary may count changes that were rolled back",
    detail:
      "Some could not be taken off: it is not known which transaction they belong to, or there were too many subtransactions to keep the counts of each.",
  };
  const more = {
    message: `${unlisted} tables created, dropped, rewritten or truncated before those are not listed`,
    hint: "Without --summary all are; or ask for a part: --since, --until, --only-table.",
  };
  return [...(exact ? [] : [inexact]), ...(unlisted > 0 ? [more] : [])];
}

/**
 * A summary is printed only at the end: it cannot be acknowledged transaction by transaction, and a FILE that contains
 * one does not show where to continue.
 * @throws WalctlError, a usage error
 */
export function checkSummary(
  { summary }: { readonly summary?: boolean },
  acknowledge: boolean,
  file: string | undefined,
): void {
  if (summary !== true) return;
  if (acknowledge) {
    throw usageError(
      "--summary prints no changes that could be acknowledged",
      "Without --ack it looks at what the slot holds and leaves it there.",
    );
  }
  if (file !== undefined) {
    throw usageError("--output holds changes, not a summary", "Redirect it: --summary > FILE");
  }
}
