import { readSync } from "node:fs";
import { type OnReadOpts, Socket, type SocketConstructorOpts } from "node:net";
import { nap } from "./read-pace.ts";

/** A megabyte a read would save calls too, but leaves the processor's cache. */
const READ_BYTES = 256 * 1024;

/** In one turn, before signals and timers have theirs. The first turn has one: it is the poll behind it that takes the socket from epoll. */
const TURN_READS = 8;

/**
 * Takes what was read, a view until the call returns, or as long as the socket is paused. Tells for how many milliseconds
 * more should gather before the next read; 0 is no load, or so much of it that none should wait.
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
  /** The event loop does not watch the socket. */
  #byTurns = false;
  /** What pause() and resume() said last, where Socket itself is not told. */
  #halted = false;

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    // Its types have it only for connect(), which is pg's to call.
    const options: SocketConstructorOpts & { readonly onread: OnReadOpts } = {
      onread: {
        buffer,
        callback: (length) => {
          this.#take(buffer.subarray(0, length));
          return true;
        },
      },
    };
    super(options);
    this.#buffer = buffer;
  }

  override pause(): this {
    this.#halted = true;
    return this.#byTurns ? this : super.pause();
  }

  override resume(): this {
    this.#halted = false;
    if (!this.#byTurns) return super.resume();
    this.#nextTurn(1);
    return this;
  }

  #take(bytes: Buffer): void {
    if (this.receiver === undefined) {
      this.emit("data", Buffer.from(bytes));
      return;
    }
    const napMs = this.receiver(bytes);
    if (napMs === 0 || this.#halted || this.destroyed) return;
    nap(napMs);
    if (this.#descriptor() === undefined) return;
    super.pause();
    this.#byTurns = true;
    this.#nextTurn(1);
  }

  #nextTurn(reads: number): void {
    setImmediate(() => this.#turn(reads));
  }

  #turn(reads: number): void {
    for (let left = reads; left > 0; left--) {
      if (!this.#byTurns || this.#halted || this.destroyed) return;
      const length = this.#readNow();
      const napMs = length > 0 ? this.receiver?.(this.#buffer.subarray(0, length)) : 0;
      if (this.#halted) return;
      if (length === 0 || napMs === undefined) return this.#watch();
      if (napMs > 0) nap(napMs);
    }
    this.#nextTurn(TURN_READS);
  }

  /** No more turns: an event tells when something is there, or that nothing more will come. */
  #watch(): void {
    this.#byTurns = false;
    super.resume();
  }

  /** Without waiting. Returns how many bytes there were. */
  #readNow(): number {
    try {
      return readSync(this.#descriptor() ?? -1, this.#buffer);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") this.destroy(error as Error);
      return 0;
    }
  }

  /** Node.js has no other name for it. Undefined where sockets are no files. */
  #descriptor(): number | undefined {
    const { _handle: handle } = this as unknown as { readonly _handle: { fd?: number } | null };
    return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
  }
}
