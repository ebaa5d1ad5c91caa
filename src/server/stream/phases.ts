/**
 * Where an attempt to stream is.
 * `connecting`: it connects, finds or creates publication and slot, and chooses where to start.
 * `starting`: START_REPLICATION is sent.
 * `proving`: the server has to repeat the anchor, a commit that was received before. Nothing is confirmed.
 * `streaming`: messages are passed on, written and confirmed.
 * `leaving`: nothing more is passed on. The last write, its sync, the last status, CopyDone.
 * `waiting`: for the server, the slot, the standby or the reader; then there is another attempt.
 * `ended`: there is none.
 */
export type Phase =
  | "connecting"
  | "starting"
  | "proving"
  | "streaming"
  | "leaving"
  | "waiting"
  | "ended";

/** Phase → the phases that can follow it. ARCHITECTURE.md shows this table. */
export const FOLLOWING: Readonly<Record<Phase, readonly Phase[]>> = {
  connecting: ["starting", "waiting", "ended"],
  starting: ["proving", "streaming", "leaving"],
  proving: ["streaming", "leaving"],
  streaming: ["leaving"],
  leaving: ["waiting", "ended"],
  waiting: [],
  ended: [],
};

/** The phase of one attempt. */
export class Phases {
  #at: Phase = "connecting";

  get at(): Phase {
    return this.#at;
  }

  /** What is received is passed on. */
  get isOpen(): boolean {
    return this.#at === "streaming" || this.#at === "proving" || this.#at === "starting";
  }

  enter(next: Phase): void {
    if (!FOLLOWING[this.#at].includes(next)) throw new Error(`no phase ${next} after ${this.#at}`);
    this.#at = next;
  }

  /** From now on nothing is passed on. */
  leave(): void {
    if (this.isOpen) this.enter("leaving");
  }
}
