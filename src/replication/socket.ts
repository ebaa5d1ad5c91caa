import { type OnReadOpts, Socket, type SocketConstructorOpts } from "node:net";

/** A megabyte a read would save calls too, but leaves the processor's cache. */
const READ_BYTES = 256 * 1024;

type Receiver = (bytes: Buffer) => void;

/**
 * A socket that reads into one buffer of its own: Node.js would allocate 64 KiB for each read, and the walsender sends
 * rows one by one. pg keeps what it is given, so 'data' is emitted with copies, until a receiver takes over.
 */
export class WalSocket extends Socket {
  /** Gets views of what is read, each until the call returns, or as long as the socket is paused. */
  receiver: Receiver | undefined;

  constructor() {
    // Its types have it only for connect(), which is pg's to call.
    const options: SocketConstructorOpts & { readonly onread: OnReadOpts } = {
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (length, buffer) => {
          this.#take(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          return true;
        },
      },
    };
    super(options);
  }

  #take(bytes: Buffer): void {
    if (this.receiver === undefined) this.emit("data", Buffer.from(bytes));
    else this.receiver(bytes);
  }
}
