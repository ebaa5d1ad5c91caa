import { readSync } from "node:fs";
import { type OnReadOpts, Socket, type SocketConstructorOpts } from "node:net";
import { nap } from "./read-pace.ts";

/** Reading a megabyte at once would also save calls, but exceeds the processor's cache. */
const READ_BYTES = 256 * 1024;

/** How many reads one turn makes before signals and timers run. */
const TURN_READS = 8;

/**
 * Takes the bytes of a read: a view that is valid until the call returns, or as long as the socket is paused. It may be
 * called several times in a tick. Returns for how many milliseconds more data should gather before the next read; 0 if
 * there is no load, or so much that waiting is not worthwhile.
 */
type Receiver = (bytes: Buffer) => number;

/**
 * A socket that reads into one buffer of its own: Node.js would allocate 64 KiB for each read, and the walsender sends
 * rows one by one. pg keeps the bytes that it gets, so 'data' is emitted with copies until a receiver takes over.
 *
 * Under load it is read in turns, not on events. For a socket that epoll watches, the kernel notifies epoll for each
 * message that the server sends, under two locks and on the server's time, even if nobody waits.
 */
export class WalSocket extends Socket {
  receiver: Receiver | undefined;
  readonly #buffer: Buffer;
  /** The socket's descriptor while it is read in turns and the event loop does not watch it. */
  #fd: number | undefined;
  #turnDue = false;
  /** Whether pause() was called last, while Socket itself does not know. */
  #halted = false;

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    // The published types have it only for connect(), which pg calls.
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

  /** The bytes read are at the buffer's beginning. */
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
    // Only one read: the poll after this turn removes the socket from epoll.
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

  /** Ends the turns: an event then reports data, or the end. */
  #watch(): void {
    this.#fd = undefined;
    super.resume();
  }

  /** Reads without waiting. Returns the number of bytes. */
  #readNow(fd: number): number {
    try {
      return readSync(fd, this.#buffer);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") this.destroy(error as Error);
      return 0;
    }
  }
}

/** Node.js has no public name for it. Undefined if sockets are not files. */
function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as { readonly _handle: { fd?: number } | null };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}
