import { ExitCode } from "../../errors.ts";
import { createSlotWords, optionsOf } from "../../server/slot/beside.ts";
import { PLUGIN, dropSlot as drop, heldText, requireSlotName } from "../../server/slot/slot.ts";
import { walctlCommand } from "../../server/target/paste.ts";
import type { ConnectionFlags } from "../../server/target/resolve.ts";
import { connectionTarget, withConnection } from "../connection.ts";
import { type CommandContext, print } from "../../program/context.ts";
import { type OutputFlags, outputOptions } from "../../program/options.ts";
import { Reporter } from "../../program/reporter.ts";

interface DropSlotFlags extends ConnectionFlags, OutputFlags {
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

/** Drops a slot, and says what it held: nothing brings that back. */
export async function dropSlot(
  name: string,
  flags: DropSlotFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const output = outputOptions(flags, context);
  requireSlotName(name);
  const target = connectionTarget(flags, context);
  const reporter = new Reporter(context, output);
  reporter.progress(`dropping slot "${name}"`);
  try {
    const { dryRun = false, force = false } = flags;
    const slot = await withConnection(target, "ordinary", context.stop, (client) =>
      drop(client, target, name, { dryRun, force }),
    );
    const { renderDroppedSlot } = await import("../../render/reports/setup.ts");
    reporter.clearProgress();
    const again = walctlCommand(createSlotWords(name, optionsOf(slot)), target);
    const another = slot.plugin === PLUGIN ? `; another one, from now on: ${again}` : "";
    reporter.notice(`${slot.type} slot "${name}": ${heldText(slot, !dryRun)}${another}`);
    const report = { slot: name, status: dryRun ? "would_drop" : "dropped" } as const;
    await print(context, renderDroppedSlot(report, output.format, output));
    return ExitCode.done;
  } finally {
    reporter.clearProgress();
  }
}
