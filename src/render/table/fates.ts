import type {
  CommitPrepared,
  Prepare,
  RollbackPrepared,
  StreamAbort,
  StreamCommit,
  StreamPrepare,
  StreamStart,
} from "../../pgoutput/messages.ts";
import type { PgTime } from "../../pg-time.ts";
import { assertNever } from "../../assert.ts";
import type { Palette } from "../terminal/painted.ts";
import { type Hidden, Tally } from "./tally.ts";
import * as say from "./fate-parts.ts";
import type { Parts } from "./transaction.ts";

/** The end, or what comes near to it, of a transaction whose changes came before. */
export type Fate = StreamCommit | StreamAbort | StreamPrepare | CommitPrepared | RollbackPrepared;

/** When it was decided. Null: the server does not say. */
export function timeOf(message: Fate): PgTime | null {
  switch (message.kind) {
    case "stream_commit":
    case "commit_prepared":
      return message.commitTime;
    case "stream_prepare":
      return message.prepareTime;
    case "stream_abort":
      return message.abortTime;
    case "rollback_prepared":
      return message.rollbackTime;
  }
}

/** A server has not more of them at a time than it has connections, and max_prepared_transactions. */
const TRANSACTIONS_MAX = 10_000;

/** What is remembered of streamed and of prepared transactions until their fate is known. */
export class Fates {
  readonly #streamed = new Map<number, Tally>();
  readonly #prepareTimes = new Map<string, PgTime>();

  /** The count that goes on with the block that begins. */
  tallyOf({ transaction, firstSegment }: StreamStart): Tally {
    const known = firstSegment ? undefined : this.#streamed.get(transaction.xid);
    const tally = known ?? new Tally();
    remember(this.#streamed, transaction.xid, tally);
    return tally;
  }

  prepared({ gid, prepareTime }: Prepare | StreamPrepare): void {
    remember(this.#prepareTimes, gid, prepareTime);
  }

  /** What there is to say of it, and what has not been shown of the transaction. */
  tell(message: Fate, palette: Palette): { parts: Parts; hidden: readonly Hidden[] } {
    const tally = this.#streamed.get(message.transaction.xid);
    const hidden = tally?.hidden() ?? [];
    switch (message.kind) {
      case "stream_commit":
        this.#streamed.delete(message.transaction.xid);
        return { parts: say.streamCommitParts(tally, palette), hidden };
      case "stream_prepare":
        this.#streamed.delete(message.transaction.xid);
        this.prepared(message);
        return { parts: say.streamPrepareParts(message, tally, palette), hidden };
      case "stream_abort":
        return { parts: say.streamAbortParts(message, palette), hidden: this.#aborted(message) };
      case "commit_prepared": {
        const prepareTime = this.#prepareTimes.get(message.gid);
        this.#prepareTimes.delete(message.gid);
        return { parts: say.commitPreparedParts(message, prepareTime, palette), hidden: [] };
      }
      case "rollback_prepared":
        this.#prepareTimes.delete(message.gid);
        return { parts: say.rollbackPreparedParts(message, palette), hidden: [] };
      default:
        return assertNever(message);
    }
  }

  /** What has not been shown of those whose fate has not come. */
  pending(): readonly { xid: number; hidden: readonly Hidden[] }[] {
    const tallies = [...this.#streamed].map(([xid, tally]) => ({ xid, hidden: tally.hidden() }));
    return tallies.filter(({ hidden }) => hidden.length > 0);
  }

  /** With all of a transaction, its count goes; a part of it leaves a count that is too high. */
  #aborted({ transaction, subxid }: StreamAbort): readonly Hidden[] {
    const tally = this.#streamed.get(transaction.xid);
    if (tally === undefined) return [];
    if (subxid !== transaction.xid) {
      tally.partlyRolledBack = true;
      return [];
    }
    this.#streamed.delete(transaction.xid);
    return tally.hidden();
  }
}

/** Forgets the oldest for it where there are too many: their ends were filtered out or lost. */
function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.set(key, value);
  if (map.size <= TRANSACTIONS_MAX) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
