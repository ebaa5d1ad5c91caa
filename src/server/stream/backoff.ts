const FIRST_DELAY_MS = 100;
const DELAY_MAX_MS = 5000;

/** The wait before the next attempt: 0.1 s, doubling to 5 s, with jitter so that clients do not connect at once. */
export class Backoff {
  readonly #random: () => number;
  #delayMs = FIRST_DELAY_MS;

  /** `random` has to behave like Math.random. */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  nextMs(): number {
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(delayMs * 2, DELAY_MAX_MS);
    return Math.round(delayMs * (0.75 + this.#random() / 2));
  }

  reset(): void {
    this.#delayMs = FIRST_DELAY_MS;
  }
}
