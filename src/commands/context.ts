/*
 * What a command may touch of the process: streams, signals, environment. main.ts makes it, tests make their own.
 */

import type { Readable, Writable } from "node:stream";
import type { StandardStreams } from "../output/stream-output.ts";

/** A standard stream with what a command needs to know of it. */
export interface OutputStream {
  readonly stream: Writable;
  readonly isTerminal: boolean;
  /** Columns to lay text out in: those of the terminal now, unless COLUMNS says otherwise. Undefined: no limit is known. */
  width(): number | undefined;
}

/** By their descriptors. */
export function standardStreams({ stdout, stderr }: CommandContext): StandardStreams {
  return new Map([
    [1, stdout.stream],
    [2, stderr.stream],
  ]);
}

/**
 * All that a command gets from the process that runs it. Commands touch no global state,
 * so that main.ts alone knows what a process is.
 */
export interface CommandContext {
  readonly stdin: Readable;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first SIGINT or SIGTERM. A command that has not returned a second later is given up. */
  readonly stop: AbortSignal;
  /** Waits for work that would leave something behind if it were given up, unless a second signal comes. */
  readonly finishBeforeExit: <Result>(work: Promise<Result>) => Promise<Result>;
  /** Calls back for each of these signals, whose default action is suspended meanwhile; returns what ends that. */
  readonly onSignal: (signal: "SIGHUP" | "SIGUSR1", listener: () => void) => () => void;
}
