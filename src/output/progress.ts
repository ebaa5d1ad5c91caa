import type { Writable } from "node:stream";

/** One line that says what the program waits for. */
export interface Progress {
  show(text: string): void;
  clear(): void;
}

export const NO_PROGRESS: Progress = { show: () => {}, clear: () => {} };

/** Those that have something to show. */
const shown = new Set<Spinner>();

/** Somebody types on the terminal meanwhile. */
export async function withoutSpinner<Result>(work: () => Promise<Result>): Promise<Result> {
  const cleared = [...shown].map((spinner) => ({ spinner, text: spinner.text ?? "" }));
  for (const { spinner } of cleared) spinner.clear();
  try {
    return await work();
  } finally {
    for (const { spinner, text } of cleared) spinner.show(text);
  }
}

/** A spinner, for a terminal only: it would clutter a log. ora is loaded when there is something to show. */
export class Spinner implements Progress {
  readonly #stream: Writable;
  #wanted: string | undefined;
  #spinner: import("ora").Ora | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  get text(): string | undefined {
    return this.#wanted;
  }

  show(text: string): void {
    shown.add(this);
    const loading = this.#wanted !== undefined;
    this.#wanted = text;
    if (this.#spinner !== undefined) this.#spinner.start(text);
    else if (!loading) void this.#load();
  }

  clear(): void {
    shown.delete(this);
    this.#wanted = undefined;
    this.#spinner?.stop();
  }

  async #load(): Promise<void> {
    const { default: ora } = await import("ora");
    // ora must not read standard input (walctl handles Ctrl-C) nor hide the cursor of a program that may be killed.
    this.#spinner ??= ora({
      stream: this.#stream as NodeJS.WriteStream,
      discardStdin: false,
      hideCursor: false,
      // No colour of ora's is readable on every background.
      color: false,
    });
    if (this.#wanted !== undefined) this.#spinner.start(this.#wanted);
  }
}
