import type { Client } from "pg";
import { connectBeside } from "../connection/connect.ts";
import { execute } from "../query/statement.ts";
import { describeTransaction, readBlockers } from "./open-transactions.ts";
import type { ConnectionTarget } from "../target/target.ts";

export interface SlotSteps {
  /** How long the server may wait for each running transaction; 0: without limit. */
  readonly lockTimeoutMs: number;
  /** Ends the wait; no unfinished slot is left behind. */
  readonly stop: AbortSignal;
  /** Called when the sessions that the server waits for change. */
  readonly onWaiting: (text: string) => void;
}

const SILENCE_MS = 1_000;
const POLL_MS = 1_000;

/**
 * Watches a walsender that creates a slot and therefore waits for the transactions that were open before. It sends its
 * client nothing meanwhile, so a second connection queries which sessions it waits for. That connection is opened only
 * for a long wait and closed right after it: an idle one would delay a smart shutdown.
 */
export class SlotWait {
  readonly #target: ConnectionTarget;
  readonly #pid: number;
  readonly #steps: SlotSteps;
  readonly #over = new AbortController();
  #watching: Promise<void> = Promise.resolve();
  #waitedFor: string | undefined;
  #blockers = "";

  constructor(target: ConnectionTarget, pid: number, steps: SlotSteps) {
    this.#target = target;
    this.#pid = pid;
    this.#steps = steps;
  }

  /** The sessions that the server last waited for, as text. */
  get waitedFor(): string | undefined {
    return this.#waitedFor;
  }

  begin(): void {
    this.#watching = this.#watch();
  }

  /** Call it when the server has answered. */
  async end(): Promise<void> {
    this.#over.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { stop, lockTimeoutMs } = this.#steps;
    const silence = lockTimeoutMs > 0 ? Math.min(SILENCE_MS, lockTimeoutMs / 2) : SILENCE_MS;
    await this.#pause(silence);
    if (this.#over.signal.aborted) return;
    let watcher: Client | undefined;
    try {
      watcher = await connectBeside(this.#target, "ordinary");
      while (!this.#over.signal.aborted) {
        if (stop.aborted) {
          // The server would notice that its client is gone only after the wait.
          await execute(watcher, `SELECT pg_cancel_backend(${this.#pid})`, "cancel");
          return;
        }
        const found = await readBlockers(watcher, this.#pid);
        // Their ages change all the time.
        const blockers = found.map(({ pid, gid }) => gid ?? pid).join();
        if (found.length > 0 && blockers !== this.#blockers) {
          this.#blockers = blockers;
          this.#report(found.map(describeTransaction).join(", "));
        }
        await this.#pause(POLL_MS);
      }
    } catch {
      // The server may not accept a second connection. lock_timeout still ends the wait.
      this.#report("transactions that were open before it");
    } finally {
      await watcher?.end().catch(() => {});
    }
  }

  #report(text: string): void {
    if (this.#over.signal.aborted) return;
    this.#waitedFor = text;
    this.#steps.onWaiting(text);
  }

  /** Returns early when the wait ends or the user stops it. */
  #pause(ms: number): Promise<void> {
    const signals = [this.#over.signal, this.#steps.stop];
    if (signals.some((signal) => signal.aborted)) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        for (const signal of signals) signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      for (const signal of signals) signal.addEventListener("abort", done);
    });
  }
}
