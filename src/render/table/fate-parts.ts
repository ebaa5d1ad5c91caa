import type {
  CommitPrepared,
  RollbackPrepared,
  StreamAbort,
  StreamPrepare,
} from "../../pgoutput/messages.ts";
import type { PgTime } from "../../pg-time.ts";
import type { Palette } from "../terminal/painted.ts";
import { formatDuration } from "../cells/numbers.ts";
import type { Tally } from "./tally.ts";
import { countParts, part, type Parts, quoted } from "./transaction.ts";

/** `tally`: of all its blocks. Undefined: the first of them was not seen. */
export function streamCommitParts(tally: Tally | undefined, palette: Palette): Parts {
  return [part(`${palette.glyphs.done} COMMIT`, palette.committed), ...tallyParts(tally, palette)];
}

/** A subtransaction's changes alone are void when it is one that was rolled back: the others may yet commit. */
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

/** `prepareTime`: undefined where it was not seen. */
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

/** Of a stream whose end has not come. */
export function pendingStreamParts({ glyphs, pending }: Palette): Parts {
  return [part(`${glyphs.ellipsis} PENDING`, pending), part("may yet be rolled back")];
}

/** What a subtransaction took back has been counted too: only how many there were in the end is not known. */
function tallyParts(tally: Tally | undefined, palette: Palette): Parts {
  if (tally === undefined) return [];
  const rolledBack = tally.partlyRolledBack ? [part("some of them rolled back")] : [];
  return [...countParts(tally.counts, palette), ...rolledBack];
}

function pendingParts(from: PgTime | undefined, to: PgTime, { glyphs }: Palette): Parts {
  return from === undefined ? [] : [part(`pending for ${formatDuration(from, to, glyphs.micro)}`)];
}
