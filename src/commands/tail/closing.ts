/** What has been opened is closed in the opposite order; what cannot be closed holds up none of the rest. */
export class Closing {
  readonly #closes: Array<() => void> = [];

  add(close: () => void): void {
    this.#closes.push(close);
  }

  close(): void {
    const close = this.#closes.pop();
    if (close === undefined) return;
    try {
      close();
    } finally {
      this.close();
    }
  }
}
