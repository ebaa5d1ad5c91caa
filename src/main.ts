/**
 * The process edge: the only file that touches `process`. Everything else is handed what
 * it needs in a CommandContext and answers with an exit status.
 */
import type { CommandContext, OutputStream } from "./commands/context.ts";
import { run } from "./cli.ts";

/** How long an answered signal may take before a reader that stalls is left behind. */
const STOP_GRACE_MS = 900;

function outputStream(stream: NodeJS.WriteStream): OutputStream {
  return {
    stream,
    isTerminal: stream.isTTY === true,
    width: () => (stream.isTTY === true ? stream.columns : undefined),
  };
}

const stop = new AbortController();
let exitStatus: number | undefined;

function onSignal(signal: NodeJS.Signals): void {
  if (stop.signal.aborted) process.exit(signal === "SIGINT" ? 130 : 143);
  stop.abort(signal);
  // A write that a stalled reader blocks would keep the process alive for as long as it stalls.
  setTimeout(() => process.exit(exitStatus ?? 0), STOP_GRACE_MS).unref();
}
process.on("SIGINT", onSignal);
process.on("SIGTERM", onSignal);
// A reader that closes the pipe says goodbye with EPIPE: the sink hears of it in the write's
// callback; without a listener the same error would also end the process here.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

const context: CommandContext = {
  stdin: process.stdin,
  stdout: outputStream(process.stdout),
  stderr: outputStream(process.stderr),
  env: process.env,
  stop: stop.signal,
  onSignal: (signal, listener) => {
    process.on(signal, listener);
    return () => void process.off(signal, listener);
  },
};
exitStatus = await run(process.argv.slice(2), context);
process.exitCode = exitStatus;
