import { drawGrid } from "../terminal/grid.ts";
import { jsonLine } from "../bytes/json-line.ts";
import { createPalette, type Look, type Palette } from "../terminal/painted.ts";
import { sanitizeLine, sanitizeLines } from "../bytes/sanitize.ts";

/** The report of setup-publication. The keys and their order are part of the contract. */
export interface PublicationReport {
  readonly publication: string;
  readonly status: string;
  readonly sql: readonly string[];
  readonly warnings: readonly string[];
}

export interface CreatedSlotReport {
  readonly slot: string;
  readonly status: string;
  readonly plugin: string;
  readonly consistent_point: string;
}

export interface DroppedSlotReport {
  readonly slot: string;
  readonly status: string;
}

export interface AdvancedSlotReport {
  readonly slot: string;
  readonly status: string;
  readonly confirmed_flush_lsn: string;
}

type Format = "table" | "ndjson";

/** As text, the SQL is below the table, ready to paste. The warnings go to standard error. */
export function renderPublication(report: PublicationReport, format: Format, look: Look): string {
  if (format === "ndjson") return jsonLine(report);
  const { publication, status, sql } = report;
  const statements = sql.map((statement) => `${sanitizeLines(statement)};\n`).join("");
  const block = sql.length > 1 ? `BEGIN;\n${statements}COMMIT;\n` : statements;
  return table([["publication", publication], statusCell(status)], look) + block;
}

export function renderSlot(report: CreatedSlotReport, format: Format, look: Look): string {
  if (format === "ndjson") return jsonLine(report);
  const { slot, status, plugin } = report;
  return table(
    [
      ["slot", slot],
      statusCell(status),
      ["plugin", plugin],
      ["consistent point", report.consistent_point],
    ],
    look,
  );
}

export function renderDroppedSlot(report: DroppedSlotReport, format: Format, look: Look): string {
  if (format === "ndjson") return jsonLine(report);
  return table([["slot", report.slot], statusCell(report.status)], look);
}

export function renderAdvancedSlot(report: AdvancedSlotReport, format: Format, look: Look): string {
  if (format === "ndjson") return jsonLine(report);
  const { slot, status } = report;
  const position: Cell = ["confirmed flush LSN", report.confirmed_flush_lsn];
  return table([["slot", slot], statusCell(status), position], look);
}

type Cell = readonly [head: string, text: string];

function statusCell(status: string): Cell {
  return ["status", status.replace("_", " ")];
}

/** A table of one row. */
function table(cells: readonly Cell[], look: Look): string {
  const palette = createPalette(look);
  return drawGrid({
    palette,
    head: cells.map(([head]) => palette.quiet(head)),
    rows: [cells.map(([head, text]) => paint(palette, head, sanitizeLine(text)))],
    ruled: true,
  });
}

function paint(palette: Palette, head: string, text: string): string {
  if (head !== "status") return text;
  if (text === "different") return palette.aborted(text);
  return text === "unchanged" ? palette.quiet(text) : palette.committed(text);
}
