import { ExitCode } from "../../errors.ts";
import { formatLsn, INVALID_LSN } from "../../lsn.ts";
import { fileStatePath, temporaryStatePath } from "../../output/file/file-state.ts";
import {
  type NamedFile,
  isDescriptorName,
  requireDifferentFiles,
} from "../../output/file/same-file.ts";
import { ReaderGone, fileDescriptorOf } from "../../output/sink.ts";
import { TypeRegistry } from "../../pgoutput/type-registry.ts";
import { type BootstrapRequest } from "../../server/start/bootstrap.ts";
import { ReplicationSession } from "../../server/stream/session.ts";
import { TypeCatalogue } from "../../server/types/catalogue.ts";
import { TypeWatch } from "../../server/types/watch.ts";
import { AckSource } from "./ack-source.ts";
import { AskedColumns } from "../messages/asked-columns.ts";
import { CaptureFile } from "../messages/capture-file.ts";
import { connectionTarget } from "../connection.ts";
import type { CommandContext } from "../context.ts";
import { createFilter, printsKind } from "../messages/filter.ts";
import { outputOptions } from "../options.ts";
import { Pipeline } from "../messages/pipeline.ts";
import { publicationPlan } from "../publication-flags.ts";
import { createRenderer } from "../messages/renderer.ts";
import { Reporter } from "../reporter.ts";
import { ServerPosition } from "./server-position.ts";
import { withinStopGrace } from "../stop-grace.ts";
import { checkSummary } from "../messages/summary.ts";
import { type TailFlags, tailOptions } from "./options.ts";
import { openTailOutput } from "./output.ts";
import { withPublication } from "./publication.ts";
import { TailStatus } from "./status.ts";

/** As create-slot's default. */
const SLOT_LOCK_TIMEOUT_MS = 10_000;

const NOTHING = new Uint8Array();
/** As --output: what it is without. */
const STANDARD_OUTPUT = "-";

/** What SIGHUP does by now. */
interface Hangup {
  listener: (() => void) | undefined;
}

/** Streams decoded messages to standard output or a file until a signal, a limit or the reader's goodbye. */
export async function tail(flags: TailFlags, context: CommandContext): Promise<ExitCode> {
  const { output, ...others } = flags;
  const given: TailFlags = output === undefined || output === STANDARD_OUTPUT ? others : flags;
  const hangup: Hangup = { listener: undefined };
  // Without --output it may be the terminal that has gone. With it SIGHUP must not end tail before there is a file.
  const ignore =
    given.output === undefined ? undefined : context.onSignal("SIGHUP", () => hangup.listener?.());
  try {
    return await withinStopGrace(stream(given, context, hangup), context.stop, ExitCode.done);
  } finally {
    ignore?.();
  }
}

async function stream(
  flags: TailFlags,
  context: CommandContext,
  hangup: Hangup,
): Promise<ExitCode> {
  requireOwnFiles(flags);
  const toFile = flags.output !== undefined && flags.format === "auto";
  const output = outputOptions(toFile ? { ...flags, format: "ndjson" } : flags, context);
  const asked = tailOptions(flags);
  const target = connectionTarget(flags, context);
  checkSummary(flags);
  const columns = new AskedColumns(flags);
  const accepts = columns.watch(createFilter(flags));
  const types = new TypeRegistry();
  const reporter = new Reporter(context, output);
  const options = await withPublication(asked, target, context, reporter);
  if (options === undefined) return ExitCode.done;
  const rendering = await createRenderer(flags, output, types, context, target.database);
  const { sink, rotate, journal, takeOver } = openTailOutput(
    {
      path: flags.output,
      acknowledge: flags.ack === true && flags.ackFrom === undefined,
      database: target.database,
      pgoutput: options.pgoutput,
      ackFrom: flags.ackFrom !== undefined,
      prints: (kind) => printsKind(flags, kind),
    },
    output,
    context,
    reporter,
  );
  const capture = flags.capture === undefined ? undefined : new CaptureFile(flags.capture, context);
  const toTerminal = context.stdout.isTerminal && flags.output === undefined;
  const status = new TailStatus({
    session: () => session.status,
    pipeline: () => pipeline,
    server: new ServerPosition(target, context.stop),
    context,
    quiet: output.quiet,
    acknowledge: options.acknowledge,
    // Behind a pipe or a FIFO there may be somebody who prints on the same terminal.
    alone:
      toTerminal || rotate !== undefined || fileDescriptorOf(context.stdout.stream) !== undefined,
    live: rendering.live,
  });
  reporter.beforePrinting = () => status.clearLine();
  const shownSink = toTerminal ? status.above(sink) : sink;
  const catalogue = new TypeCatalogue(target);
  let slot = "";
  const typeWatch = new TypeWatch({
    types,
    lookUp: (oids, horizon) => catalogue.lookUp(oids, slot, horizon),
    learned: (oids, found) => capture?.metadata({ asked: oids, types: found }),
    warn: (warning) => reporter.warn(warning),
  });
  const pipeline = new Pipeline({
    types,
    accepts,
    renderer: rendering.renderer,
    sink: shownSink,
    warn: (warning) => reporter.warn(warning),
    typeWatch,
    capture,
    journal,
  });
  let finished = false;
  const writeRest = async (): Promise<void> => {
    const rest = finished ? NOTHING : rendering.finish();
    finished = true;
    if (rest.length > 0) await shownSink.write(rest);
  };
  const endOutput = async (): Promise<void> => {
    await writeRest();
    sink.end?.();
  };
  const ackSource =
    flags.ackFrom === undefined ? undefined : new AckSource(flags.ackFrom, reporter, endOutput);
  const session = new ReplicationSession({
    ...options,
    received: () => journal?.received(),
    started: (start) => journal?.started(start),
    takeOver: (oldest) => {
      const there = takeOver(oldest);
      capture?.takeOver();
      return there;
    },
    target,
    acknowledge: ackSource ?? options.acknowledge,
    bootstrap: bootstrapRequest(flags, options, context, reporter),
    consumer: pipeline,
    stop: context.stop,
    news: {
      warn: (warning) => reporter.warn(warning),
      notice: (text) => reporter.notice(text),
      streaming: ({ slotName, slotPosition, serverVersion }, from, horizon) => {
        reporter.clearProgress();
        status.streaming();
        slot = slotName;
        // It may be another server now.
        catalogue.close();
        typeWatch.start(horizon);
        capture?.metadata({ server_version: serverVersion, options: options.pgoutput });
        if (context.stdout.isTerminal) {
          // 0/0: the server starts where the slot stands.
          const start = from === INVALID_LSN ? slotPosition : formatLsn(from);
          reporter.notice(`streaming from slot "${slotName}" at ${start}; Ctrl-C ends`);
        }
      },
    },
  });
  hangup.listener =
    rotate && (() => pipeline.rotateBetweenTransactions(() => rotate(session.passed)));
  reporter.progress("connecting");
  let readerGone = false;
  try {
    try {
      const end = await session.run();
      if (end !== "stopped") ackSource?.warnOfRest(session.status.confirmed);
    } finally {
      const { received, reconnects } = session.status;
      if (received !== INVALID_LSN || reconnects > 0) await writeRest();
    }
    for (const warning of columns.warnings()) reporter.warn(warning);
    return ExitCode.done;
  } catch (error) {
    readerGone = error instanceof ReaderGone;
    if (readerGone) return ExitCode.done;
    throw error;
  } finally {
    reporter.clearProgress();
    typeWatch.end();
    catalogue.close();
    hangup.listener = undefined;
    status.end(!readerGone);
    capture?.close();
  }
}

/** @throws WalctlError, a usage error, for a file that is given for two purposes */
function requireOwnFiles({ output, capture, ackFrom }: TailFlags): void {
  const files: NamedFile[] = [];
  if (output === undefined) files.push(["standard output", 1]);
  else {
    files.push([`--output "${output}"`, output]);
    for (const path of [fileStatePath(output), temporaryStatePath(output)]) {
      if (!isDescriptorName(output))
        files.push([`"${path}", which --output keeps its state in,`, path]);
    }
  }
  if (capture !== undefined && capture !== "-") files.push([`--capture "${capture}"`, capture]);
  if (ackFrom !== undefined) {
    files.push([`--ack-from "${ackFrom}"`, ackFrom === "-" ? 0 : ackFrom]);
  }
  requireDifferentFiles(files);
}

function bootstrapRequest(
  flags: TailFlags,
  { publications, slot, pgoutput }: ReturnType<typeof tailOptions>,
  context: CommandContext,
  reporter: Reporter,
): BootstrapRequest {
  const createMissing = flags.bootstrap ?? false;
  // Each connection of the session says the same again.
  const warned = new Set<string>();
  return {
    publications,
    slot,
    twoPhase: pgoutput.twoPhase,
    messages: pgoutput.messages,
    createMissing,
    plan: createMissing ? publicationPlan(publications[0] ?? "", flags) : undefined,
    lockTimeoutMs: SLOT_LOCK_TIMEOUT_MS,
    stop: context.stop,
    onWaiting: (text) => reporter.progress(text),
    onNotice: (text) => reporter.notice(text),
    onWarning: (message) => {
      if (!warned.has(message)) reporter.warn({ message });
      warned.add(message);
    },
  };
}
