/** A server that answers as a script says, and keeps what it was sent. */
import { once } from "node:events";
import { type AddressInfo, type Socket, createServer } from "node:net";

export interface HostileServer {
  readonly port: number;
  /** All bytes of all clients. */
  readonly received: Buffer;
  close(): Promise<void>;
}

/** The script is run for each connection, and gets what the client sends next each time that it asks. */
export async function startHostileServer(
  script: (socket: Socket, next: () => Promise<Buffer>) => Promise<void>,
): Promise<HostileServer> {
  const sockets = new Set<Socket>();
  const received: Buffer[] = [];
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    const waiting: Buffer[] = [];
    let wake = (): void => {};
    socket.on("data", (chunk: Buffer) => {
      received.push(chunk);
      waiting.push(chunk);
      wake();
    });
    socket.on("close", () => wake());
    const next = async (): Promise<Buffer> => {
      if (waiting.length === 0 && !socket.destroyed)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      return waiting.shift() ?? Buffer.alloc(0);
    };
    script(socket, next).catch(() => socket.destroy());
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    port: (listener.address() as AddressInfo).port,
    get received() {
      return Buffer.concat(received);
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}
