/* -o FILE: appended to, made durable, rotated, and read by the next process, so that FILE and slot agree. */

import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  openSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { WalctlError } from "../../errors.ts";
import { type Sink, sinkError, writeAll } from "../sink.ts";
import { lastingIdentity } from "./same-file.ts";
import { syncFolder } from "./sync-folder.ts";

/** Only the owner may read rows of a database. */
const MODE_OWNER_ONLY = 0o600;
/** O_NONBLOCK: if a FIFO has taken the file's place, opening it must not wait for a reader. */
const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NONBLOCK;
/** After a rename, how long to wait for SIGHUP before the warning. */
const RENAMED_PATIENCE_MS = 10_000;

/**
 * A file that is only appended to: a write is done when it returns, and durable after sync(). sync() fails if the file
 * was deleted or truncated meanwhile: bytes that only an unlinked inode holds must not count as written.
 */
export class AppendFile implements Sink {
  readonly #path: string;
  #fd: number;
  /** False for a device, which stores nothing: fsync would fail there (EINVAL). */
  #durable: boolean;
  /** Bytes written since the last sync. */
  #dirty = 0;
  #renamedSince: number | undefined;
  readonly #onRenamed: () => void;
  #syncing: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  /**
   * @param onRenamed called once if lines are still written to a file that was renamed
   * @throws WalctlError if it cannot be opened
   */
  constructor(path: string, onRenamed: () => void = () => {}) {
    this.#path = path;
    this.#onRenamed = onRenamed;
    this.#fd = openForAppend(path);
    this.#durable = isFile(this.#fd);
  }

  /** Whether it is a file, which stores what is written. */
  get durable(): boolean {
    return this.#durable;
  }

  /** By which the next process recognises the file if it has been renamed. */
  get identity(): string | undefined {
    return lastingIdentity(this.#fd);
  }

  write(bytes: Uint8Array): undefined {
    this.#dirty += bytes.length;
    return writeAll(this.#fd, bytes, `"${this.#path}"`);
  }

  sync(): Promise<void> | undefined {
    // After a failure the kernel may have dropped bytes that it could not write, and the next fsync would succeed all
    // the same.
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#dirty === 0 || !this.#durable) return undefined;
    const [fd, written] = [this.#fd, this.#dirty];
    this.#dirty = 0;
    this.#syncing = promisify(fsync)(fd)
      .then(() => {
        this.#requireKept(fd, written);
        if (fd === this.#fd) this.#lookForName(fd);
      })
      .catch((error: unknown) => this.#fail(error));
    return this.#syncing;
  }

  /**
   * Continues in a new file of the same name, after what was written is durable in the old one.
   * @param between called then, before the new file exists
   * @throws WalctlError if no new file can be opened: it then continues in the old one
   */
  reopen(between: () => void = () => {}): void {
    const old = this.#fd;
    try {
      if (this.#durable) fsyncSync(old);
      if (this.#durable && this.#dirty > 0) this.#requireKept(old, this.#dirty);
    } catch (error) {
      this.#fail(error);
    }
    between();
    const next = openForAppend(this.#path);
    this.#fd = next;
    this.#durable = isFile(next);
    this.#dirty = 0;
    this.#renamedSince = undefined;
    // The descriptor must stay open while a thread may still be about to sync it: another file could get its number.
    const close = (): void => closeSync(old);
    void this.#syncing.then(close, close);
  }

  /**
   * Removes the file's content.
   * @throws WalctlError if that fails
   */
  empty(): void {
    // A device has no content to remove, and truncating it fails (EINVAL).
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

  /** Checks that what was written since the last sync is still there, under some name. */
  #requireKept(fd: number, written: number): void {
    const { nlink, size } = fstatSync(fd);
    // Some file systems do not count links.
    const deleted = nlink === 0 && !this.#isNamed(fd);
    const what = deleted ? "deleted" : size < written ? "truncated" : undefined;
    if (what === undefined) return;
    throw new WalctlError(`"${this.#path}" was ${what} while it was being written`, {
      detail: "What was written since the last acknowledgement is not acknowledged.",
      hint: "Start again: it comes again. To rotate the file, rename it and send SIGHUP.",
    });
  }

  #lookForName(fd: number): void {
    const now = performance.now();
    if (this.#isNamed(fd)) {
      this.#renamedSince = undefined;
      return;
    }
    this.#renamedSince ??= now;
    if (now - this.#renamedSince < RENAMED_PATIENCE_MS) return;
    this.#renamedSince = Infinity;
    this.#onRenamed();
  }

  /** Whether the path still leads to the open file. */
  #isNamed(fd: number): boolean {
    const named = statSync(this.#path, { throwIfNoEntry: false });
    const { ino, dev } = fstatSync(fd);
    return named?.ino === ino && named.dev === dev;
  }

  #fail(error: unknown): never {
    this.#failure = this.#errorOf(error);
    throw this.#failure;
  }

  #errorOf(error: unknown): Error {
    if (error instanceof WalctlError) return error;
    return sinkError(error, `"${this.#path}"`);
  }
}

function isFile(fd: number): boolean {
  return fstatSync(fd).isFile();
}

function openForAppend(path: string): number {
  try {
    const fd = openSync(path, APPEND, MODE_OWNER_ONLY);
    const stats = fstatSync(fd);
    if (stats.isFIFO()) {
      closeSync(fd);
      throw Object.assign(new Error("a FIFO"), { code: "it is a FIFO now" });
    }
    if (stats.isFile()) syncFolder(dirname(path));
    return fd;
  } catch (cause) {
    throw openError(path, cause);
  }
}

export function openError(path: string, cause: unknown): WalctlError {
  const { code } = cause as NodeJS.ErrnoException;
  return new WalctlError(`could not open "${path}" for writing (${code ?? "unknown error"})`, {
    cause,
  });
}
