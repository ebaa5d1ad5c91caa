import { INVALID_LSN, type Lsn, formatLsn } from "../../lsn.ts";
import { type PgTime, unixMsFromPgTime } from "../../pg-time.ts";
import type { OtherMessage } from "../../pgoutput/messages.ts";
import type { Anchor, Gap } from "./continuity.ts";

/**
 * A server that was restored from an older state and has written WAL since looks the same by its identifier, timeline
 * and position. So the stream starts at the last commit that was passed on, and this checks that the server repeats
 * that commit before anything else ends.
 */
export class AnchorCheck {
  readonly #anchor: Anchor;
  readonly #gap: Gap | undefined;
  #pending = true;

  /** @param gap the gap if the server does not repeat that commit; undefined: its log is a different one */
  constructor(anchor: Anchor, gap?: Gap) {
    this.#anchor = anchor;
    this.#gap = gap;
  }

  /** Nothing may be confirmed until the log is known to be the same. */
  get pending(): boolean {
    return this.#pending;
  }

  /** The check does not apply: the stream starts elsewhere than planned. */
  drop(): void {
    this.#pending = false;
  }

  /** Takes each message that is not a row, in order. */
  message(message: OtherMessage): Gap | undefined {
    if (!this.#pending) return undefined;
    switch (message.kind) {
      case "begin":
        return this.#end(message.finalLsn, message.transaction?.xid, message.commitTime);
      case "stream_commit":
        return this.#end(message.commitLsn, message.transaction.xid, message.commitTime);
      case "begin_prepare":
        return this.#end(message.prepareLsn, message.transaction.xid, message.prepareTime);
      case "stream_prepare":
        return this.#beyond(message.prepareLsn);
      case "commit_prepared":
        return this.#beyond(message.commitLsn);
      case "message":
        return message.transactional ? undefined : this.#beyond(message.messageLsn);
      default:
        return undefined;
    }
  }

  /** Takes a keepalive outside of transactions: the server has read its log up to `walEnd`. */
  keepalive(walEnd: Lsn): Gap | undefined {
    return this.#pending && walEnd >= this.#anchor.endLsn ? this.#mismatch() : undefined;
  }

  #end(commitLsn: Lsn, xid: number | undefined, time: PgTime): Gap | undefined {
    if (commitLsn !== this.#anchor.commitLsn) return this.#beyond(commitLsn);
    if (xid !== this.#anchor.xid || unixMsFromPgTime(time) !== this.#anchor.commitUnixMs)
      return this.#mismatch();
    this.#pending = false;
    return undefined;
  }

  #beyond(lsn: Lsn): Gap | undefined {
    return lsn > this.#anchor.commitLsn ? this.#mismatch() : undefined;
  }

  #mismatch(): Gap {
    const { xid, commitLsn } = this.#anchor;
    this.#pending = false;
    if (this.#gap !== undefined) return this.#gap;
    return {
      what: `the server's log is not the one that was received: transaction ${xid}, which committed at ${formatLsn(commitLsn)}, is not in it`,
      detail:
        "The server has been restored from an older state and has written on since, or it is another one. What it has written instead has not been received.",
      from: INVALID_LSN,
    };
  }
}
