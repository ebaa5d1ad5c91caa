/** A person who can be asked for the password. Copies of a target share one, and the answer. */
export class PasswordPrompt {
  readonly #ask: (question: string) => Promise<string>;
  /** --password: ask before connecting. */
  readonly first: boolean;
  #asking: Promise<string> | undefined;
  #given: string | undefined;
  /** A server has asked for a password, and there was none. */
  wanted = false;

  constructor(first: boolean, ask: (question: string) => Promise<string>) {
    this.first = first;
    this.#ask = ask;
  }

  get given(): string | undefined {
    return this.#given;
  }

  async ask(user: string): Promise<void> {
    this.#asking ??= this.#ask(`Password for user ${user}: `);
    this.#given = await this.#asking;
  }
}
