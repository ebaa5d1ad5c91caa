import { WalctlError, usageError } from "../errors.ts";
import type { Lsn } from "../lsn.ts";
import { Confirmations } from "../replication/confirmations.ts";
import type { Confirmed } from "../replication/session-options.ts";
import { FollowedLines } from "./followed-lines.ts";
import type { Reporter } from "./reporter.ts";

const POLL_MS = 50;

/**
 * `tail --ack-from PATH`: the consumer's confirmations, an end_lsn a line, from a FIFO or a file. What a file holds
 * already is from an earlier run and is passed over.
 */
export class AckSource implements Confirmed {
  readonly confirmations = new Confirmations();
  readonly #path: string;
  readonly #reporter: Reporter;
  readonly #source: FollowedLines;
  /** Why it could not be read at the last attempt. */
  #trouble: string | undefined;

  /** @throws WalctlError when PATH is there and cannot be read */
  constructor(path: string, reporter: Reporter) {
    this.#path = path;
    this.#reporter = reporter;
    try {
      this.#source = new FollowedLines(path === "-" ? "/dev/stdin" : path);
    } catch (cause) {
      const { code = "unknown error" } = cause as NodeJS.ErrnoException;
      if (code === "EISDIR") throw usageError(`--ack-from: "${path}" is a directory`);
      throw new WalctlError(`could not read "${path}" (${code})`, { cause });
    }
  }

  subscribe(onConfirmed: (lsn: Lsn) => void): () => void {
    const timer = setInterval(() => this.#poll(onConfirmed), POLL_MS);
    return () => {
      clearInterval(timer);
      this.#poll(onConfirmed);
      this.#source.close();
    };
  }

  #poll(onConfirmed: (lsn: Lsn) => void): void {
    let lines: readonly string[];
    try {
      lines = this.#source.poll();
      this.#trouble = undefined;
    } catch (error) {
      return this.#report(error as NodeJS.ErrnoException);
    }
    const refused: string[] = [];
    for (const [index, line] of lines.entries()) {
      const verdict = this.confirmations.confirm(line);
      if ("lsn" in verdict) onConfirmed(verdict.lsn);
      // Of a file that is written anew only the last line has to be new.
      else if (!verdict.stale || !this.#source.rewritten || index === lines.length - 1) {
        refused.push(`"${line.slice(0, 40)}" is refused: ${verdict.refused}`);
      }
    }
    if (refused.length > 0) this.#warnOf(refused);
  }

  #warnOf(refused: readonly string[]): void {
    const others = refused.length - 1;
    this.#reporter.warn({
      message: `the confirmation ${refused[0]}`,
      detail: others === 0 ? undefined : `${others} more were refused with it.`,
      hint: "A confirmation is the end_lsn of a commit line, and the next one is further on.",
    });
  }

  /** Once for each reason: what is there may be replaced again. */
  #report({ code = "unknown error" }: NodeJS.ErrnoException): void {
    if (code === this.#trouble) return;
    this.#trouble = code;
    this.#reporter.warn({
      message: `could not read confirmations from "${this.#path}": ${code === "EISDIR" ? "it is a directory" : code}`,
      detail: "Nothing is acknowledged until it can be read.",
    });
  }
}
