/** A mixed workload: all that makes the server write another kind of record, as far as one test can. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { TestServer } from "../../support/server/server.ts";
import { toolPath } from "../../support/tools/tools.ts";

export interface MixedOptions {
  /** Of wal_compression, each for a part of the work. */
  readonly compressions: readonly string[];
  readonly pgbenchTransactions: number;
}

/** Settings that this workload needs. */
export const MIXED_SETTINGS: Readonly<Record<string, string>> = {
  full_page_writes: "on",
  max_prepared_transactions: "8",
  track_commit_timestamp: "on",
  wal_log_hints: "on",
  autovacuum: "off",
  shared_buffers: "64MB",
  max_wal_size: "4GB",
  wal_keep_size: "4GB",
};

/** What wal_compression can be set to on this server. */
export async function compressions(server: TestServer): Promise<readonly string[]> {
  if (server.version < 15) return ["off", "on"];
  const [row] = await server.sql<{ values: string[] }>(
    "SELECT enumvals AS values FROM pg_settings WHERE name = 'wal_compression'",
  );
  return (row?.values ?? []).filter((value) => ["off", "pglz", "lz4", "zstd"].includes(value));
}

export async function runMixedWorkload(
  server: TestServer,
  { compressions: ways, pgbenchTransactions }: MixedOptions,
): Promise<void> {
  await pgbench(server, "-i", "-s", "1", "-q");
  for (const [round, way] of ways.entries()) {
    await server.sql(`ALTER SYSTEM SET wal_compression = '${way}'`);
    // Images that replay does not apply.
    await server.sql(`ALTER SYSTEM SET wal_consistency_checking = '${round === 1 ? "all" : ""}'`);
    await server.sql("SELECT pg_reload_conf()");
    await server.sql("CHECKPOINT");
    await pgbench(server, "-c", "3", "-t", String(pgbenchTransactions));
    for (const statement of statementsOf(round)) await server.sql(statement);
    await subtransactions(server);
  }
  await server.sql("ALTER SYSTEM RESET ALL");
  await server.sql("SELECT pg_reload_conf()");
}

async function pgbench(server: TestServer, ...args: readonly string[]): Promise<void> {
  const env = { ...process.env, ...server.env };
  await promisify(execFile)(toolPath("pgbench"), args, { env });
}

function statementsOf(round: number): readonly string[] {
  const t = `mixed_${round}`;
  return [
    `CREATE TABLE ${t} (id serial PRIMARY KEY, words text[], place point, amount int, at timestamptz DEFAULT now(), doc jsonb, big text)`,
    `CREATE INDEX ON ${t} USING gin (words)`,
    `CREATE INDEX ON ${t} USING gist (place)`,
    `CREATE INDEX ON ${t} USING spgist (place)`,
    `CREATE INDEX ON ${t} USING brin (at) WITH (pages_per_range = 1)`,
    `CREATE INDEX ON ${t} USING hash (amount)`,
    `CREATE INDEX ON ${t} (amount, at)`,
    `INSERT INTO ${t} (words, place, amount, doc) SELECT ARRAY['w' || i % 100, 'v' || i % 7], point(i % 77, i % 13), i % 50,
       jsonb_build_object('i', i) FROM generate_series(1, 3000) i`,
    `UPDATE ${t} SET amount = amount + 1 WHERE id % 3 = 0`,
    `UPDATE ${t} SET big = repeat(md5(id::text), 300) WHERE id % 100 = 0`,
    `DELETE FROM ${t} WHERE id % 4 = 0`,
    `SELECT count(*) FROM ${t}`,
    `VACUUM ${t}`,
    `VACUUM (FREEZE) ${t}`,
    `INSERT INTO ${t} (words, place, amount) SELECT ARRAY['x' || i % 100], point(i % 7, i % 3), i FROM generate_series(1, 500) i`,
    `CREATE TABLE ${t}_copy AS SELECT * FROM ${t}`,
    `ALTER TABLE ${t}_copy ADD COLUMN extra int DEFAULT 7, ALTER COLUMN amount TYPE bigint`,
    `TRUNCATE ${t}_copy`,
    `DROP TABLE ${t}_copy`,
    `CREATE UNLOGGED TABLE ${t}_unlogged (id int PRIMARY KEY)`,
    `CREATE SEQUENCE ${t}_seq`,
    `SELECT nextval('${t}_seq') FROM generate_series(1, 100)`,
    `SELECT lo_from_bytea(${9000 + round}, decode(repeat('ab', 5000), 'hex'))`,
    `SELECT lo_unlink(${9000 + round})`,
    `SELECT pg_logical_emit_message(true, 'app', 'in a transaction')`,
    `SELECT pg_logical_emit_message(false, 'app', repeat('x', 20000))`,
    `BEGIN; INSERT INTO ${t} (amount) VALUES (1); SELECT id FROM ${t} WHERE id = 1 FOR UPDATE; PREPARE TRANSACTION 'kept ${round}'`,
    `COMMIT PREPARED 'kept ${round}'`,
    `BEGIN; INSERT INTO ${t} (amount) VALUES (2); CREATE TABLE ${t}_gone (a int); PREPARE TRANSACTION 'gone ${round}'`,
    `ROLLBACK PREPARED 'gone ${round}'`,
    `BEGIN; DELETE FROM ${t} WHERE id % 5 = 1; ROLLBACK`,
    `INSERT INTO ${t} (id, amount) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET amount = 5`,
    `CREATE TYPE ${t}_mood AS ENUM ('sad', 'glad')`,
    `ALTER TYPE ${t}_mood ADD VALUE 'so so'`,
    `CREATE DATABASE ${t}_db`,
    `DROP DATABASE ${t}_db`,
    `SELECT pg_create_restore_point('point ${round}')`,
    "SELECT pg_switch_wal()",
    `CLUSTER ${t} USING ${t}_pkey`,
    `VACUUM FULL ${t}`,
    `REINDEX TABLE ${t}`,
    `ANALYZE ${t}`,
    "CHECKPOINT",
  ];
}

/** More than 64 of them, which takes ASSIGNMENT records, some rolled back; and rows locked by two at once. */
async function subtransactions(server: TestServer): Promise<void> {
  await server.sql(`DO $$ BEGIN
    FOR i IN 1..150 LOOP
      BEGIN
        INSERT INTO pgbench_history (tid, delta) VALUES (i, i);
        IF i % 3 = 0 THEN RAISE EXCEPTION 'again'; END IF;
      EXCEPTION WHEN raise_exception THEN NULL;
      END;
    END LOOP;
  END $$`);
  const other = await server.connect();
  try {
    await other.query("BEGIN");
    await other.query("SELECT FROM pgbench_branches WHERE bid = 1 FOR SHARE");
    await server.sql("SELECT FROM pgbench_branches WHERE bid = 1 FOR SHARE");
    await server.sql("BEGIN; SELECT FROM pgbench_branches WHERE bid = 1 FOR SHARE; COMMIT");
    await other.query("COMMIT");
  } finally {
    await other.end();
  }
}
