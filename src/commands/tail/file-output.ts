import { WalctlError } from "../../errors.ts";
import type { Lsn } from "../../lsn.ts";
import { AppendFile } from "../../output/file/append-file.ts";
import { readFileState } from "../../output/file/file-state.ts";
import { requireOwnOutput, requireWholeLines } from "../../output/file/recovery.ts";
import { isDescriptorName } from "../../output/file/same-file.ts";
import { readStreamedLines } from "../../output/file/streamed-lines.ts";
import { openStreamOutput } from "../../output/stream-output.ts";
import type { PrintedPart } from "../../postgres/messages/boundary.ts";
import type { MessageKind } from "../../postgres/messages/messages.ts";
import type { PgoutputOptions } from "../../server/settings/pgoutput-options.ts";
import type { TakenOver } from "../../server/start/options.ts";
import { type CommandContext, standardStreams } from "../../program/context.ts";
import type { MessageFilter } from "../../messages/filter/filter.ts";
import { OutputJournal, type OutputTaken } from "../../messages/pipeline/output-journal.ts";
import type { Reporter, Warning } from "../../program/reporter.ts";
import type { TailConfig } from "./config.ts";
import { NOTHING_THERE, type TailOutput, toStream } from "./output.ts";

/** The lines without which FILE does not show where a transaction ends, and which blocks belong to it. */
const ENDS: readonly MessageKind[] = ["begin", "commit"];
const STREAMED: readonly MessageKind[] = [
  "stream_start",
  "stream_stop",
  "stream_commit",
  "stream_abort",
];
const PREPARED: readonly MessageKind[] = ["begin_prepare", "prepare"];

function neededLines(streaming: boolean, twoPhase: boolean): readonly MessageKind[] {
  const needed = [...ENDS, ...(streaming ? STREAMED : []), ...(twoPhase ? PREPARED : [])];
  return streaming && twoPhase ? [...needed, "stream_prepare"] : needed;
}

/**
 * Opens the output for --output: a FIFO or another stream, otherwise FILE for appending. FILE is cut behind its last
 * whole transaction, so that FILE and slot together contain every change once, whenever this process or the one before
 * it was killed. FILE is cut only once this process holds the slot: a second tail, started by mistake or waiting for the
 * slot, must not cut what the first one writes.
 */
export function openFileOutput(
  path: string,
  config: TailConfig,
  acceptsKind: MessageFilter["acceptsKind"],
  context: CommandContext,
  reporter: Reporter,
): TailOutput {
  const { pgoutput, ackFrom } = config;
  const stream = openStreamOutput(path, standardStreams(context), context.stop);
  if (stream !== undefined) return toStream(stream);
  const streaming = pgoutput.streaming !== "off";
  const leftOutOf = (twoPhase: boolean): MessageKind | undefined =>
    neededLines(streaming, twoPhase).find((kind) => !acceptsKind(kind));
  let warned = false;
  const warnOfLeftOut = (twoPhase: boolean): void => {
    const leftOut = leftOutOf(twoPhase);
    if (warned || leftOut === undefined) return;
    warned = true;
    reporter.warn({
      message: `${config.filter.acceptsKind(leftOut) ? "--where" : "--only"} leaves out ${leftOut}, so the file does not show where to continue`,
      detail: "After a crash lines may be there twice.",
    });
  };
  warnOfLeftOut(pgoutput.twoPhase);
  const alone = isDescriptorName(path);
  requireOwnOutput(path);
  if (!alone) readFileState(path);
  const file = new AppendFile(path, () => reporter.warn(renamedWarning(path)));
  const journal = file.durable
    ? new OutputJournal(
        {
          path,
          streaming,
          alone,
          request: describeRequest(pgoutput),
          database: config.target.database,
          ackFrom: ackFrom !== undefined,
          showsEnds: (twoPhase) => leftOutOf(twoPhase || pgoutput.twoPhase) === undefined,
          identity: () => file.identity,
        },
        reporter,
      )
    : undefined;
  return {
    sink: file,
    rotate: (passed) => {
      try {
        requireWholeLines(path);
        file.reopen(() => {
          if (passed !== undefined) journal?.rotate(passed);
        });
        reporter.event(`opened "${path}" again (SIGHUP)`);
      } catch (error) {
        // SIGHUP asked for this, so no caller would catch the error. Without a new file nothing is lost.
        if (!(error instanceof WalctlError)) throw error;
        reporter.warn({ message: error.message, detail: "walctl keeps writing to the old file." });
      }
      if (passed !== undefined) journal?.reopened();
    },
    journal,
    takeOver: (oldest) => (journal === undefined ? NOTHING_THERE : takeOver(journal, oldest)),
    started: warnOfLeftOut,
  };
}

function renamedWarning(path: string): Warning {
  return {
    message: `"${path}" is another file by now, or none`,
    detail: "Lines still go into the renamed file.",
    hint: "SIGHUP makes tail go on in a new file of that name.",
  };
}

function takeOver(journal: OutputJournal, oldest: Lsn): TakenOver {
  const { mark, blocks } = journal.takeOver();
  // Even without --streaming: the previous run may have used it.
  return { mark, unfinished: noted(blocks, oldest, journal) };
}

function* noted(
  blocks: OutputTaken["blocks"],
  oldest: Lsn,
  journal: OutputJournal,
): Generator<PrintedPart> {
  for (const { path, from } of blocks) {
    for (const line of readStreamedLines(path, oldest, from)) {
      journal.noteBlock(line);
      yield line;
    }
  }
}

/** The options that decide which transactions the server sends. */
function describeRequest({ publications, origin, messages, twoPhase }: PgoutputOptions): string {
  return JSON.stringify({ publications: publications.toSorted(), origin, messages, twoPhase });
}
