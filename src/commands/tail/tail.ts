import { isDeepStrictEqual } from "node:util";
import { ExitCode, WalctlError } from "../../errors.ts";
import { INVALID_LSN, type Lsn } from "../../lsn.ts";
import type { MessageFilter } from "../../messages/filter/filter.ts";
import type { CaptureFile } from "../../messages/pipeline/capture-file.ts";
import { writeRest } from "../../messages/run/renderer.ts";
import { MessageRun, endOfSignal } from "../../messages/run/run.ts";
import { ReaderGone, fileDescriptorOf } from "../../output/sink.ts";
import { StatusLine } from "../../output/status-line.ts";
import { pgTimeFromUnixMs } from "../../pg-time.ts";
import type { MessageKind } from "../../postgres/messages/messages.ts";
import { type RuledColumns, TypeRegistry } from "../../postgres/messages/type-registry.ts";
import type { CommandContext } from "../../program/context.ts";
import { canRedraw } from "../../program/options.ts";
import { Reporter, type Warning } from "../../program/reporter.ts";
import { withinStopGrace } from "../../program/stop-grace.ts";
import type { TakenOver } from "../../server/start/options.ts";
import type { StreamEnd } from "../../server/stream/intake.ts";
import { ReplicationSession } from "../../server/stream/session.ts";
import { TypeCatalogue } from "../../server/types/catalogue.ts";
import { TypeWatch } from "../../server/types/watch.ts";
import type { AckSource } from "./ack-source.ts";
import { onceEach } from "../connection.ts";
import { Closing } from "./closing.ts";
import { type TailConfig, type TailFlags, tailConfig } from "./config.ts";
import { type TailOutput, aboveLine, openStandardOutput } from "./output.ts";
import { withPublication } from "./publication.ts";
import { ServerPosition } from "./server-position.ts";
import { isService, staysText } from "./service.ts";
import { sessionOptions } from "./session-options.ts";
import { TailStatus } from "./status.ts";
import { timesWarning } from "./times-warning.ts";

/** When the tables that came are compared with those that were asked for. */
const NAMES_AFTER_MS = 1000;

/** The open parts of tail. */
interface Opened {
  readonly session: ReplicationSession;
  readonly ackSource: AckSource | undefined;
  readonly status: TailStatus;
  /** Complete only at the end. */
  readonly warnings: (end: StreamEnd) => readonly Warning[];
  /** Writes what is still to be printed. */
  readonly finish: () => Promise<void>;
  /** Called when all is read, or a signal has ended it. */
  readonly ended: (whole: boolean) => Promise<ExitCode>;
}

/** Streams decoded messages to standard output or a file until a signal, a limit, or the reader closes the pipe. */
export async function tail(flags: TailFlags, context: CommandContext): Promise<ExitCode> {
  const config = tailConfig(flags, context.env, context);
  // SIGHUP asks for a new file, and must not end tail before there is one.
  const restore = context.onSignal("SIGHUP", () => {});
  const late = endOfSignal(config, ExitCode.failed, () => ExitCode.done);
  return await withinStopGrace(run(config, context), context.stop, late).finally(restore);
}

async function run(given: TailConfig, context: CommandContext): Promise<ExitCode> {
  const { stderr } = context;
  const hasLine = canRedraw(stderr, context) && !given.output.quiet;
  const line = hasLine ? new StatusLine(stderr.stream, () => stderr.width() ?? 80) : undefined;
  const reporter = new Reporter(context, given.output, line);
  // A later connection's warnings come while the line is on the screen.
  const onLoginWarning = onceEach((warning) => reporter.warn(warning));
  const asked = { ...given, target: { ...given.target, onLoginWarning } };
  const messages = await MessageRun.open(asked, context, reporter);
  const mistaken = timesWarning(asked);
  if (mistaken !== undefined) reporter.warn(mistaken);
  const config = await withPublication(asked, context, reporter);
  if (config === undefined) return ExitCode.done;
  const closing = new Closing();
  closing.add(() => messages.sql?.close());
  try {
    const opened = await open(config, messages, context, reporter, line, closing);
    reporter.progress("connecting");
    return await stream(opened, reporter);
  } catch (error) {
    if (!(error instanceof WalctlError)) throw error;
    // It stands before the line that says how far tail came.
    reporter.end(error);
    return error.exitCode;
  } finally {
    closing.close();
  }
}

async function open(
  config: TailConfig,
  messages: MessageRun,
  context: CommandContext,
  reporter: Reporter,
  line: StatusLine | undefined,
  closing: Closing,
): Promise<Opened> {
  const { target, output, acknowledge } = config;
  const types = new TypeRegistry();
  const { names, sql } = messages;
  const toTerminal = context.stdout.isTerminal && config.file === undefined;
  const acceptsKind = (kind: MessageKind): boolean => messages.acceptsKind(kind);
  const to = await openOutput(config, acceptsKind, context, reporter);
  const { sink, rotate, journal } = to;
  /** What FILE has already is not received again. Undefined before the first start. */
  let continues: boolean | undefined;
  const takeOver = (oldest: Lsn): TakenOver => {
    const there = to.takeOver(oldest);
    continues ??= there.mark !== undefined;
    capture?.takeOver();
    return there;
  };
  const capture = await openCapture(config.capture, context);
  closing.add(() => capture?.close());
  const shown = toTerminal && line !== undefined ? aboveLine(sink, line) : sink;
  const isTable = output.format === "table" && !config.rendering.summary;
  const typeWatch = new TypeWatch({
    types,
    catalogue: new TypeCatalogue(target),
    learned: (oids, found) => capture?.metadata({ asked: oids, types: found }),
    publications: config.pgoutput.publications,
    ruled: noteRuled(types, capture),
    // A relation with REPLICA IDENTITY FULL does not say what identifies its rows.
    isAsked: ({ replicaIdentity }) =>
      sql !== undefined || capture !== undefined || (isTable && replicaIdentity === "full"),
    warn: (warning) => reporter.warn(warning),
  });
  closing.add(() => typeWatch.end());
  const { pipeline, rendering } = await messages.stream({
    types,
    typeWatch,
    capture,
    journal,
    sink: shown,
    database: target.database,
    screen: { watched: toTerminal, inPlace: toTerminal && line !== undefined },
  });
  const finish = async (): Promise<void> => await writeRest(rendering, shown);
  const endOutput = async (): Promise<void> => {
    await finish();
    sink.end?.();
  };
  const ackSource = await openAckSource(config.ackFrom, reporter, endOutput);
  const onCreated = (name: string): void =>
    closing.add(() => {
      if (context.stop.aborted) reporter.notice(staysText(name, target));
    });
  const tellSoFar = (): void => {
    const { rows } = config.filter;
    const missed = continues === true ? [] : names.soFar();
    for (const warning of [...(rows?.soFar() ?? []), ...missed]) reporter.warn(warning);
  };
  const over = new AbortController();
  closing.add(() => over.abort());
  const check = async (): Promise<void> => {
    if (config.filter.tables.length === 0) return;
    const { checkTables } = await import("./tables-check.ts");
    for (const warning of await checkTables(config, names, over.signal)) reporter.warn(warning);
  };
  const session = new ReplicationSession(
    sessionOptions(
      config,
      {
        pipeline,
        types,
        typeWatch,
        capture,
        output: { ...to, takeOver },
        ackSource,
        onCreated,
        check,
      },
      context,
      reporter,
    ),
  );
  if (acknowledge) sql?.stopBehindBroken((error) => session.stopWith(error));
  // The program that reads a pipe or a FIFO may print on the same terminal.
  const alone =
    toTerminal || rotate !== undefined || fileDescriptorOf(context.stdout.stream) !== undefined;
  const status = new TailStatus({
    session,
    pipeline,
    context,
    acknowledge,
    server: new ServerPosition(target, context.stop),
    line: alone ? line : undefined,
    // An undo is printed once all is read, if at all.
    quiet: output.quiet || config.rendering.sql?.undo === true,
    stopped: isService(config) ? (text) => reporter.event(`stopped: ${text}`) : undefined,
    live: rendering.live,
    liveLines: rendering.liveLines,
    tick: rendering.tick,
  });
  closing.add(() => status.end());
  const onHangup = (): void => {
    if (rotate !== undefined) pipeline.rotateBetweenTransactions(() => rotate(session.passed));
    else if (config.file === undefined)
      reporter.event("SIGHUP has no effect: only a FILE of --output can be opened again");
  };
  closing.add(context.onSignal("SIGHUP", onHangup));
  if (config.until !== undefined) {
    const isStarted = (): boolean => session.status.started;
    const endAt = (position: Lsn): void => session.endAt(position);
    const { watchUntil } = await import("./until-watch.ts");
    void watchUntil({ target, until: config.until, ended: over.signal, isStarted, endAt });
  }
  const asking = setInterval(tellSoFar, NAMES_AFTER_MS).unref();
  closing.add(() => clearInterval(asking));
  closing.add(() => reporter.clearProgress());
  const wasPast = config.until !== undefined && config.until < pgTimeFromUnixMs(Date.now());
  const warnings = (end: StreamEnd): Warning[] => {
    const { times } = config.gate;
    const isByTime = end === "endpos" && config.endpos === undefined;
    const isLate = isByTime && wasPast && times?.isEmpty === true;
    const late = { message: "no published change came that committed at or before --until" };
    return [
      ...(continues === true
        ? (config.filter.rows?.soFar() ?? [])
        : [...messages.unmet(), ...(isLate ? [late] : [])]),
      ...(rendering.warnings?.() ?? []),
    ];
  };
  const atEnd = async (whole: boolean): Promise<ExitCode> =>
    (await sql?.end(whole, ExitCode.failed, shown, reporter)) ?? ExitCode.done;
  return {
    session,
    ackSource,
    status,
    warnings,
    ended: atEnd,
    finish,
  };
}

/* Code for --output, --capture and --ack-from is loaded only with these options: loading delays every start. */

async function openOutput(
  config: TailConfig,
  acceptsKind: MessageFilter["acceptsKind"],
  context: CommandContext,
  reporter: Reporter,
): Promise<TailOutput> {
  if (config.file === undefined) return openStandardOutput(config, context);
  const { openFileOutput } = await import("./file-output.ts");
  return openFileOutput(config.file, config, acceptsKind, context, reporter);
}

async function openCapture(
  path: string | undefined,
  context: CommandContext,
): Promise<CaptureFile | undefined> {
  if (path === undefined) return undefined;
  const { CaptureFile } = await import("../../messages/pipeline/capture-file.ts");
  return new CaptureFile(path, context);
}

async function openAckSource(
  path: string | undefined,
  reporter: Reporter,
  endOutput: () => Promise<void>,
): Promise<AckSource | undefined> {
  if (path === undefined) return undefined;
  const { AckSource } = await import("./ack-source.ts");
  return new AckSource(path, reporter, endOutput);
}

async function stream(opened: Opened, reporter: Reporter): Promise<ExitCode> {
  try {
    const end = await runSession(opened);
    for (const warning of opened.warnings(end)) reporter.warn(warning);
    return await opened.ended(end !== "stopped");
  } catch (error) {
    // The reader closed the pipe: that is no error, and nobody reads a summary.
    if (!(error instanceof ReaderGone)) throw error;
    opened.status.end(false);
    return ExitCode.done;
  }
}

async function runSession({ session, ackSource, finish }: Opened): Promise<StreamEnd> {
  try {
    const end = await session.run();
    if (end !== "stopped") ackSource?.warnOfRest(session.status.confirmed);
    return end;
  } finally {
    const { received, reconnects } = session.status;
    if (received !== INVALID_LSN || reconnects > 0) await finish();
  }
}

/** Keeps what statements on a relation have to know, in the capture too. */
function noteRuled(
  types: TypeRegistry,
  capture: CaptureFile | undefined,
): (relation: number, columns: RuledColumns) => void {
  return (relation, columns) => {
    if (isDeepStrictEqual(types.ruledColumns(relation), columns)) return;
    types.ruled(relation, columns);
    capture?.metadata({ relation, ...columns });
  };
}
