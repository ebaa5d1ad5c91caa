/*
 * Where bytes go, and the truth about it: a write is done when the other side has it, not before.
 * Way in: sinkOf() for a stream, file/append-file.ts for FILE.
 */

import { closeSync, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { devNull } from "node:os";
import type { Writable } from "node:stream";
import { WalctlError } from "../errors.ts";

/** Where rendered bytes go, and the truth about when they have got there. One write at a time. */
export interface Sink {
  /**
   * Undefined: written. Else a promise of it: until it is fulfilled the bytes must stay as they are
   * and nothing else be written.
   * @throws ReaderGone (also as a rejection) when nobody will read any more; WalctlError on other failures
   */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** Makes durable what has been written. Undefined: it is, or there is no such thing. */
  sync(): Promise<void> | undefined;
  /** The reader of a pipe finds its end. Nothing may be written after it. */
  end?(): void;
}

const STANDARD_OUTPUT = 1;

/** The reader of the pipe has closed it. That is its goodbye, not an error: `| head` does it. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";
}

/** Standard output, or what else is open already. To a file a stream would only be a detour. */
export function sinkOf(stream: Writable): Sink {
  const fd = fileDescriptorOf(stream);
  if (fd === undefined) return new StreamSink(stream);
  return { write: (bytes) => writeAll(fd, bytes), sync: () => undefined };
}

/** Its descriptor, if it is a file or a device such as /dev/null. Undefined: a pipe or a terminal, which are sockets in Node.js. */
export function fileDescriptorOf(stream: Writable): number | undefined {
  return stream instanceof Socket ? undefined : (stream as { readonly fd?: number }).fd;
}

/** @throws ReaderGone (of a FIFO); WalctlError, that `what` could not be written */
export function writeAll(fd: number, bytes: Uint8Array, what?: string): undefined {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      throw sinkError(error, what);
    }
  }
  return undefined;
}

/**
 * A pipe or a terminal. A write is done when the kernel has taken all of it:
 * from a pipe the reader may yet lose what it has not read (64 KiB on Linux).
 */
class StreamSink implements Sink {
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    let settled = false;
    let failure: Error | null | undefined;
    let settle: (() => void) | undefined;
    this.#stream.write(bytes, (error) => {
      settled = true;
      failure = error;
      settle?.();
    });
    // The kernel took all of it, though the callback comes only in the next tick: no need to wait.
    if (this.#stream.writableLength === 0 && !this.#stream.errored && !this.#stream.destroyed) {
      return undefined;
    }
    return new Promise((resolve, reject) => {
      settle = () => {
        if (failure) reject(sinkError(failure));
        else resolve();
      };
      if (settled) settle();
    });
  }

  sync(): undefined {
    return undefined;
  }

  end(): void {
    const { fd, isTTY } = this.#stream as { readonly fd?: number; readonly isTTY?: boolean };
    if (isTTY === true) return;
    if (fd === undefined) this.#stream.destroy();
    if (fd !== STANDARD_OUTPUT) return;
    // Node.js never closes a standard stream. What is opened next must not get its number.
    closeSync(fd);
    openSync(devNull, "w");
  }
}

/** `what` could not be written, for the message. */
export function sinkError(cause: unknown, what = "the output"): Error {
  const { code } = cause as NodeJS.ErrnoException;
  switch (code) {
    case "EPIPE":
    case "ECONNRESET":
    case "ERR_STREAM_DESTROYED":
      return new ReaderGone();
    case "ENOSPC":
      return new WalctlError(`could not write ${what}: no space left on the device`, { cause });
    default:
      return new WalctlError(`could not write ${what} (${code ?? "unknown error"})`, { cause });
  }
}
