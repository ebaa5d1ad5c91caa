/** wal_sender_timeout's default: for a server that has none. */
const TIMEOUT_MS_DEFAULT = 60_000;

/**
 * Whether the server is still there. A network that goes away without a word, or a server that was suspended,
 * would be noticed by TCP after a quarter of an hour, and with nothing under way never. It does no input or output.
 */
export class Liveness {
  readonly #patienceMs: number;
  #heardMs: number;

  /** Twice as long as the server itself would wait for us; 0: it would wait for ever. */
  constructor(walSenderTimeoutMs: number, nowMs: number) {
    this.#patienceMs = 2 * (walSenderTimeoutMs > 0 ? walSenderTimeoutMs : TIMEOUT_MS_DEFAULT);
    this.#heardMs = nowMs;
  }

  /** Something came, or nothing could be read until now. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** `silent`: it should be asked for an answer, since on its own it need not say anything. */
  verdict(nowMs: number): "alive" | "silent" | "gone" {
    const silenceMs = nowMs - this.#heardMs;
    if (silenceMs > this.#patienceMs) return "gone";
    return silenceMs > this.#patienceMs / 3 ? "silent" : "alive";
  }
}
