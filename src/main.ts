/**
 * The only file that touches `process`. Everything else gets a CommandContext and returns an exit status.
 */
import type { CommandContext, OutputStream } from "./commands/context.ts";
import { ExitCode, run } from "./cli.ts";

/** How long after a signal the process may run, in milliseconds. */
const STOP_GRACE_MS = 900;

/** For a terminal that reports no size. */
const COLUMNS_UNKNOWN = 80;
const ROWS_UNKNOWN = 24;

/**
 * `docker run -t`, `script` without a terminal and CI wrappers give terminals of 0×0. The stream itself is corrected, so
 * that libraries see it too: ora divides by the columns and draws for ever.
 */
function assumeSize(stream: NodeJS.WriteStream): void {
  stream.columns ||= COLUMNS_UNKNOWN;
  stream.rows ||= ROWS_UNKNOWN;
}

/** COLUMNS counts first, as in psql; `watch` sets it for a command whose output goes to a pipe. */
function columnsAsked(): number | undefined {
  const columns = Number(process.env["COLUMNS"]);
  return Number.isSafeInteger(columns) && columns > 0 ? columns : undefined;
}

function outputStream(stream: NodeJS.WriteStream): OutputStream {
  const isTerminal = stream.isTTY === true;
  if (isTerminal) {
    doNotBlock(stream);
    assumeSize(stream);
    // Node.js has read the size again.
    stream.on("resize", () => assumeSize(stream));
  }
  return {
    stream,
    isTerminal,
    width: () => columnsAsked() ?? (isTerminal ? stream.columns : undefined),
  };
}

/**
 * Node.js writes to a terminal synchronously: Ctrl-S would block the process, its signals and the feedback to the
 * server. Node.js has opened the terminal itself, so other programs are not affected.
 */
function doNotBlock(stream: NodeJS.WriteStream): void {
  const { _handle: handle } = stream as unknown as {
    readonly _handle: { setBlocking?(blocking: boolean): void } | null;
  };
  handle?.setBlocking?.(false);
}

const stop = new AbortController();
const unfinished = new Set<Promise<unknown>>();
let exitStatus: number | undefined;

function onSignal(signal: NodeJS.Signals): void {
  if (stop.signal.aborted) process.exit(signal === "SIGINT" ? 130 : 143);
  stop.abort(signal);
  setTimeout(() => void leave(), STOP_GRACE_MS).unref();
}

/**
 * When the command has returned, only a write that a stalled reader blocks keeps the process alive. A command that has
 * not returned, because of a dead network say, has not done what it was asked for.
 */
async function leave(): Promise<void> {
  while (unfinished.size > 0) {
    await Promise.allSettled(unfinished);
    // The command itself returns a little after its work.
    await new Promise(setImmediate);
  }
  if (exitStatus === undefined) process.stderr.write("walctl: error: interrupted\n");
  process.exit(exitStatus ?? ExitCode.failed);
}
process.on("SIGINT", onSignal);
process.on("SIGTERM", onSignal);
// When a reader closes the pipe, the sink gets EPIPE in the write's callback. Without a listener the same error would
// also end the process here.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

const context: CommandContext = {
  stdin: process.stdin,
  stdout: outputStream(process.stdout),
  stderr: outputStream(process.stderr),
  env: process.env,
  stop: stop.signal,
  finishBeforeExit: (work) => {
    unfinished.add(work);
    return work.finally(() => unfinished.delete(work));
  },
  onSignal: (signal, listener) => {
    process.on(signal, listener);
    return () => void process.off(signal, listener);
  },
};
exitStatus = await run(process.argv.slice(2), context);
process.exitCode = exitStatus;
