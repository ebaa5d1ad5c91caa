import { closeSync, fstatSync, fsync, fsyncSync, ftruncateSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { WalctlError } from "../errors.ts";
import { type Sink, sinkError, writeAll } from "./sink.ts";

/** Rows of a database are nobody else's business. */
const MODE_OWNER_ONLY = 0o600;

/** A file that is written at its end only: a write is done when it returns, and durable after sync(). */
export class AppendFile implements Sink {
  readonly #path: string;
  #fd: number;
  /** A FIFO or a device keeps nothing: there fsync is an error (EINVAL). */
  #durable: boolean;
  #dirty = false;
  #syncing: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  /** @throws WalctlError when it cannot be opened */
  constructor(path: string) {
    this.#path = path;
    this.#fd = openForAppend(path);
    this.#durable = isFile(this.#fd);
  }

  write(bytes: Uint8Array): undefined {
    this.#dirty = true;
    return writeAll(this.#fd, bytes, `"${this.#path}"`);
  }

  sync(): Promise<void> | undefined {
    // After a failure the kernel may have dropped what it could not write, and the next fsync say that all is well.
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (!this.#dirty || !this.#durable) return undefined;
    this.#dirty = false;
    this.#syncing = promisify(fsync)(this.#fd).catch((error: unknown) => this.#fail(error));
    return this.#syncing;
  }

  /**
   * Goes on in a new file of the same name, after what has been written is durable in the old one.
   * @throws WalctlError when there can be no new one: then it goes on in the old one
   */
  reopen(): void {
    const next = openForAppend(this.#path);
    const old = this.#fd;
    try {
      if (this.#durable) fsyncSync(old);
    } catch (error) {
      closeSync(next);
      this.#fail(error);
    }
    this.#fd = next;
    this.#durable = isFile(next);
    this.#dirty = false;
    // Its number must not be another file's while a thread may still be about to sync it.
    const close = (): void => closeSync(old);
    void this.#syncing.then(close, close);
  }

  /**
   * Throws away what is in it.
   * @throws WalctlError when that cannot be
   */
  empty(): void {
    // Of a FIFO or a device there is nothing to throw away: it would be an error (EINVAL).
    if (!this.#durable) return;
    try {
      ftruncateSync(this.#fd);
    } catch (error) {
      throw this.#errorOf(error);
    }
  }

  close(): void {
    const close = (): void => closeSync(this.#fd);
    void this.#syncing.then(close, close);
  }

  #fail(error: unknown): never {
    this.#failure = this.#errorOf(error);
    throw this.#failure;
  }

  #errorOf(error: unknown): Error {
    return sinkError(error, `"${this.#path}"`);
  }
}

function isFile(fd: number): boolean {
  return fstatSync(fd).isFile();
}

function openForAppend(path: string): number {
  try {
    const fd = openSync(path, "a", MODE_OWNER_ONLY);
    if (isFile(fd)) syncFolder(dirname(path));
    return fd;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new WalctlError(`could not open "${path}" for writing (${code ?? "unknown error"})`, {
      cause,
    });
  }
}

/** So that a new file is still there after a power cut. Not everywhere may or can one do that. */
function syncFolder(path: string): void {
  try {
    const fd = openSync(path, "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // The file's own fsync is what counts.
  }
}
