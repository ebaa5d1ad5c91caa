import { usageError } from "../../errors.ts";
import type { SummaryRenderer } from "../../render/reports/summary.ts";
import type { OutputOptions } from "../options.ts";

/** What counts messages for --summary; what makes tables is loaded only where tables are wanted. */
export async function createSummaryRenderer(output: OutputOptions): Promise<SummaryRenderer> {
  const { SummaryRenderer, renderSummaryNdjson } = await import("../../render/reports/summary.ts");
  if (output.format === "ndjson") return new SummaryRenderer(renderSummaryNdjson);
  const { renderSummaryTables } = await import("../../render/reports/summary-table.ts");
  return new SummaryRenderer((counts) => renderSummaryTables(counts, output.color));
}

interface TailSummaryFlags {
  readonly summary?: boolean;
  readonly ack?: boolean;
  readonly ackFrom?: string;
  readonly output?: string;
}

/**
 * What is printed at the end alone cannot be acknowledged on the way, nor go to a file that is to go on where
 * its last transaction ends.
 * @throws WalctlError, a usage error
 */
export function checkSummary(flags: TailSummaryFlags): void {
  if (flags.summary !== true) return;
  if (flags.ack === true || flags.ackFrom !== undefined) {
    throw usageError(
      "--summary prints no changes that could be acknowledged",
      "Without --ack it looks at what the slot holds and leaves it there.",
    );
  }
  if (flags.output !== undefined) {
    throw usageError("--output holds changes, not a summary", "Redirect it: --summary > FILE");
  }
}
