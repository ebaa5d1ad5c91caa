/** Transactions that end in every way: committed, rolled back, prepared, with and without a row that is published. */
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { ServerVersion, TestServer } from "../support/server/server.ts";
import type { NextIds } from "./workload.ts";

/** All rows of `sifted` are left out by its row filter. Nothing of `aside` is published. */
export function combinedTables(version: ServerVersion): string {
  const table = (name: string): string =>
    `CREATE TABLE ${name} (id bigint PRIMARY KEY, x xid8 NOT NULL DEFAULT pg_current_xact_id(), filler text NOT NULL);`;
  const filtered = version < 15 ? "" : ", sifted WHERE (id < 0)";
  return `${["chaos", "sifted", "aside"].map(table).join(" ")}
    CREATE PUBLICATION p FOR TABLE chaos${filtered}`;
}

/** In each row once. */
export const FILLER = "x".repeat(60);
const PAUSE_MS_MAX = 80;
/** Longer transactions are open while others end. */
const OPEN_MS_MAX = 150;
const OPEN_SHARE = 0.3;
const FINISH_SHARE = 0.25;

export async function writeCombined(
  client: pg.Client,
  nextIds: NextIds,
  random: () => number,
): Promise<void> {
  await sleep(random() * PAUSE_MS_MAX);
  if (random() < FINISH_SHARE) return await finishPrepared(client, random);
  const statements = ["BEGIN", ...changes(nextIds, random), end(nextIds, random)];
  if (random() >= OPEN_SHARE) return void (await client.query(statements.join(";")));
  for (const statement of statements) {
    await client.query(statement);
    await sleep(random() * OPEN_MS_MAX);
  }
}

/** More than logical_decoding_work_mem, so that it may be streamed, unless it is small. */
function changes(nextIds: NextIds, random: () => number): readonly string[] {
  const insert = (table: string, rows: number): string =>
    `INSERT INTO ${table} (id, filler) SELECT i, '${FILLER}' FROM ${nextIds(rows)} i`;
  const large = (table: string): string => insert(table, 400 + Math.floor(random() * 400));
  const small = (): string => insert("chaos", 1 + Math.floor(random() * 5));
  const undone = ["SAVEPOINT s", large("chaos"), "ROLLBACK TO s"];
  const kind = random();
  if (kind < 0.45) return [small()];
  if (kind < 0.55) return [large("chaos")];
  if (kind < 0.65) return [large("aside")];
  if (kind < 0.75) return [large("sifted")];
  if (kind < 0.85) return undone;
  if (kind < 0.92) return [small(), ...undone, small()];
  return [large("aside"), small(), "SAVEPOINT k", large("chaos"), "RELEASE k", large("sifted")];
}

function end(nextIds: NextIds, random: () => number): string {
  const kind = random();
  if (kind < 0.7) return "COMMIT";
  if (kind < 0.8) return "ROLLBACK";
  return `PREPARE TRANSACTION 'it''s ${nextIds(1)}'`;
}

/** One of those that are prepared, whoever prepared it. */
async function finishPrepared(client: pg.Client, random: () => number): Promise<void> {
  const { rows } = await client.query<{ gid: string }>("SELECT gid FROM pg_prepared_xacts");
  const gid = rows[Math.floor(random() * rows.length)]?.gid;
  if (gid === undefined) return;
  const how = random() < 0.7 ? "COMMIT" : "ROLLBACK";
  // Another writer may have been faster.
  await client.query(`${how} PREPARED ${client.escapeLiteral(gid)}`).catch(() => {});
}

/** All that are prepared, and one that comes last. */
export async function finishCombined(server: TestServer): Promise<void> {
  const rows = await server.sql<{ gid: string }>("SELECT gid FROM pg_prepared_xacts");
  for (const { gid } of rows) await server.sql(`COMMIT PREPARED '${gid.replaceAll("'", "''")}'`);
  await server.sql("INSERT INTO chaos (id, filler) VALUES (0, 'last')");
}
