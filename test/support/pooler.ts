/**
 * What stands in the place of connection poolers that do not speak replication. The one place where a fake
 * is right: those poolers are no longer to be had (PgBouncer lets replication through since 1.23).
 */
import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import type { TestServer } from "./server.ts";

export interface Pooler {
  /** libpq's environment for a program that is to go through it. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** PgBouncer before 1.23: `unsupported startup parameter: replication`. */
export async function startRefusingPooler(): Promise<Pooler> {
  return await listen((client) => {
    client.once("data", () => {
      const fields = ["SFATAL", "C08P01", "Munsupported startup parameter: replication", ""];
      const body = Buffer.from(`${fields.join("\0")}\0`);
      const head = Buffer.from("E\0\0\0\0");
      head.writeInt32BE(4 + body.length, 1);
      client.end(Buffer.concat([head, body]));
    });
  });
}

/** Others drop the parameter, so that an ordinary session answers. */
export async function startForgettingPooler(server: TestServer): Promise<Pooler> {
  return await listen((client) => {
    const upstream = connect(`${server.host}/.s.PGSQL.${server.port}`);
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.once("data", (startup: Buffer) => {
      upstream.write(withoutReplication(startup));
      client.pipe(upstream);
    });
    upstream.pipe(client);
    upstream.once("close", () => client.destroy());
  });
}

function withoutReplication(startup: Buffer): Buffer {
  const text = startup.toString("latin1").replace("replication\0database\0", "");
  const shorter = Buffer.from(text, "latin1");
  shorter.writeInt32BE(shorter.length, 0);
  return shorter;
}

async function listen(serve: (client: Socket) => void): Promise<Pooler> {
  const sockets = new Set<Socket>();
  const listener: Server = createServer((client) => {
    sockets.add(client);
    client.on("error", () => {});
    serve(client);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  return {
    env: { PGHOST: "127.0.0.1", PGPORT: String(port), PGSSLMODE: "disable" },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, "close").catch(() => {});
    },
  };
}
