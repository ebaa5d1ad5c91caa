/** Closes what was opened, in reverse order. If closing one part fails, the rest is closed all the same. */
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
