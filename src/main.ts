/** The only file that touches `process`. Everything else gets a CommandContext and returns an exit status. */
import { isatty } from "node:tty";
import type { CommandContext, OutputStream } from "./program/context.ts";
import { ExitCode, run } from "./cli.ts";

/** How long the process may run after a signal, in milliseconds. */
const STOP_GRACE_MS = 900;

/** Assumed for a terminal that reports no size. */
const COLUMNS_UNKNOWN = 80;
const ROWS_UNKNOWN = 24;

/**
 * `docker run -t`, `script` without a terminal and CI wrappers give terminals of 0×0. The stream itself is corrected so
 * that libraries see the size too: ora divides by the columns and would draw for ever.
 */
function assumeSize(stream: NodeJS.WriteStream): void {
  stream.columns ||= COLUMNS_UNKNOWN;
  stream.rows ||= ROWS_UNKNOWN;
}

/** COLUMNS takes precedence, as in psql; `watch` sets it for a command whose output goes to a pipe. */
function columnsAsked(): number | undefined {
  const columns = Number(process.env["COLUMNS"]);
  return Number.isSafeInteger(columns) && columns > 0 ? columns : undefined;
}

function outputStream(stream: NodeJS.WriteStream): OutputStream {
  const isTerminal = stream.isTTY === true;
  if (isTerminal) {
    doNotBlock(stream);
    assumeSize(stream);
    // Node.js has just read the size again.
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

/** The descriptors that were of a terminal when the process started; with nohup none is. */
const terminals = [0, 1, 2].filter((fd) => isatty(fd));
/** Some shells send SIGHUP to their jobs when they end, and the terminal goes a moment later. */
const TERMINAL_GOES_MS = 3000;

const hangupListeners = new Set<() => void>();
/** The command runs, and listens to SIGHUP if it ever does. */
let listens = false;
let isHungUp = false;

/** A terminal that goes ends what was started on it. Any other SIGHUP is the listeners', and without one it is an end. */
function onHangup(): void {
  if (endWithTerminal()) return;
  if (!listens) isHungUp = true;
  else if (hangupListeners.size > 0) {
    for (const listener of hangupListeners) listener();
    setTimeout(endWithTerminal, TERMINAL_GOES_MS).unref();
  } else if (!stop.signal.aborted) onSignal("SIGHUP");
}

function endWithTerminal(): boolean {
  const isGone = terminals.length > 0 && !terminals.some((fd) => isatty(fd));
  if (isGone && !stop.signal.aborted) onSignal("SIGHUP");
  return isGone;
}

/**
 * Once the command has returned, only a write blocked by a stalled reader keeps the process alive. A command that has
 * not returned, for instance because the network is dead, has not done its work.
 */
async function leave(): Promise<void> {
  while (unfinished.size > 0) {
    await Promise.allSettled(unfinished);
    // The command itself returns shortly after its work ends.
    await new Promise(setImmediate);
  }
  if (exitStatus === undefined) process.stderr.write("walctl: error: interrupted\n");
  process.exit(exitStatus ?? ExitCode.failed);
}
process.on("SIGINT", onSignal);
process.on("SIGTERM", onSignal);
process.on("SIGHUP", onHangup);
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
    if (signal === "SIGHUP") {
      hangupListeners.add(listener);
      return () => void hangupListeners.delete(listener);
    }
    process.on(signal, listener);
    return () => void process.off(signal, listener);
  },
};
exitStatus = await run(process.argv.slice(2), context, () => {
  listens = true;
  if (isHungUp) onHangup();
});
process.exitCode = exitStatus;
