import { assertNever } from "../../assert.ts";
import { INVALID_LSN, type Lsn } from "../../lsn.ts";
import type { StreamedLine } from "../../output/file/streamed-lines.ts";
import type { PgTime } from "../../pg-time.ts";
import type { PgoutputMessage, WalPosition } from "../../pgoutput/messages.ts";

const NO_POSITION: WalPosition = { high: 0, low: 0 };
const NOTHING = new Uint8Array();
const LOW_BITS = 32;

/** What was printed, as messages: with their place in the log and their transaction, which tell what repeats them. */
export function* messagesOfLines(lines: Iterable<StreamedLine>): Generator<PgoutputMessage> {
  for (const line of lines) yield messageOf(line);
}

function messageOf(line: StreamedLine): PgoutputMessage {
  const transaction = { xid: line.xid, commitTime: null };
  switch (line.kind) {
    case "start":
      return { kind: "stream_start", position: NO_POSITION, transaction, firstSegment: false };
    case "stop":
      return { kind: "stream_stop", position: NO_POSITION, transaction };
    case "change":
      // What kind of change it was is all one: of a message the least has to be said.
      return {
        kind: "message",
        position: positionOf(line.lsn),
        transaction,
        transactional: true,
        messageLsn: line.lsn,
        prefix: "",
        content: NOTHING,
      };
    case "abort":
      return {
        kind: "stream_abort",
        position: NO_POSITION,
        transaction,
        subxid: line.subxid,
        abortLsn: null,
        abortTime: null,
      };
    case "end":
      return {
        kind: "commit",
        position: NO_POSITION,
        transaction,
        commitLsn: line.lsn,
        endLsn: INVALID_LSN,
        commitTime: 0n as PgTime,
      };
    default:
      return assertNever(line);
  }
}

function positionOf(lsn: Lsn): WalPosition {
  return { high: Number(lsn >> BigInt(LOW_BITS)), low: Number(BigInt.asUintN(LOW_BITS, lsn)) };
}
