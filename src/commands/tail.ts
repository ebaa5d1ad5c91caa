import { ExitCode } from "../errors.ts";
import { formatLsn } from "../lsn.ts";
import { ReaderGone, StreamSink } from "../output/sink.ts";
import { TypeRegistry } from "../pgoutput/type-registry.ts";
import { streamChanges } from "../replication/session.ts";
import { resolveTarget } from "../replication/target.ts";
import { lookUpTypes } from "../replication/type-catalogue.ts";
import type { CommandContext } from "./context.ts";
import { createFilter } from "./filter.ts";
import { outputOptions } from "./options.ts";
import { Pipeline } from "./pipeline.ts";
import { publicationPlan } from "./publication-flags.ts";
import { createRenderer } from "./renderer.ts";
import { Reporter } from "./reporter.ts";
import { type TailFlags, tailOptions } from "./tail-options.ts";

/** As create-slot's default. */
const SLOT_LOCK_TIMEOUT_MS = 10_000;

/** Streams decoded messages to standard output until a signal, a limit or the reader's goodbye. */
export async function tail(flags: TailFlags, context: CommandContext): Promise<ExitCode> {
  const output = outputOptions(flags, context);
  const options = tailOptions(flags);
  const reporter = new Reporter(context, output);
  const target = resolveTarget(flags, context.env);
  const types = new TypeRegistry();
  const pipeline = new Pipeline({
    types,
    accepts: createFilter(flags),
    renderer: await createRenderer(flags, output, types, context),
    sink: new StreamSink(context.stdout.stream),
    warn: (warning) => reporter.warn(warning),
    lookUpTypes: (oids) => lookUpTypes(target, oids),
  });
  const createMissing = flags.bootstrap ?? false;
  reporter.progress("connecting");
  try {
    await streamChanges({
      ...options,
      target,
      bootstrap: {
        publications: options.publications,
        slot: options.slot,
        twoPhase: options.pgoutput.twoPhase,
        createMissing,
        plan: createMissing ? publicationPlan(options.publications[0] ?? "", flags) : undefined,
        lockTimeoutMs: SLOT_LOCK_TIMEOUT_MS,
        stop: context.stop,
        onWaiting: (text) => reporter.progress(text),
        onNotice: (text) => reporter.notice(text),
        onWarning: (message) => reporter.warn({ message }),
      },
      consumer: pipeline,
      stop: context.stop,
      news: {
        warn: (warning) => reporter.warn(warning),
        notice: (text) => reporter.notice(text),
        streaming: (slot, from) => {
          reporter.clearProgress();
          if (context.stdout.isTerminal) {
            reporter.notice(`streaming from slot "${slot}", ${formatLsn(from)}; Ctrl-C ends`);
          }
        },
      },
    });
    return ExitCode.done;
  } catch (error) {
    if (error instanceof ReaderGone) return ExitCode.done;
    throw error;
  } finally {
    reporter.clearProgress();
  }
}
