import { formatLsn } from "../../lsn.ts";
import type {
  CommitPrepared,
  RollbackPrepared,
  StreamAbort,
  StreamCommit,
  StreamPrepare,
} from "../../pgoutput/messages.ts";
import type { PgTime } from "../../pg-time.ts";
import type { Palette } from "../terminal/painted.ts";
import { formatDuration } from "./numbers.ts";
import type { Tally } from "./tally.ts";
import { countParts, formatTime, part, type Parts, quoted, xidOf } from "./transaction.ts";

/** `tally`: of all its blocks. Undefined: the first of them was not seen. */
export function streamCommitParts(
  message: StreamCommit,
  tally: Tally | undefined,
  palette: Palette,
): Parts {
  return [
    part(`✔ COMMIT ${xidOf(message.transaction)}`, palette.committed),
    ...tallyParts(tally),
    part(formatTime(message.commitTime)),
    part(`commit ${formatLsn(message.commitLsn)}`),
  ];
}

/** A subtransaction's changes alone are void when it is one that was rolled back: the others may yet commit. */
export function streamAbortParts(message: StreamAbort, palette: Palette): Parts {
  const { transaction, subxid, abortTime, abortLsn } = message;
  const when = [
    ...(abortTime === null ? [] : [part(formatTime(abortTime))]),
    ...(abortLsn === null ? [] : [part(`abort ${formatLsn(abortLsn)}`)]),
  ];
  if (subxid === transaction.xid) {
    return [
      part(`✘ ROLLBACK ${xidOf(transaction)}`, palette.aborted),
      part("all its changes are void"),
      ...when,
    ];
  }
  return [
    part(`✘ ROLLBACK subtransaction xid ${subxid} of ${xidOf(transaction)}`, palette.aborted),
    part("voids its changes only"),
    ...when,
  ];
}

export function streamPrepareParts(
  message: StreamPrepare,
  tally: Tally | undefined,
  palette: Palette,
): Parts {
  return [
    part(`… PREPARE ${quoted(message.gid)}`, palette.pending),
    part(xidOf(message.transaction)),
    ...tallyParts(tally),
    part(formatTime(message.prepareTime)),
    part(`prepare ${formatLsn(message.prepareLsn)}`),
    part("still pending"),
  ];
}

/** `prepareTime`: undefined where it was not seen. */
export function commitPreparedParts(
  message: CommitPrepared,
  prepareTime: PgTime | undefined,
  palette: Palette,
): Parts {
  return [
    part(`✔ COMMIT PREPARED ${quoted(message.gid)}`, palette.committed),
    part(xidOf(message.transaction)),
    ...pendingParts(prepareTime, message.commitTime),
    part(formatTime(message.commitTime)),
    part(`commit ${formatLsn(message.commitLsn)}`),
  ];
}

export function rollbackPreparedParts(message: RollbackPrepared, palette: Palette): Parts {
  return [
    part(`✘ ROLLBACK PREPARED ${quoted(message.gid)}`, palette.aborted),
    part(xidOf(message.transaction)),
    part("all its changes are void"),
    ...pendingParts(message.prepareTime, message.rollbackTime),
    part(formatTime(message.rollbackTime)),
  ];
}

/** Of a stream whose end has not come. */
export function pendingStreamParts(xid: number, palette: Palette): Parts {
  return [part(`… PENDING xid ${xid}`, palette.pending), part("may yet be rolled back")];
}

/** What a subtransaction took back has been counted too: only how many there were in the end is not known. */
function tallyParts(tally: Tally | undefined): Parts {
  if (tally === undefined) return [];
  const rolledBack = tally.partlyRolledBack ? [part("some of them rolled back")] : [];
  return [...countParts(tally.counts), ...rolledBack];
}

function pendingParts(from: PgTime | undefined, to: PgTime): Parts {
  return from === undefined ? [] : [part(`pending for ${formatDuration(from, to)}`)];
}
