import { ExitCode } from "../../errors.ts";
import { dropSlot as drop, requireSlotName } from "../../server/slot/slot.ts";
import type { ConnectionFlags } from "../../server/target/resolve.ts";
import { connectionTarget, withConnection } from "../connection.ts";
import { type CommandContext, print } from "../context.ts";
import { type OutputFlags, outputOptions } from "../options.ts";
import { Reporter } from "../reporter.ts";

export async function dropSlot(
  name: string,
  flags: ConnectionFlags & OutputFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const output = outputOptions(flags, context);
  requireSlotName(name);
  const target = connectionTarget(flags, context);
  const reporter = new Reporter(context, output);
  reporter.progress(`dropping slot "${name}"`);
  try {
    await withConnection(target, "ordinary", context.stop, (client) => drop(client, name));
    const { renderDroppedSlot } = await import("../../render/reports/setup.ts");
    reporter.clearProgress();
    const report = { slot: name, status: "dropped" } as const;
    await print(context, renderDroppedSlot(report, output.format, output));
    return ExitCode.done;
  } finally {
    reporter.clearProgress();
  }
}
