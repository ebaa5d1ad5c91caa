import type { TypeRegistry } from "../pgoutput/type-registry.ts";
import type { Renderer } from "../render/renderer.ts";
import type { CommandContext } from "./context.ts";
import type { OutputOptions } from "./options.ts";
import { createSummaryRenderer } from "./summary.ts";
import { type TableFlags, tableView } from "./table-flags.ts";

export interface RendererFlags extends TableFlags {
  readonly values: "json" | "text";
  readonly safeNumbers?: boolean;
  readonly summary?: boolean;
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

/** The renderer that --format asks for; only that one is loaded. */
export async function createRenderer(
  flags: RendererFlags,
  output: OutputOptions,
  types: TypeRegistry,
  context: CommandContext,
): Promise<Rendering> {
  const view = tableView(flags, output);
  if (flags.summary === true) {
    const renderer = await createSummaryRenderer(output);
    return { renderer, live: () => undefined, finish: () => renderer.finish() };
  }
  if (output.format === "ndjson") {
    const { NdjsonRenderer } = await import("../render/ndjson.ts");
    const { values, safeNumbers = false } = flags;
    const renderer = new NdjsonRenderer({ types, values, safeNumbers });
    return { renderer, live: () => undefined, finish: () => NOTHING };
  }
  const { TableRenderer } = await import("../render/table.ts");
  const renderer = new TableRenderer({
    width: () => context.stdout.width() ?? 80,
    color: output.color.stdout,
    view,
    types,
  });
  const finish = (): Uint8Array => {
    renderer.finish();
    return renderer.take();
  };
  return { renderer, live: () => renderer.live, finish };
}
