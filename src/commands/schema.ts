import { ExitCode } from "../errors.ts";
import { type CommandContext, print } from "../program/context.ts";

/** Prints the JSON Schema of the lines that tail, decode-file and inspect print. */
export async function schema(_flags: unknown, context: CommandContext): Promise<ExitCode> {
  const { ndjsonSchema } = await import("../render/ndjson/schema.ts");
  await print(context, `${JSON.stringify(ndjsonSchema(), null, 2)}\n`);
  return ExitCode.done;
}
