import { closeSync, fsync, fsyncSync, openSync, writeSync } from "node:fs";
import { promisify } from "node:util";
import { WalctlError } from "../errors.ts";
import { type Sink, sinkError } from "./sink.ts";

/** Rows of a database are nobody else's business. */
const MODE_OWNER_ONLY = 0o600;

/** A file that is written at its end only: a write is done when it returns, and durable after sync(). */
export class AppendFile implements Sink {
  readonly #path: string;
  #fd: number;
  #dirty = false;

  /** @throws WalctlError when it cannot be opened */
  constructor(path: string, flags: "a" | "w" = "a") {
    this.#path = path;
    this.#fd = openForAppend(path, flags);
  }

  write(bytes: Uint8Array): undefined {
    this.#dirty = true;
    for (let at = 0; at < bytes.length;) {
      try {
        at += writeSync(this.#fd, bytes, at);
      } catch (error) {
        throw sinkError(error);
      }
    }
    return undefined;
  }

  sync(): Promise<void> | undefined {
    if (!this.#dirty) return undefined;
    this.#dirty = false;
    return promisify(fsync)(this.#fd).catch((error: unknown) => {
      throw sinkError(error);
    });
  }

  /** Goes on in a new file of the same name, after what has been written is durable in the old one. */
  reopen(): void {
    fsyncSync(this.#fd);
    const old = this.#fd;
    this.#fd = openForAppend(this.#path, "a");
    this.#dirty = false;
    closeSync(old);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function openForAppend(path: string, flags: "a" | "w"): number {
  try {
    return openSync(path, flags, MODE_OWNER_ONLY);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new WalctlError(`could not open "${path}" for writing (${code ?? "unknown error"})`, {
      cause,
    });
  }
}
