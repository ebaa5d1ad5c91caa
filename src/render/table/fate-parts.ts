import type {
  CommitPrepared,
  RollbackPrepared,
  StreamAbort,
  StreamPrepare,
} from "../../postgres/messages/messages.ts";
import type { PgTime } from "../../pg-time.ts";
import type { Palette } from "../terminal/painted.ts";
import { formatDuration } from "../cells/numbers.ts";
import type { Tally } from "./tally.ts";
import { countParts, part, type Parts, quoted } from "./transaction.ts";

/** @param tally the counts of all its blocks; undefined if the first block was not seen */
export function streamCommitParts(tally: Tally | undefined, palette: Palette): Parts {
  return [part(`${palette.glyphs.done} COMMIT`, palette.committed), ...tallyParts(tally, palette)];
}

/** If a subtransaction was rolled back, only its own changes are void: the rest may still commit. */
export function streamAbortParts({ transaction, subxid }: StreamAbort, palette: Palette): Parts {
  const { failed } = palette.glyphs;
  if (subxid === transaction.xid) {
    return [part(`${failed} ROLLBACK`, palette.aborted), part("all its changes are void")];
  }
  const what = `${failed} ROLLBACK of subtransaction xid ${subxid}`;
  return [part(what, palette.aborted), part("voids its changes only")];
}

export function streamPrepareParts(
  message: StreamPrepare,
  tally: Tally | undefined,
  palette: Palette,
): Parts {
  return [
    part(`${palette.glyphs.ellipsis} PREPARED ${quoted(message.gid)}`, palette.pending),
    ...tallyParts(tally, palette),
    part("may yet be rolled back"),
  ];
}

/** @param prepareTime undefined if PREPARE was not seen */
export function commitPreparedParts(
  message: CommitPrepared,
  prepareTime: PgTime | undefined,
  palette: Palette,
): Parts {
  return [
    part(`${palette.glyphs.done} COMMIT PREPARED ${quoted(message.gid)}`, palette.committed),
    ...pendingParts(prepareTime, message.commitTime, palette),
  ];
}

export function rollbackPreparedParts(message: RollbackPrepared, palette: Palette): Parts {
  return [
    part(`${palette.glyphs.failed} ROLLBACK PREPARED ${quoted(message.gid)}`, palette.aborted),
    part("all its changes are void"),
    ...pendingParts(message.prepareTime, message.rollbackTime, palette),
  ];
}

/** For a stream whose end has not arrived. */
export function pendingStreamParts({ glyphs, pending }: Palette): Parts {
  return [part(`${glyphs.ellipsis} PENDING`, pending), part("may yet be rolled back")];
}

/** Changes of a rolled-back subtransaction were counted too, so the final number is unknown. */
function tallyParts(tally: Tally | undefined, palette: Palette): Parts {
  if (tally === undefined) return [];
  const rolledBack = tally.partlyRolledBack ? [part("some of them rolled back")] : [];
  return [...countParts(tally.counts, palette), ...rolledBack];
}

function pendingParts(from: PgTime | undefined, to: PgTime, { glyphs }: Palette): Parts {
  return from === undefined ? [] : [part(`pending for ${formatDuration(from, to, glyphs.micro)}`)];
}
