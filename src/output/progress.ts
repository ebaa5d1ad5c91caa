import type { Writable } from "node:stream";

/** One line that says what is being waited for. */
export interface Progress {
  show(text: string): void;
  clear(): void;
}

export const NO_PROGRESS: Progress = { show: () => {}, clear: () => {} };

/** A spinner, for a terminal only: in a log it would be rubbish. ora is loaded when it first has something to show. */
export class Spinner implements Progress {
  readonly #stream: Writable;
  #wanted: string | undefined;
  #spinner: import("ora").Ora | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  show(text: string): void {
    const loading = this.#wanted !== undefined;
    this.#wanted = text;
    if (this.#spinner !== undefined) this.#spinner.start(text);
    else if (!loading) void this.#load();
  }

  clear(): void {
    this.#wanted = undefined;
    this.#spinner?.stop();
  }

  async #load(): Promise<void> {
    const { default: ora } = await import("ora");
    // ora must not read standard input (Ctrl-C is ours) nor hide the cursor of a program that may be killed.
    this.#spinner ??= ora({
      stream: this.#stream as NodeJS.WriteStream,
      discardStdin: false,
      hideCursor: false,
      // None of ora's colours can be read on every background.
      color: false,
    });
    if (this.#wanted !== undefined) this.#spinner.start(this.#wanted);
  }
}
