/** A day in a small shop that shows one of each thing that logical decoding can send. */
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { PostgresServer } from "./server.ts";

export const PUBLICATION = "shop";
export const SLOT = "demo";

/** The publication comes first: a slot sees only publications that existed before it. */
const SETUP: readonly string[] = [
  `CREATE SCHEMA shop;
   CREATE TYPE shop.status AS ENUM ('new', 'paid', 'shipped');
   CREATE TABLE shop.customers (id int PRIMARY KEY, name text NOT NULL, email text, letter text);
   CREATE TABLE shop.orders (id bigint PRIMARY KEY, customer int NOT NULL, status shop.status NOT NULL,
     total numeric(10, 2) NOT NULL, items jsonb NOT NULL, placed_at timestamptz NOT NULL);
   CREATE TABLE shop.carts (customer int, product text, PRIMARY KEY (customer, product));
   -- Kept out of the row and not compressed, so that an update of other columns does not send it again.
   ALTER TABLE shop.customers ALTER COLUMN letter SET STORAGE EXTERNAL;
   -- Updates and deletes of orders carry the whole old row.
   ALTER TABLE shop.orders REPLICA IDENTITY FULL`,
  `CREATE PUBLICATION ${PUBLICATION} FOR ALL TABLES`,
  `SELECT pg_create_logical_replication_slot('${SLOT}', 'pgoutput')`,
];

/** Each is one transaction. */
const TRANSACTIONS: readonly string[] = [
  `INSERT INTO shop.customers VALUES
     (1, 'Ada', 'ada@example.com', NULL),
     (2, 'Grace', NULL, repeat('Dear shop, I have never been happier. ', 60)),
     (3, 'Niklaus', 'nw@example.com', NULL)`,
  `INSERT INTO shop.carts VALUES (1, 'teapot'), (1, 'cup');
   INSERT INTO shop.orders VALUES
     (1001, 1, 'new', 49.90, '{"teapot": 1, "cup": 2}', '2026-11-24 10:57:43.123456+00')`,
  `UPDATE shop.orders SET status = 'paid' WHERE id = 1001`,
  // The letter is not sent again: unchanged TOAST.
  `UPDATE shop.customers SET email = 'grace@example.com' WHERE id = 2`,
  // The old key is sent with the new one.
  `UPDATE shop.customers SET id = 30 WHERE id = 3`,
  // Rolled back, so never sent.
  `BEGIN; DELETE FROM shop.orders; ROLLBACK`,
  `SELECT pg_logical_emit_message(true, 'shop', 'closing time')`,
  // A Relation message with the new columns comes before the next row.
  `ALTER TABLE shop.customers ADD COLUMN vip boolean NOT NULL DEFAULT false`,
  `INSERT INTO shop.customers VALUES (4, 'Radia', 'radia@example.com', NULL, true)`,
  `DELETE FROM shop.orders WHERE id = 1001;
   DELETE FROM shop.customers WHERE id = 30`,
  `TRUNCATE shop.carts`,
];

/** The shop in a server's database. The caller closes it. */
export class Shop {
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  /** Creates its tables, a publication and a slot. */
  static async open(server: PostgresServer): Promise<Shop> {
    const client = await server.connect();
    for (const sql of SETUP) await client.query(sql);
    return new Shop(client);
  }

  /**
   * Runs the day with a pause before each transaction, until it is over or the signal stops it.
   * @returns the position after the last commit
   */
  async run(paceMs: number, signal: AbortSignal): Promise<string> {
    for (const sql of TRANSACTIONS) {
      if (paceMs > 0) await sleep(paceMs, undefined, { signal });
      signal.throwIfAborted();
      await this.#client.query(sql);
    }
    const { rows } = await this.#client.query<{ lsn: string }>(
      "SELECT pg_current_wal_lsn() AS lsn",
    );
    return rows[0]?.lsn ?? "0/0";
  }

  /** Whether the slot was advanced up to the position. */
  async isAcknowledged(lsn: string): Promise<boolean> {
    const { rows } = await this.#client.query<{ done: boolean }>(
      "SELECT confirmed_flush_lsn >= $1::pg_lsn AS done FROM pg_replication_slots WHERE slot_name = $2",
      [lsn, SLOT],
    );
    return rows[0]?.done === true;
  }

  async close(): Promise<void> {
    await this.#client.end();
  }
}
