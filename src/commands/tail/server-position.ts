import type { Lsn } from "../../lsn.ts";
import { readCurrentLsn } from "../../server/start/position.ts";
import type { ConnectionTarget } from "../../server/target/target.ts";
import { withConnection } from "../connection.ts";

/** The server's position, and when it was queried (performance.now()). */
interface KnownPosition {
  readonly lsn: Lsn;
  readonly askedMs: number;
}

/**
 * The server's current position. The stream does not contain it: in logical decoding XLogData and keepalives carry the
 * position that the walsender has reached. So it is queried on a separate connection, which is closed at once: an idle
 * one would delay a smart shutdown.
 */
export class ServerPosition {
  readonly #read: () => Promise<Lsn>;
  #known: KnownPosition | undefined;
  #asking: Promise<void> | undefined;
  #askedMs = -Infinity;

  constructor(target: ConnectionTarget, stop: AbortSignal) {
    this.#read = () => withConnection(target, "ordinary", stop, readCurrentLsn);
  }

  /** Undefined until the first answer. */
  get known(): KnownPosition | undefined {
    return this.#known;
  }

  /** Queries the position unless the last query is newer than `intervalMs`. Without an answer `known` stays. */
  ask(intervalMs: number): Promise<void> {
    const askedMs = performance.now();
    if (this.#asking === undefined && askedMs - this.#askedMs >= intervalMs) {
      this.#askedMs = askedMs;
      this.#asking = this.#read()
        .then((lsn) => void (this.#known = { lsn, askedMs }))
        .catch(() => {})
        .finally(() => (this.#asking = undefined));
    }
    return this.#asking ?? Promise.resolve();
  }
}
