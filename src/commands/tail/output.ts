import { ExitCode, WalctlError } from "../../errors.ts";
import type { Lsn } from "../../lsn.ts";
import { isStandardOutputClosed } from "../../output/closed-output.ts";
import { type Sink, sinkOf } from "../../output/sink.ts";
import type { StatusLine } from "../../output/status-line.ts";
import type { TakenOver } from "../../server/start/options.ts";
import type { Mark } from "../../server/start/resume.ts";
import type { CommandContext } from "../../program/context.ts";
import type { OutputJournal } from "../../messages/pipeline/output-journal.ts";
import type { TailConfig } from "./config.ts";

export interface TailOutput {
  readonly sink: Sink;
  /** Continues in a new file of the same name, after `passed`. Undefined if the output is not a file. */
  readonly rotate: ((passed: Mark | undefined) => void) | undefined;
  /** Undefined if the output is not a file, or a device that stores nothing. */
  readonly journal: OutputJournal | undefined;
  /**
   * Call it once this process holds the slot, so that no other walctl writes FILE. Removes what is unfinished at its
   * end, and returns what FILE contains.
   */
  readonly takeOver: (oldest: Lsn) => TakenOver;
  /** Call it at each start. Warns once if the output does not show where to continue. */
  readonly started: (twoPhase: boolean) => void;
}

export const NOTHING_THERE: TakenOver = { mark: undefined, unfinished: [] };

export function toStream(sink: Sink): TailOutput {
  const [rotate, journal] = [undefined, undefined];
  return { sink, rotate, journal, takeOver: () => NOTHING_THERE, started: () => {} };
}

export function openStandardOutput(
  { acknowledge, ackFrom }: TailConfig,
  context: CommandContext,
): TailOutput {
  // With --ack-from, rows are acknowledged only when somebody has read them.
  if (acknowledge && ackFrom === undefined && isStandardOutputClosed()) throw closedError();
  return toStream(sinkOf(context.stdout.stream));
}

function closedError(): WalctlError {
  return new WalctlError("standard output is closed", {
    detail: "Rows would be acknowledged that nobody can read.",
    hint: "Give it a reader or a file. To throw the rows away: > /dev/null",
    exitCode: ExitCode.usage,
  });
}

/** Writes above the status line, which stays below the output on the same terminal. */
export function aboveLine(sink: Sink, line: StatusLine): Sink {
  return { write: (bytes) => sink.write(line.above(bytes)), sync: () => sink.sync() };
}
