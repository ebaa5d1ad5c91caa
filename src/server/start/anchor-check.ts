import { type Lsn, formatLsn } from "../../lsn.ts";
import { unixMsFromPgTime } from "../../pg-time.ts";
import type { Boundary } from "../../postgres/messages/boundary.ts";
import type { OtherMessage } from "../../postgres/messages/messages.ts";
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

  /** Takes each message that is not a row, in order. */
  message(message: OtherMessage, boundary: Boundary | undefined): Gap | undefined {
    if (!this.#pending) return undefined;
    if (boundary !== undefined) return this.#boundary(boundary);
    return message.kind === "message" && !message.transactional
      ? this.#beyond(message.messageLsn)
      : undefined;
  }

  /** Takes a keepalive outside of transactions: the server has read its log up to `walEnd`. */
  keepalive(walEnd: Lsn): Gap | undefined {
    return this.#pending && walEnd >= this.#anchor.endLsn ? this.#mismatch() : undefined;
  }

  /** A late prepare is before the anchor, and says nothing. */
  #boundary({ record, xid, time }: Boundary): Gap | undefined {
    const { commitLsn, xid: anchorXid, commitUnixMs } = this.#anchor;
    if (record !== commitLsn) return this.#beyond(record);
    if (xid !== anchorXid || time === null || unixMsFromPgTime(time) !== commitUnixMs)
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
    };
  }
}
