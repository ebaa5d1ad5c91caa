import { ExitCode, usageError } from "../../errors.ts";
import { formatLsn, isNow, parseLsn } from "../../lsn.ts";
import { advanceSlot as advance } from "../../server/slot/advance.ts";
import { requireSlotName } from "../../server/slot/slot.ts";
import type { ConnectionFlags } from "../../server/target/resolve.ts";
import { connectionTarget, withConnection } from "../connection.ts";
import { type CommandContext, print } from "../../program/context.ts";
import { type OutputFlags, outputOptions } from "../../program/options.ts";
import { Reporter } from "../../program/reporter.ts";

interface AdvanceSlotFlags extends ConnectionFlags, OutputFlags {
  readonly force?: boolean;
}

export async function advanceSlot(
  name: string,
  position: string,
  flags: AdvanceSlotFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const output = outputOptions(flags, context);
  requireSlotName(name);
  const lsn = isNow(position) ? "now" : parseLsn(position);
  if (lsn === undefined) {
    throw usageError(
      `"${position}" is not an LSN such as 16/B374D848`,
      "now is the server's position.",
    );
  }
  const target = connectionTarget(flags, context);
  const reporter = new Reporter(context, output);
  reporter.progress(`advancing slot "${name}"`);
  try {
    const outcome = await withConnection(target, "ordinary", context.stop, (client) =>
      advance(client, target, name, lsn, flags.force ?? false),
    );
    const { renderAdvancedSlot } = await import("../../render/reports/setup.ts");
    reporter.clearProgress();
    const standing = formatLsn(outcome.confirmedFlushLsn);
    if (outcome.status === "unchanged") {
      reporter.notice(`slot "${name}" stands at ${standing} already; a slot does not go back`);
    } else if (lsn === "now") {
      const before = formatLsn(outcome.before);
      reporter.notice(
        `${position} is ${standing}: slot "${name}" skips what committed since ${before}`,
      );
    }
    const report = { slot: name, status: outcome.status, confirmed_flush_lsn: standing };
    await print(context, renderAdvancedSlot(report, output.format, output));
    return ExitCode.done;
  } finally {
    reporter.clearProgress();
  }
}
