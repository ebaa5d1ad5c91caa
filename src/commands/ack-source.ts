import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { Lsn } from "../lsn.ts";
import { WalctlError, usageError } from "../errors.ts";
import { Confirmations } from "../replication/confirmations.ts";
import type { Confirmed } from "../replication/session-options.ts";
import type { Reporter } from "./reporter.ts";

const POLL_MS = 50;
/** A longer line is no LSN; what is kept of it is for the warning. */
const LINE_CHARS_MAX = 1000;

/**
 * `tail --ack-from PATH`: reads the consumer's confirmations, an end_lsn a line, from a FIFO or a file that
 * grows. What a file holds already is from an earlier run and is passed over.
 */
export class AckSource implements Confirmed {
  readonly confirmations = new Confirmations();
  readonly #path: string;
  readonly #reporter: Reporter;
  #fd: number | undefined;
  #partial = "";

  /** @throws WalctlError when PATH is there and cannot be read */
  constructor(path: string, reporter: Reporter) {
    this.#path = path;
    this.#reporter = reporter;
    this.#open(true);
  }

  subscribe(onConfirmed: (lsn: Lsn) => void): () => void {
    const timer = setInterval(() => {
      for (const line of this.#readLines()) this.#take(line, onConfirmed);
    }, POLL_MS);
    return () => {
      clearInterval(timer);
      for (const line of this.#readLines()) this.#take(line, onConfirmed);
      if (this.#fd !== undefined) closeSync(this.#fd);
    };
  }

  #take(line: string, onConfirmed: (lsn: Lsn) => void): void {
    const verdict = this.confirmations.confirm(line);
    if ("lsn" in verdict) return onConfirmed(verdict.lsn);
    this.#reporter.warn({
      message: `the confirmation "${line.slice(0, 40)}" is refused: ${verdict.refused}`,
      hint: "A confirmation is the end_lsn of a commit line, and the next one is further on.",
    });
  }

  #open(atStart: boolean): void {
    try {
      // Without O_NONBLOCK a FIFO would wait for its writer here.
      this.#fd = openSync(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
      const stats = fstatSync(this.#fd);
      if (stats.isDirectory()) throw usageError(`--ack-from: "${this.#path}" is a directory`);
      if (atStart && stats.isFile()) {
        while (this.#read() !== "");
      }
    } catch (cause) {
      if (cause instanceof WalctlError) throw cause;
      const { code } = cause as NodeJS.ErrnoException;
      // The consumer may create it later.
      if (code === "ENOENT") return;
      throw new WalctlError(`could not read "${this.#path}" (${code ?? "unknown error"})`, {
        cause,
      });
    }
  }

  #readLines(): readonly string[] {
    if (this.#fd === undefined) this.#open(false);
    const lines: string[] = [];
    for (let text = this.#read(); text !== ""; text = this.#read()) {
      const parts = (this.#partial + text).split("\n");
      this.#partial = parts.pop()?.slice(-LINE_CHARS_MAX) ?? "";
      lines.push(...parts);
    }
    return lines;
  }

  /** What is there now; empty when that is nothing. */
  #read(): string {
    if (this.#fd === undefined) return "";
    const bytes = Buffer.alloc(1 << 16);
    try {
      return bytes.toString("latin1", 0, readSync(this.#fd, bytes));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A FIFO whose writers have nothing to say.
      if (code === "EAGAIN") return "";
      throw error;
    }
  }
}
