import type {
  CommitPrepared,
  Prepare,
  RollbackPrepared,
  StreamAbort,
  StreamCommit,
  StreamPrepare,
  StreamStart,
} from "../../postgres/messages/messages.ts";
import type { PgTime } from "../../pg-time.ts";
import { assertNever } from "../../assert.ts";
import type { Palette } from "../terminal/painted.ts";
import { type Hidden, Tally } from "./tally.ts";
import * as say from "./fate-parts.ts";
import type { Parts } from "./transaction.ts";

/** A message about the end of a transaction, or its PREPARE, after its changes. */
export type Fate = StreamCommit | StreamAbort | StreamPrepare | CommitPrepared | RollbackPrepared;

/** The time of the decision; null if the server does not send it. */
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

/** A server has at most as many as it has connections and max_prepared_transactions. */
const TRANSACTIONS_MAX = 10_000;

/** Remembers streamed and prepared transactions until their end is known. */
export class Fates {
  readonly #streamed = new Map<number, Tally>();
  readonly #prepareTimes = new Map<string, PgTime>();

  /** Returns the counts that the new block continues. */
  tallyOf({ transaction, firstSegment }: StreamStart): Tally {
    const known = firstSegment ? undefined : this.#streamed.get(transaction.xid);
    const tally = known ?? new Tally();
    remember(this.#streamed, transaction.xid, tally);
    return tally;
  }

  prepared({ gid, prepareTime }: Prepare | StreamPrepare): void {
    remember(this.#prepareTimes, gid, prepareTime);
  }

  /** Returns what to print about it, and the counts of the changes that were not shown. */
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

  /** Counts of changes that were not shown, for transactions whose end has not arrived. */
  pending(): readonly { xid: number; hidden: readonly Hidden[] }[] {
    const tallies = [...this.#streamed].map(([xid, tally]) => ({ xid, hidden: tally.hidden() }));
    return tallies.filter(({ hidden }) => hidden.length > 0);
  }

  /**
   * If the whole transaction was rolled back, its counts are dropped. If a subtransaction was, they stay and are too
   * high.
   */
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

/** Adds an entry. If there are too many, it drops the oldest: their ends were filtered out or lost. */
function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.set(key, value);
  if (map.size <= TRANSACTIONS_MAX) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
