/** wal_sender_timeout's default, used if the server has it switched off. */
const TIMEOUT_MS_DEFAULT = 60_000;

/**
 * Detects that the server is gone. If the network fails silently or the server is suspended, TCP notices after a
 * quarter of an hour, and never if nothing is in transit. It does no input or output.
 */
export class Liveness {
  readonly #patienceMs: number;
  #heardMs: number;

  /** Waits twice as long as the server itself waits for us; 0: the server waits for ever. */
  constructor(walSenderTimeoutMs: number, nowMs: number) {
    this.#patienceMs = 2 * (walSenderTimeoutMs > 0 ? walSenderTimeoutMs : TIMEOUT_MS_DEFAULT);
    this.#heardMs = nowMs;
  }

  /** Something was received, or nothing could be read until now. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** `silent`: ask the server for a reply, since it may have no reason of its own to send anything. */
  verdict(nowMs: number): "alive" | "silent" | "gone" {
    const silenceMs = nowMs - this.#heardMs;
    if (silenceMs > this.#patienceMs) return "gone";
    return silenceMs > this.#patienceMs / 3 ? "silent" : "alive";
  }
}
