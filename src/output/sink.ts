/*
 * Writes bytes, and says truthfully when they are written: once the other side has them, not before.
 * Way in: sinkOf() for a stream, file/append-file.ts for FILE.
 */

import { closeSync, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { devNull } from "node:os";
import type { Writable } from "node:stream";
import { WalctlError } from "../errors.ts";

/** A destination for rendered bytes. One write at a time. */
export interface Sink {
  /**
   * Undefined if the bytes are written. Otherwise a promise: until it is fulfilled the bytes must not change and
   * nothing else may be written.
   * @throws ReaderGone (also as a rejection) if nobody reads any more; WalctlError on other failures
   */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** Makes durable what was written. Undefined if it is already, or durability does not apply. */
  sync(): Promise<void> | undefined;
  /** Ends the output: the reader of a pipe sees its end. Nothing may be written afterwards. */
  end?(): void;
}

const STANDARD_OUTPUT = 1;

/** The reader of the pipe has closed it. That is a normal end, not an error: `| head` does it. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";
}

/** Standard output, or another open stream. A file's descriptor is written directly: a stream would be a detour. */
export function sinkOf(stream: Writable): Sink {
  const fd = fileDescriptorOf(stream);
  if (fd === undefined) return new StreamSink(stream);
  return { write: (bytes) => writeAll(fd, bytes), sync: () => undefined };
}

/** The descriptor of a file or device. Undefined for a pipe or a terminal, which are sockets in Node.js. */
export function fileDescriptorOf(stream: Writable): number | undefined {
  return stream instanceof Socket ? undefined : (stream as { readonly fd?: number }).fd;
}

/** @throws ReaderGone for a FIFO; otherwise a WalctlError that names `what` could not be written */
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
 * A pipe or a terminal. A write is done once the kernel has taken all of it: the reader of a pipe may still lose what
 * it has not read (64 KiB on Linux).
 */
class StreamSink implements Sink {
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    let settled = false;
    let failure: Error | undefined;
    let settle: (() => void) | undefined;
    this.#stream.write(bytes, (error) => {
      settled = true;
      failure = error ?? undefined;
      settle?.();
    });
    // The kernel took all of it; the callback only comes in the next tick, so there is no need to wait.
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
    // Node.js never closes a standard stream. /dev/null takes its number, so that the next file opened does not.
    closeSync(fd);
    openSync(devNull, "w");
  }
}

/** `what`: what could not be written, for the message. */
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
