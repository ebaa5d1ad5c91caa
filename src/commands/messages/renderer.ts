import { usageError } from "../../errors.ts";
import { readVersion } from "../../version.ts";
import type { TypeRegistry } from "../../pgoutput/type-registry.ts";
import { NdjsonRenderer } from "../../render/ndjson/ndjson.ts";
import type { Renderer } from "../../render/renderer.ts";
import type { CommandContext } from "../context.ts";
import type { ForeignDialect, OutputOptions } from "../options.ts";
import { createSummaryRenderer } from "./summary.ts";
import { type TableFlags, tableView } from "./table-flags.ts";

export interface RendererFlags extends TableFlags {
  readonly values: "json" | "text";
  readonly safeNumbers?: boolean;
  readonly summary?: boolean;
  readonly streaming?: "off" | "on" | "parallel";
  readonly twoPhase?: boolean;
}

/** A renderer, and what only some of them have. */
export interface Rendering {
  readonly renderer: Renderer;
  /** For a status line: what is going on that is not printed. */
  readonly live: () => string | undefined;
  /** No message will follow: what is still to be printed. */
  readonly finish: () => Uint8Array;
}

const NOTHING = new Uint8Array();

/**
 * The renderer that --format asks for. That of NDJSON, which most runs want, is there already; of the others only that one is loaded. `database`: whose changes they are, where that is known.
 * @throws WalctlError (a usage error) on a flag that means nothing, or too much, to that format
 */
export async function createRenderer(
  flags: RendererFlags,
  output: OutputOptions,
  types: TypeRegistry,
  context: CommandContext,
  database: string | null = null,
): Promise<Rendering> {
  const view = tableView(flags, output);
  if (flags.summary === true) {
    const renderer = await createSummaryRenderer(output);
    return { renderer, live: () => undefined, finish: () => renderer.finish() };
  }
  if (output.dialect !== "walctl") {
    refuseFor(output.dialect, flags);
    const renderer = await foreignRenderer(output.dialect, types, database);
    return { renderer, live: () => undefined, finish: () => NOTHING };
  }
  if (output.format === "ndjson") {
    const { values, safeNumbers = false } = flags;
    const renderer = new NdjsonRenderer({ types, values, safeNumbers });
    return { renderer, live: () => undefined, finish: () => NOTHING };
  }
  const { TableRenderer } = await import("../../render/table/table.ts");
  const renderer = new TableRenderer({
    width: () => context.stdout.width() ?? 80,
    color: output.color,
    view,
    types,
  });
  const finish = (): Uint8Array => {
    renderer.finish();
    return renderer.take();
  };
  return { renderer, live: () => renderer.live, finish };
}

async function foreignRenderer(
  dialect: ForeignDialect,
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

/** What the consumers of the format could not make sense of. */
function refuseFor(dialect: ForeignDialect, flags: RendererFlags): void {
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
