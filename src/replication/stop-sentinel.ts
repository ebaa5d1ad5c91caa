import type { Client } from "pg";
import { connectBeside } from "./connect.ts";
import type { ConnectionTarget } from "./target.ts";

/** A write that takes longer than this is a stall. */
const STALL_MS = 1000;
/** After a failed attempt, another one. */
const RETRY_MS = 5000;

/**
 * Notices that the server wants to stop while the stream's socket is not read, since a reader stalls. The
 * server would wait for us to receive all that it has sent; an idle replication connection beside the stream
 * is sent away at once (57P01), in a fast and in a smart stop. It is open only during a stall.
 */
export class StopSentinel {
  readonly #target: ConnectionTarget;
  readonly #onStop: () => void;
  #timer: NodeJS.Timeout | undefined;
  #client: Client | undefined;
  /** Counts the stalls: a connection that is ready only after its stall is over is not wanted. */
  #stall = 0;
  #watching = false;

  /** `onStop` is called when the server sends the sentinel away. */
  constructor(target: ConnectionTarget, onStop: () => void) {
    this.#target = target;
    this.#onStop = onStop;
  }

  /** A write has begun that is not done yet. */
  watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    const stall = ++this.#stall;
    this.#timer = setTimeout(() => void this.#open(stall), STALL_MS);
  }

  /** The write is done. */
  rest(): void {
    this.#watching = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) void client.end().catch(() => {});
  }

  async #open(stall: number): Promise<void> {
    const wanted = (): boolean => this.#watching && this.#stall === stall;
    try {
      const client = await connectBeside(this.#target, "logical");
      if (!wanted()) return await client.end();
      this.#client = client;
      client.once("end", () => {
        // Not when it was rest() that ended it.
        if (this.#client === client) this.#onStop();
      });
    } catch {
      // No place for one more walsender, say: the stream goes on without a sentinel.
      if (wanted()) this.#timer = setTimeout(() => void this.#open(stall), RETRY_MS);
    }
  }
}
