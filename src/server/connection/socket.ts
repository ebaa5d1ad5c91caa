import { readSync } from "node:fs";
import { type OnReadOpts, Socket, type SocketConstructorOpts } from "node:net";
import { nap } from "./read-pace.ts";

/** A megabyte a read would save calls too, but leaves the processor's cache. */
const READ_BYTES = 256 * 1024;

/** In one turn, before signals and timers have theirs. */
const TURN_READS = 8;

/**
 * Takes what was read, a view until the call returns, or as long as the socket is paused; several times in a tick. Tells for
 * how many milliseconds more should gather before the next read; 0 is no load, or so much of it that none should wait.
 */
type Receiver = (bytes: Buffer) => number;

/**
 * A socket that reads into one buffer of its own: Node.js would allocate 64 KiB for each read, and the walsender sends
 * rows one by one. pg keeps what it is given, so 'data' is emitted with copies, until a receiver takes over.
 *
 * Under load it is read by turns, not by events: of a socket that epoll watches, the kernel tells epoll at each message
 * that the server sends, under two locks and on the server's time, whether anybody waits or not.
 */
export class WalSocket extends Socket {
  receiver: Receiver | undefined;
  readonly #buffer: Buffer;
  /** The socket's descriptor while it is read by turns and the event loop does not watch it. */
  #fd: number | undefined;
  #turnDue = false;
  /** What pause() and resume() said last, where Socket itself is not told. */
  #halted = false;

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    // Its types have it only for connect(), which is pg's to call.
    const options: SocketConstructorOpts & { readonly onread: OnReadOpts } = {
      onread: {
        buffer,
        callback: (length) => {
          const napMs = this.#give(length);
          if (napMs > 0 && !this.#halted && !this.destroyed) this.#takeTurns(napMs);
          return true;
        },
      },
    };
    super(options);
    this.#buffer = buffer;
  }

  override pause(): this {
    this.#halted = true;
    return this.#fd === undefined ? super.pause() : this;
  }

  override resume(): this {
    this.#halted = false;
    if (this.#fd === undefined) return super.resume();
    this.#nextTurn(TURN_READS);
    return this;
  }

  /** What was read lies at the buffer's beginning. */
  #give(length: number): number {
    const bytes = this.#buffer.subarray(0, length);
    if (this.receiver !== undefined) return this.receiver(bytes);
    this.emit("data", Buffer.from(bytes));
    return 0;
  }

  #takeTurns(napMs: number): void {
    nap(napMs);
    this.#fd = descriptorOf(this);
    if (this.#fd === undefined) return;
    super.pause();
    // One read: it is the poll behind this turn that takes the socket from epoll.
    this.#nextTurn(1);
  }

  #nextTurn(reads: number): void {
    if (this.#turnDue) return;
    this.#turnDue = true;
    setImmediate(() => this.#turn(reads));
  }

  #turn(reads: number): void {
    this.#turnDue = false;
    for (let left = reads; left > 0; left--) {
      if (this.#fd === undefined || this.#halted || this.destroyed) return;
      const length = this.#readNow(this.#fd);
      if (length === 0) return this.#watch();
      const napMs = this.#give(length);
      if (!this.#halted) nap(napMs);
    }
    this.#nextTurn(TURN_READS);
  }

  /** No more turns: an event tells when something is there, or that nothing more will come. */
  #watch(): void {
    this.#fd = undefined;
    super.resume();
  }

  /** Without waiting. Returns how many bytes there were. */
  #readNow(fd: number): number {
    try {
      return readSync(fd, this.#buffer);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") this.destroy(error as Error);
      return 0;
    }
  }
}

/** Node.js has no other name for it. Undefined where sockets are no files. */
function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as { readonly _handle: { fd?: number } | null };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}
