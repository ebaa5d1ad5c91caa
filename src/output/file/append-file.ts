/*
 * -o FILE: appended, made durable, rotated, and read back by the next process so that FILE and slot agree.
 */

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
import { syncFolder } from "./sync-folder.ts";

/** Only the owner may read the rows of a database. */
const MODE_OWNER_ONLY = 0o600;
/** A FIFO that has taken the file's place would wait for its reader. */
const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NONBLOCK;
/** How long after a rename the warning waits for SIGHUP. */
const RENAMED_PATIENCE_MS = 10_000;

/**
 * A file that is written at its end only: a write is done when it returns, and durable after sync(). That fails when
 * the file was deleted or truncated meanwhile: what only an unlinked inode holds must not pass for written.
 */
export class AppendFile implements Sink {
  readonly #path: string;
  #fd: number;
  /** A device keeps nothing: there fsync is an error (EINVAL). */
  #durable: boolean;
  /** Bytes written since the last sync. */
  #dirty = 0;
  #renamedSince: number | undefined;
  readonly #onRenamed: () => void;
  #syncing: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  /**
   * @param onRenamed called once, when lines go on into a file that has another name by now
   * @throws WalctlError when it cannot be opened
   */
  constructor(path: string, onRenamed: () => void = () => {}) {
    this.#path = path;
    this.#onRenamed = onRenamed;
    this.#fd = openForAppend(path);
    this.#durable = isFile(this.#fd);
  }

  /** It is a file, which keeps what is written. */
  get durable(): boolean {
    return this.#durable;
  }

  write(bytes: Uint8Array): undefined {
    this.#dirty += bytes.length;
    return writeAll(this.#fd, bytes, `"${this.#path}"`);
  }

  sync(): Promise<void> | undefined {
    // After a failure the kernel may have dropped what it could not write, and the next fsync say that all is well.
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
   * Goes on in a new file of the same name, after what has been written is durable in the old one.
   * @param between called then, and before there is a new one
   * @throws WalctlError when there can be no new one: then it goes on in the old one
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
    // Its number must not be another file's while a thread may still be about to sync it.
    const close = (): void => closeSync(old);
    void this.#syncing.then(close, close);
  }

  /**
   * Throws away what is in it.
   * @throws WalctlError when that cannot be
   */
  empty(): void {
    // A device holds nothing to remove: to truncate it is an error (EINVAL).
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

  /** What was written since the last sync is still there, under some name. */
  #requireKept(fd: number, written: number): void {
    const { nlink, size } = fstatSync(fd);
    // Some file systems count no links.
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

  /** The path still leads to it. */
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
