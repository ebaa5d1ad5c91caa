/**
 * A pooler through which ordinary sessions go, as doctor meets one: it tells its clients a process id of its own
 * making, and has no use for the startup parameter `replication`.
 */
import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import type { TestServer } from "./server.ts";

const BACKEND_KEY_DATA = 0x4b;
const REPLICATION = "replication\0database\0";

export interface SessionPooler {
  readonly port: number;
  close(): Promise<void>;
}

/** Towards the server it goes over TCP, so that the server can tell its address. `refuses`: answers with 08P01. */
export async function startSessionPooler(
  server: TestServer,
  refuses: boolean,
): Promise<SessionPooler> {
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const upstream = connect(server.port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
    }
    client.once("data", (startup: Buffer) => {
      const at = startup.indexOf(REPLICATION);
      if (refuses && at >= 0) {
        client.end(errorResponse("08P01", "unsupported startup parameter: replication"));
        upstream.destroy();
        return;
      }
      upstream.write(at < 0 ? startup : without(startup, at));
      client.pipe(upstream);
    });
    upstream.once("data", (answer: Buffer) => {
      client.write(withOtherKey(answer));
      upstream.pipe(client);
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  return {
    port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}

function without(startup: Buffer, at: number): Buffer {
  const rest = Buffer.concat([startup.subarray(0, at), startup.subarray(at + REPLICATION.length)]);
  rest.writeInt32BE(rest.length, 0);
  return rest;
}

/** With trust authentication the first answer holds all up to ReadyForQuery. */
function withOtherKey(answer: Buffer): Buffer {
  const copy = Buffer.from(answer);
  for (let at = 0; at + 5 <= copy.length; at += 1 + copy.readInt32BE(at + 1)) {
    if (copy[at] === BACKEND_KEY_DATA) copy.writeInt32BE(1, at + 5);
  }
  return copy;
}

function errorResponse(code: string, message: string): Buffer {
  const body = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.from("E\0\0\0\0");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
