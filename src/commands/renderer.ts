import type { TypeRegistry } from "../pgoutput/type-registry.ts";
import type { Renderer } from "../render/renderer.ts";
import type { CommandContext } from "./context.ts";
import type { OutputOptions } from "./options.ts";

interface ValueFlags {
  readonly values: "json" | "text";
  readonly safeNumbers?: boolean;
}

/** The renderer that --format asks for; only that one is loaded. */
export async function createRenderer(
  flags: ValueFlags,
  output: OutputOptions,
  types: TypeRegistry,
  context: CommandContext,
): Promise<Renderer> {
  if (output.format === "ndjson") {
    const { NdjsonRenderer } = await import("../render/ndjson.ts");
    return new NdjsonRenderer({
      types,
      values: flags.values,
      safeNumbers: flags.safeNumbers ?? false,
    });
  }
  const { TableRenderer } = await import("../render/table.ts");
  return new TableRenderer({
    width: () => context.stdout.width() ?? 80,
    color: output.color.stdout,
  });
}
