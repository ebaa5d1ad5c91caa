import { ExitCode, nearMiss } from "../../errors.ts";
import { unpadded } from "../../lsn.ts";
import {
  findWalLevelFault,
  firstSlotText,
  readVersionAndLevels,
} from "../../server/settings/preflight.ts";
import { readSlotNames } from "../../server/slot/read.ts";
import { PLUGIN, requireSlotName } from "../../server/slot/slot.ts";
import {
  type SlotRequest,
  checkSlotRequest,
  ensureSlot,
  missingSlotOptions,
} from "../../server/slot/creation.ts";
import type { ConnectionFlags } from "../../server/target/resolve.ts";
import { connect } from "../../server/connection/connect.ts";
import { connectionTarget } from "../connection.ts";
import { type CommandContext, print } from "../../program/context.ts";
import { type OutputFlags, outputOptions, parseSeconds } from "../../program/options.ts";
import { Reporter } from "../../program/reporter.ts";

interface CreateSlotFlags extends ConnectionFlags, OutputFlags {
  readonly twoPhase?: boolean;
  readonly failover?: boolean;
  readonly lockTimeout: string;
}

/** Creates a logical replication slot if it does not exist. */
export async function createSlot(
  name: string,
  flags: CreateSlotFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const output = outputOptions(flags, context);
  const request: SlotRequest = {
    name,
    temporary: false,
    twoPhase: flags.twoPhase ?? false,
    failover: flags.failover ?? false,
  };
  requireSlotName(name);
  const lockTimeoutMs = parseSeconds("--lock-timeout", flags.lockTimeout, 0);
  const target = connectionTarget(flags, context);
  const reporter = new Reporter(context, output);
  reporter.progress(`creating slot "${name}"`);
  // A signal must not close this connection: the creation has to be cancelled first, so that no slot is left behind.
  const client = await connect(target, "logical");
  try {
    const { version, levels } = await readVersionAndLevels(client);
    checkSlotRequest(request, version);
    const fault = await findWalLevelFault(client, target, version, levels);
    if (fault !== undefined) throw fault;
    const creation = ensureSlot(client, target, version, request, {
      lockTimeoutMs,
      stop: context.stop,
      onWaiting: (text) => {
        reporter.notice(`waiting for ${text}`);
        reporter.progress(`waiting for ${text}`);
      },
    });
    const outcome = await context.finishBeforeExit(creation);
    const { renderSlot } = await import("../../render/reports/setup.ts");
    reporter.clearProgress();
    const meant = outcome.created ? nearMiss(name, await readSlotNames(client)) : undefined;
    if (meant !== undefined) {
      reporter.notice(
        `slot "${meant}" exists too. Did you mean that? Each slot retains WAL until it is read; drop-slot drops one`,
      );
    }
    const cost = outcome.created ? firstSlotText(levels) : undefined;
    if (cost !== undefined) reporter.notice(`wal_level is ${levels.wal_level}: ${cost}`);
    for (const warning of missingSlotOptions(outcome, request)) reporter.warn(warning);
    const report = {
      slot: name,
      status: outcome.created ? "created" : "unchanged",
      plugin: PLUGIN,
      consistent_point: unpadded(outcome.consistentPoint),
    } as const;
    await print(context, renderSlot(report, output.format, output));
    return ExitCode.done;
  } finally {
    reporter.clearProgress();
    await client.end().catch(() => {});
  }
}
