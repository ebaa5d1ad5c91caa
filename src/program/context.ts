/*
 * The parts of the process that a command may use: streams, signals, environment. main.ts creates the context; tests
 * create their own.
 */

import type { Readable, Writable } from "node:stream";
import { ReaderGone, sinkOf } from "../output/sink.ts";
import type { StandardStreams } from "../output/stream-output.ts";

/** A standard stream and its properties. */
export interface OutputStream {
  readonly stream: Writable;
  readonly isTerminal: boolean;
  /** Columns for text: COLUMNS, or the current width of the terminal. Undefined: no limit. */
  width(): number | undefined;
}

/** Both streams by file descriptor. */
export function standardStreams({ stdout, stderr }: CommandContext): StandardStreams {
  return new Map([
    [1, stdout.stream],
    [2, stderr.stream],
  ]);
}

/** Everything that a command gets from its process. Commands touch no global state; only main.ts does. */
export interface CommandContext {
  readonly stdin: Readable;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first SIGINT or SIGTERM, or by a SIGHUP that nobody listens to or that comes with the end of the terminal. The process exits a second later, finished or not. */
  readonly stop: AbortSignal;
  /**
   * Makes the exit wait for work that would leave something behind if it were cut off, unless a second signal comes.
   */
  readonly finishBeforeExit: <Result>(work: Promise<Result>) => Promise<Result>;
  /**
   * Calls `listener` for each of these signals, which then do not end the process, unless the terminal has gone that it
   * was started on. Returns a function that undoes this.
   */
  readonly onSignal: (signal: "SIGHUP" | "SIGUSR1", listener: () => void) => () => void;
}

/** Writes all of a text to standard output. @throws WalctlError if that fails, but not if nobody reads it */
export async function print(
  { stdout }: Pick<CommandContext, "stdout">,
  text: string,
): Promise<void> {
  try {
    await sinkOf(stdout.stream).write(Buffer.from(text));
  } catch (error) {
    if (!(error instanceof ReaderGone)) throw error;
  }
}
