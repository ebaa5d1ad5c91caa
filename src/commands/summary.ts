import type { SummaryRenderer } from "../render/summary.ts";
import type { OutputOptions } from "./options.ts";

/** What counts messages for --summary; what makes tables is loaded only where tables are wanted. */
export async function createSummaryRenderer(output: OutputOptions): Promise<SummaryRenderer> {
  const { SummaryRenderer, renderSummaryNdjson } = await import("../render/summary.ts");
  if (output.format === "ndjson") return new SummaryRenderer(renderSummaryNdjson);
  const { renderSummaryTables } = await import("../render/summary-table.ts");
  return new SummaryRenderer((counts) => renderSummaryTables(counts, output.color.stdout));
}
