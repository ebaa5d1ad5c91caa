import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { WalctlError, usageError } from "../../errors.ts";
import { type Lsn, formatLsn } from "../../lsn.ts";
import { Confirmations } from "../../server/delivery/confirmations.ts";
import type { Confirmed } from "../../server/start/options.ts";
import { pause } from "../../server/connection/within.ts";
import { FollowedLines } from "./followed-lines.ts";
import type { Reporter } from "../../program/reporter.ts";

const POLL_MS = 50;
/** How long tail waits, at its end, for the consumer's next confirmation. */
const LAST_WORD_MS = 5000;
/** When a file that is not there is worth a word: the consumer makes it when it has something to confirm. */
const MISSING_MS = 5000;

/**
 * `tail --ack-from PATH`: reads the consumer's confirmations, one end_lsn a line, from a FIFO or a file. What a file
 * contains at the start is from an earlier run and is skipped.
 */
export class AckSource implements Confirmed {
  readonly confirmations = new Confirmations();
  readonly #path: string;
  readonly #reporter: Reporter;
  readonly #source: FollowedLines;
  readonly #isStandardInput: boolean;
  /** Whether the end of the source needs no warning: it was expected, or reported. */
  #mayEnd = false;
  /** Since when transactions wait for the first confirmation. Undefined: none does. */
  #waitingSince: number | undefined;
  #looked = false;
  readonly #endOutput: () => Promise<void>;
  #onConfirmed: (lsn: Lsn) => void = () => {};
  /** The error code of the last attempt to read the source, if it failed. */
  #trouble: string | undefined;

  /**
   * @param endOutput writes the rest and ends the consumer's input: it may confirm only then
   * @throws WalctlError if PATH exists and cannot be read
   */
  constructor(path: string, reporter: Reporter, endOutput: () => Promise<void>) {
    this.#endOutput = endOutput;
    this.#path = path;
    this.#reporter = reporter;
    this.#isStandardInput = path === "-";
    if (!existsSync(dirname(path))) {
      throw usageError(`--ack-from: there is no folder "${dirname(path)}"`);
    }
    try {
      this.#source = new FollowedLines(
        this.#isStandardInput ? "/dev/stdin" : path,
        this.#isStandardInput,
      );
    } catch (cause) {
      const { code = "unknown error" } = cause as NodeJS.ErrnoException;
      if (code === "EISDIR") throw usageError(`--ack-from: "${path}" is a directory`);
      if (code === "ENXIO" && this.#isStandardInput) {
        throw usageError("--ack-from: standard input is a socket", "Give it a FIFO or a file.");
      }
      throw new WalctlError(`could not read "${path}" (${code})`, { cause });
    }
  }

  subscribe(onConfirmed: (lsn: Lsn) => void): () => void {
    this.#onConfirmed = onConfirmed;
    const timer = setInterval(() => this.poll(), POLL_MS);
    return () => {
      clearInterval(timer);
      this.#source.close();
    };
  }

  /** Waits until everything is confirmed, the consumer has gone, or nothing has come for five seconds. */
  async finish(stop: AbortSignal): Promise<void> {
    this.#mayEnd = true;
    await this.#endOutput();
    const { confirmations } = this;
    let { outstanding } = confirmations;
    if (outstanding > 0) this.#reporter.progress("waiting for the last confirmations");
    for (let since = performance.now(); outstanding > 0 && !stop.aborted;) {
      if (this.#source.ended || performance.now() - since > LAST_WORD_MS) return;
      await pause(POLL_MS, stop);
      if (confirmations.outstanding < outstanding) since = performance.now();
      ({ outstanding } = confirmations);
    }
  }

  /** Warns of transactions that were printed and not acknowledged: the server will send them again. */
  warnOfRest(slotPosition: Lsn): void {
    const { lastPrinted, unconfirmed } = this.confirmations;
    if (lastPrinted <= slotPosition) return;
    const what =
      unconfirmed === 0
        ? "the server could not be told of the last confirmations"
        : `${unconfirmed} transaction${unconfirmed === 1 ? " was" : "s were"} printed and not confirmed`;
    this.#reporter.warn({
      message: `${what}: what ended after ${formatLsn(slotPosition)}, up to ${formatLsn(lastPrinted)}, is sent again`,
    });
  }

  poll(): void {
    let lines: readonly string[];
    try {
      lines = this.#source.poll();
      this.#trouble = undefined;
    } catch (error) {
      return this.#report(error as NodeJS.ErrnoException);
    }
    this.#lookFor();
    if (this.#isStandardInput && this.#source.ended && !this.#mayEnd) {
      this.#mayEnd = true;
      this.#reporter.warn({
        message: "standard input has ended: nothing more can be confirmed",
        detail: "The slot stays where it is, and retains WAL.",
      });
    }
    const refused: string[] = [];
    for (const [index, line] of lines.entries()) {
      const verdict = this.confirmations.confirm(line);
      if ("lsn" in verdict) this.#onConfirmed(verdict.lsn);
      // A rewritten file may repeat old lines: only its last line must be new.
      else if (!verdict.stale || !this.#source.rewritten || index === lines.length - 1) {
        refused.push(`"${line.slice(0, 40)}" is refused: ${verdict.refused}`);
      }
    }
    if (refused.length > 0) this.#warnOf(refused);
  }

  /** Warns once of a file that the consumer does not make, or under another name. */
  #lookFor(): void {
    if (this.#looked || this.confirmations.outstanding === 0) return;
    const since = (this.#waitingSince ??= performance.now());
    if (performance.now() - since < MISSING_MS) return;
    this.#looked = true;
    if (this.#isStandardInput || existsSync(this.#path)) return;
    this.#reporter.warn({
      message: `"${this.#path}" is not there (--ack-from)`,
      detail: "Nothing is acknowledged until the consumer writes its confirmations to it.",
    });
  }

  #warnOf(refused: readonly string[]): void {
    const others = refused.length - 1;
    this.#reporter.warn({
      message: `the confirmation ${refused[0]}`,
      detail: others === 0 ? undefined : `${others} more were refused with it.`,
      hint: "A confirmation is the end_lsn of a commit line, and the next one is further on.",
    });
  }

  /** Warns once for each reason and continues: the file may be replaced again. */
  #report({ code = "unknown error" }: NodeJS.ErrnoException): void {
    if (code === this.#trouble) return;
    this.#trouble = code;
    this.#reporter.warn({
      message: `could not read confirmations from "${this.#path}": ${code === "EISDIR" ? "it is a directory" : code}`,
      detail: "Nothing is acknowledged until it can be read.",
    });
  }
}
