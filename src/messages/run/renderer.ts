import { usageError } from "../../errors.ts";
import { readVersion } from "../../version.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import type { RowPrinter } from "../../postgres/messages/messages.ts";
import { NdjsonRenderer } from "../../render/ndjson/ndjson.ts";
import type { RowKernel } from "../../render/ndjson/row-kernel.ts";
import type { Sink } from "../../output/sink.ts";
import type { Renderer } from "../../render/renderer.ts";
import type { TableView } from "../../render/table/view.ts";
import type { Streaming } from "../../server/settings/pgoutput-options.ts";
import type { CommandContext } from "../../program/context.ts";
import { type ForeignDialect, type OutputOptions } from "../../program/options.ts";
import type { Warning } from "../../program/reporter.ts";
import { keepHeapSmall } from "../../program/small-heap.ts";
import { createSummaryRenderer, summaryWarnings } from "./summary.ts";
import { type TableFlags, tableView } from "./table-flags.ts";

/** -F sql's own flags as commander passes them. */
export interface SqlFlags {
  readonly checked?: boolean;
  readonly undo?: boolean;
  /** An undo that ends in ROLLBACK. */
  readonly dryRun?: boolean;
  /** --tables-changed, of decode-file on WAL. */
  readonly tablesChanged?: boolean;
}

export interface RendererFlags extends TableFlags, SqlFlags {
  readonly values: "json" | "text";
  readonly safeNumbers?: boolean;
  readonly summary?: boolean;
  /** A format may have no form for what is not committed. */
  readonly streaming?: Streaming;
  readonly twoPhase?: boolean;
  readonly aborted?: boolean;
  readonly binary?: boolean;
}

/** The options of a renderer. */
export interface RendererOptions {
  readonly output: OutputOptions;
  readonly summary: boolean;
  readonly view: TableView;
  readonly values: "json" | "text";
  readonly safeNumbers: boolean;
  /** Undefined: another format than SQL. */
  readonly sql: SqlFlags | undefined;
  /** Of WAL: the timeline that is being read. */
  readonly timeline?: () => number;
}

/** A renderer, and what only some renderers have. */
export interface Rendering {
  readonly renderer: Renderer;
  /** Prints rows without messages too, in order. */
  readonly rowsBy?: (kernel: RowKernel) => RowPrinter;
  /** For a status line: what is in progress and not printed. */
  readonly live: () => string | undefined;
  /** The same as lines that are drawn in place. Call tick() first. */
  readonly liveLines?: () => readonly string[];
  /** What is to be printed although nothing comes: to be called about once a second. */
  readonly tick?: () => Uint8Array;
  /** Called when no message will follow: returns what is still to be printed. Later calls return nothing. */
  readonly finish: () => Uint8Array;
  /** Warnings about the output that are known only at the end. */
  readonly warnings?: () => readonly Warning[];
}

/** How changes come that are shown as they happen. */
export interface Screen {
  /** A person looks at them. */
  readonly watched: boolean;
  /** Lines may be drawn in place. */
  readonly inPlace: boolean;
}

const NOTHING = new Uint8Array();

/** @throws WalctlError (a usage error) on a flag that the format does not support */
export function rendererOptions(flags: RendererFlags, output: OutputOptions): RendererOptions {
  const view = tableView(flags, output);
  const { values, safeNumbers = false, summary = false } = flags;
  const sql = sqlFlags(flags, output);
  if (!summary && output.dialect !== "walctl") refuseFor(output.dialect, flags);
  return { output, summary, view, values, safeNumbers, sql };
}

/**
 * The renderer that --format asks for. The one for NDJSON, which most runs use, is loaded with this file; the others
 * are loaded when they are asked for. SqlRun has that for SQL.
 * @param database whose changes they are, where that is known
 */
export async function createRenderer(
  options: RendererOptions,
  types: TypeRegistry,
  context: CommandContext,
  database: string | null = null,
  screen: Screen = { watched: false, inPlace: false },
): Promise<Rendering> {
  const { output, view, values, safeNumbers } = options;
  if (options.summary) {
    const renderer = await createSummaryRenderer(output, options.timeline !== undefined, context);
    const warnings = (): readonly Warning[] => summaryWarnings(renderer);
    return { renderer, live: () => undefined, finish: once(() => renderer.finish()), warnings };
  }
  if (output.dialect !== "walctl" && output.dialect !== "sql") {
    const renderer = await foreignRenderer(output.dialect, types, database);
    return { renderer, live: () => undefined, finish: () => NOTHING };
  }
  if (output.format === "ndjson") {
    const renderer = new NdjsonRenderer({ types, values, safeNumbers });
    const rowsBy = (kernel: RowKernel): RowPrinter => renderer.rowsBy(kernel);
    return { renderer, rowsBy, live: () => undefined, finish: () => NOTHING };
  }
  const { TableRenderer } = await import("../../render/table/table.ts");
  keepHeapSmall();
  const renderer = new TableRenderer({
    width: () => context.stdout.width() ?? 80,
    look: output,
    now: () => performance.now(),
    view: screen.watched ? view : { ...view, burstLines: Number.POSITIVE_INFINITY },
    types,
    inPlace: screen.inPlace,
    timeline: options.timeline,
  });
  const finish = once(() => {
    renderer.finish();
    return renderer.take();
  });
  const liveLines = (): readonly string[] => renderer.liveLines();
  return { renderer, live: () => renderer.live, liveLines, tick: () => renderer.tick(), finish };
}

/** Writes the output of finish(). */
export async function writeRest({ finish }: Rendering, sink: Sink): Promise<void> {
  const rest = finish();
  if (rest.length > 0) await sink.write(rest);
}

function once(finish: () => Uint8Array): () => Uint8Array {
  let finished = false;
  return () => {
    if (finished) return NOTHING;
    finished = true;
    return finish();
  };
}

async function foreignRenderer(
  dialect: Exclude<ForeignDialect, "sql">,
  types: TypeRegistry,
  database: string | null,
): Promise<Renderer> {
  if (dialect === "wal2json") {
    const { Wal2jsonRenderer } = await import("../../render/formats/wal2json.ts");
    return new Wal2jsonRenderer(types);
  }
  const { DebeziumRenderer } = await import("../../render/formats/debezium.ts");
  return new DebeziumRenderer({ types, database, version: readVersion(), now: () => Date.now() });
}

function sqlFlags(flags: RendererFlags, { dialect }: OutputOptions): SqlFlags | undefined {
  const { checked = false, undo = false, dryRun = false } = flags;
  const { summary = false, binary = false } = flags;
  if (dryRun && !undo) throw usageError("--dry-run is for --undo", "Add -F sql --undo.");
  if (dialect !== "sql") {
    const given = checked ? "--checked" : undo ? "--undo" : undefined;
    if (given === undefined) return undefined;
    throw usageError(`${given} is for SQL`, "Add -F sql.");
  }
  if (summary) throw usageError("--summary prints no changes, so that -F sql has nothing to print");
  if (binary) {
    throw usageError("--binary is not for -F sql: SQL has values as text", "Leave it out.");
  }
  return { checked, undo, dryRun, tablesChanged: flags.tablesChanged ?? false };
}

/** Refuses options whose output the format's consumers could not interpret. */
function refuseFor(dialect: ForeignDialect, flags: RendererFlags): void {
  if (flags.aborted === true) {
    throw usageError(
      `--aborted prints what was rolled back, and ${dialect} has no form for that`,
      "Its consumers take every row for committed: --format ndjson tells them apart.",
    );
  }
  const uncommitted =
    (flags.streaming ?? "off") !== "off"
      ? "--streaming"
      : flags.twoPhase === true
        ? "--two-phase"
        : undefined;
  if (uncommitted !== undefined) {
    throw usageError(
      `${uncommitted} sends what may still be rolled back, and ${dialect} has no form for that`,
      "Leave it out: a transaction then comes when it has committed.",
    );
  }
  const form =
    flags.values === "text" ? "--values text" : flags.safeNumbers ? "--safe-numbers" : undefined;
  if (form !== undefined) {
    throw usageError(
      `${form} is for --format ndjson: what values look like in ${dialect} is fixed`,
    );
  }
}
