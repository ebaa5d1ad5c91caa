import { type Stats, closeSync, constants, fstatSync, openSync, statSync } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { WriteStream, isatty } from "node:tty";
import { setTimeout as delay } from "node:timers/promises";
import { openError } from "./file/append-file.ts";
import { type Sink, sinkOf } from "./sink.ts";

/** How often to try again to open a FIFO without a reader. */
const READER_POLL_MS = 50;

/** The descriptors that a process starts with, and their streams. */
export type StandardStreams = ReadonlyMap<number, Writable>;

/**
 * Opens a path that may keep a writer waiting: a FIFO, a terminal, or a standard stream by its name (/dev/stdout).
 * Undefined for a file, a path that does not exist yet, or a device that accepts everything at once.
 * @throws WalctlError if it cannot be opened
 */
export function openStreamOutput(
  path: string,
  standard: StandardStreams,
  stop: AbortSignal,
): Sink | undefined {
  const stats = statsOf(path);
  if (stats === undefined || stats.isFile()) return undefined;
  const terminal = stats.isCharacterDevice() && isTerminal(path);
  if (!terminal && !stats.isFIFO() && !stats.isSocket()) return undefined;
  for (const [fd, stream] of standard) {
    if (isSame(stats, fstatSync(fd))) return sinkOf(stream);
  }
  if (terminal) return sinkOf(new WriteStream(openWriting(path)));
  return stats.isFIFO() ? new FifoSink(path, stop) : undefined;
}

/** Opening a FIFO blocks until it has a reader. Here only the first write waits for one, and blocks nothing else. */
class FifoSink implements Sink {
  readonly #path: string;
  readonly #stop: AbortSignal;
  #sink: Sink | undefined;
  #opening: Promise<Sink> | undefined;

  /** Waits for no reader after `stop`. */
  constructor(path: string, stop: AbortSignal) {
    this.#path = path;
    this.#stop = stop;
    this.#sink = openFifo(path);
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#sink !== undefined) return this.#sink.write(bytes);
    this.#opening ??= this.#awaitReader();
    return this.#opening.then((sink) => sink.write(bytes));
  }

  sync(): undefined {
    return undefined;
  }

  end(): void {
    this.#sink?.end?.();
  }

  async #awaitReader(): Promise<Sink> {
    while (!this.#stop.aborted) {
      this.#sink = openFifo(this.#path);
      if (this.#sink !== undefined) return this.#sink;
      await delay(READER_POLL_MS, undefined, { signal: this.#stop }).catch(() => {});
    }
    // The write neither succeeds nor fails.
    return await new Promise(() => {});
  }
}

/** Undefined if it has no reader yet. */
function openFifo(path: string): Sink | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENXIO") return undefined;
    throw openError(path, error);
  }
  const socket = new Socket({ fd, readable: false, writable: true });
  // The write's callback gets the error too.
  socket.on("error", () => {});
  return sinkOf(socket);
}

function openWriting(path: string): number {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NOCTTY);
  } catch (error) {
    throw openError(path, error);
  }
}

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw openError(path, error);
  }
}

function isTerminal(path: string): boolean {
  const fd = openWriting(path);
  try {
    return isatty(fd);
  } finally {
    closeSync(fd);
  }
}

function isSame(a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}
