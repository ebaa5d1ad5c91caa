/** Errors that the server makes for the sake of others, and that pass. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { TestServer } from "../support/server/server.ts";
import type { Fault } from "./faults.ts";

const REINDEX_MS = 1500;
const CROWD_MAX = 100;
const CROWDED_MS = 3000;

/** More replication connections until there is no place for another one. */
async function crowd({ host, port }: TestServer): Promise<readonly pg.Client[]> {
  const clients: pg.Client[] = [];
  const config: pg.ClientConfig & { replication: string } = {
    host,
    port,
    user: "postgres",
    database: "postgres",
    replication: "database",
  };
  while (clients.length < CROWD_MAX) {
    const client = new pg.Client(config);
    client.on("error", () => {});
    try {
      await client.connect();
      clients.push(client);
    } catch {
      break;
    }
  }
  return clients;
}

export const SERVER_ERROR_FAULTS: readonly Fault[] = [
  {
    name: "REINDEX of a catalogue",
    weight: 3,
    run: async ({ server }) => {
      const client = await server.connect().catch(() => undefined);
      if (client === undefined) return;
      client.on("error", () => {});
      for (const since = performance.now(); performance.now() - since < REINDEX_MS;) {
        // It may be the victim of the deadlock itself.
        await client.query("REINDEX TABLE pg_class").catch(() => sleep(10));
      }
      await client.end().catch(() => {});
    },
  },
  {
    name: "a catalogue locked for longer than the role's lock_timeout",
    weight: 2,
    run: ({ server, random, alone }, subject) =>
      alone(async () => {
        await server.sql("ALTER ROLE postgres SET lock_timeout = '100ms'");
        const client = await server.connect();
        // A walsender that decodes a large transaction may hold it for longer.
        await client.query(
          "BEGIN; SET LOCAL lock_timeout = 0; LOCK TABLE pg_publication IN ACCESS EXCLUSIVE MODE",
        );
        if (random() < 0.5) subject.proxy.cut();
        await sleep(random() * 1500);
        await client.query("COMMIT");
        await client.end();
        await server.sql("ALTER ROLE postgres RESET lock_timeout");
      }),
  },
  {
    name: "walsenders cancelled",
    weight: 3,
    run: ({ server, alone }) =>
      alone(async () => {
        await server.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_replication");
      }),
  },
  {
    name: "max_wal_senders reached",
    weight: 2,
    run: async ({ server, random }, subject) => {
      subject.stall();
      const clients = await crowd(server);
      if (random() < 0.5) subject.proxy.cut();
      await sleep(random() * CROWDED_MS);
      await Promise.all(clients.map((client) => client.end().catch(() => {})));
      subject.resume();
    },
  },
];
