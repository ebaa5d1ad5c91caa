import type { Lsn } from "../../lsn.ts";
import { readCurrentLsn } from "../../server/start/position.ts";
import type { ConnectionTarget } from "../../server/target/target.ts";
import { withConnection } from "../connection.ts";

/** Where the server stood, and since when that is known (performance.now()). */
interface KnownPosition {
  readonly lsn: Lsn;
  readonly askedMs: number;
}

/**
 * Where the server stands. The stream does not tell: in logical decoding XLogData and keepalives hold the position
 * that the walsender has come to. So it is asked, over a connection that is closed at once: an idle one would hold up
 * a smart stop.
 */
export class ServerPosition {
  readonly #read: () => Promise<Lsn>;
  #known: KnownPosition | undefined;
  #asking: Promise<void> | undefined;
  #askedMs = -Infinity;

  constructor(target: ConnectionTarget, stop: AbortSignal) {
    this.#read = () => withConnection(target, "ordinary", stop, readCurrentLsn);
  }

  /** Undefined: it has not answered yet. */
  get known(): KnownPosition | undefined {
    return this.#known;
  }

  /** Asks, unless it was asked less than `intervalMs` ago. Without an answer, what is known stays. */
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
