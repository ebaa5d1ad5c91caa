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

/** What was already said is said again after a minute, and then each time that it has lasted twice as long. */
const SAY_AGAIN_MS = 60_000;

/** What to say of attempts that fail again and again: each reason once, and then at growing distances. */
export class Outage {
  readonly #now: () => number;
  readonly #reasons = new Set<string>();
  #sinceMs: number | undefined;
  #nextMs = SAY_AGAIN_MS;
  #attempts = 0;

  /** `now` has to behave like performance.now. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get attempts(): number {
    return this.#attempts;
  }

  /** Call it for each failure. @returns how long it has lasted, empty at first; undefined: there is nothing new to say */
  add(reason: string): string | undefined {
    this.#attempts += 1;
    const now = this.#now();
    this.#sinceMs ??= now;
    // Positions and process ids do not make it another reason.
    const kind = reason.replaceAll(/[0-9A-F]+\/[0-9A-F]+|\d+/g, "");
    const known = this.#reasons.has(kind);
    this.#reasons.add(kind);
    const lastsMs = now - this.#sinceMs;
    if (known && lastsMs < this.#nextMs) return undefined;
    if (!known) return "";
    this.#nextMs = lastsMs * 2;
    return `${this.#attempts} attempts in ${Math.round(lastsMs / 60_000)} min have failed. `;
  }

  end(): void {
    this.#reasons.clear();
    this.#sinceMs = undefined;
    this.#nextMs = SAY_AGAIN_MS;
    this.#attempts = 0;
  }
}
