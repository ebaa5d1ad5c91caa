/** The WAL that the tests of inspect read: of a real server, with a record of each kind that they look for. */
import { cpSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import type { RecordLine } from "../../wal/support/oracles.ts";

export const MB = 1024 * 1024;
const SEGMENT = /^[0-9A-F]{24}$/;

export interface NamedRecord extends RecordLine {
  readonly top_xid?: number;
  readonly blocks: ReadonlyArray<
    RecordLine["blocks"][number] & {
      readonly schema?: string;
      readonly table?: string;
      readonly relation?: string;
    }
  >;
}

export function linesOf({ stdout }: RunResult): readonly NamedRecord[] {
  if (stdout === "") return [];
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as NamedRecord);
}

/** Empty: it has none. */
export function timeOf({ detail }: RecordLine): string {
  const time = detail?.["time"];
  return typeof time === "string" ? time : "";
}

export interface Archive {
  /** For whatever a test makes. */
  readonly root: string;
  /** Six segments of 1 MB and more, as they lay in pg_wal when the server had stopped. */
  readonly archive: string;
  readonly names: readonly string[];
  /** walctl inspect of the archive. */
  readonly all: RunResult;
  readonly records: readonly NamedRecord[];
  readonly facts: Readonly<Record<string, string>>;
}

export async function makeArchive(): Promise<Archive> {
  const root = mkdtempSync(join(tmpdir(), "walctl-inspect-"));
  const archive = join(root, "archive");
  const server = await startServer({
    version: 18,
    settings: { full_page_writes: "on", wal_keep_size: "1GB", autovacuum: "off" },
    initdbArguments: ["--wal-segsize=1"],
  });
  let facts: Record<string, string>;
  try {
    facts = await work(server);
    await server.stop();
    cpSync(join(server.host, "data", "pg_wal"), archive, { recursive: true });
  } finally {
    await server.dispose();
  }
  const names = readdirSync(archive)
    .filter((name) => SEGMENT.test(name))
    .toSorted();
  const all = await walctl(["inspect", archive]);
  return { root, archive, names, all, records: linesOf(all), facts };
}

export async function inspect(...args: readonly string[]): Promise<RunResult> {
  return await walctl(["inspect", ...args]);
}

/** What the test looks for, as the server knows it. */
async function work(server: TestServer): Promise<Record<string, string>> {
  await server.sql("SELECT pg_switch_wal()");
  await server.sql("CHECKPOINT");
  await server.sql("CREATE TABLE items (id int PRIMARY KEY, name text)");
  await server.sql("CREATE INDEX ON items USING brin (id) WITH (pages_per_range = 1)");
  await server.sql("CREATE TABLE gone AS SELECT generate_series(1, 100) AS i");
  const [row] = await server.sql<Record<string, string>>(
    `SELECT pg_relation_filenode('items')::text AS table, pg_relation_filenode('items_pkey')::text AS index,
       pg_relation_filenode(reltoastrelid)::text AS toast, pg_relation_filenode('gone')::text AS dropped,
       (SELECT oid FROM pg_database WHERE datname = current_database())::text AS database
     FROM pg_class WHERE relname = 'items'`,
  );
  for (let round = 0; round < 10; round++) {
    await server.sql(
      `INSERT INTO items SELECT i + ${round * 2000}, repeat('x', i % 300) FROM generate_series(1, 2000) i`,
    );
  }
  await server.sql(
    `INSERT INTO items SELECT -1, string_agg(md5(i::text), '') FROM generate_series(1, 500) i`,
  );
  await server.sql("DROP TABLE gone");
  await server.sql(`DO $$ BEGIN
    UPDATE items SET name = 'outer' WHERE id = 1;
    BEGIN UPDATE items SET name = 'first' WHERE id = 2; EXCEPTION WHEN division_by_zero THEN NULL; END;
    BEGIN UPDATE items SET name = 'second' WHERE id = 3; EXCEPTION WHEN division_by_zero THEN NULL; END;
  END $$`);
  const [{ xid } = { xid: "" }] = await server.sql<{ xid: string }>(
    "SELECT xmin::text AS xid FROM items WHERE id = 1",
  );
  await server.sql("SELECT pg_create_restore_point('here')");
  await server.sql("SELECT pg_logical_emit_message(false, 'app', 'hello')");
  await server.sql("BEGIN; DELETE FROM items WHERE id = 5; ROLLBACK");
  await server.sql("ALTER SYSTEM SET max_prepared_transactions = 5");
  await server.restart();
  await server.sql("BEGIN; DELETE FROM items WHERE id = 6; PREPARE TRANSACTION 'later'");
  await server.sql("COMMIT PREPARED 'later'");
  await server.sql("VACUUM items");
  await server.sql("CREATE TABLE moved (id int PRIMARY KEY)");
  for (const statement of ["TRUNCATE moved", "VACUUM FULL moved", "REINDEX TABLE moved"]) {
    await server.sql("INSERT INTO moved SELECT generate_series(1, 1000)");
    await server.sql(statement);
    await server.sql("DELETE FROM moved");
  }
  await server.sql("INSERT INTO moved SELECT generate_series(1, 1000)");
  await server.sql("SELECT pg_logical_emit_message(false, 'long', repeat('x', 2500000))");
  await server.sql("CHECKPOINT");
  const [{ redo } = { redo: "" }] = await server.sql<{ redo: string }>(
    "SELECT redo_lsn::text AS redo FROM pg_control_checkpoint()",
  );
  const [{ relations } = { relations: "" }] = await server.sql<{ relations: string }>(
    `SELECT json_object_agg(pg_relation_filenode(c.oid), json_build_array(
         t.relnamespace::regnamespace, t.relname, c.relname))::text AS relations
       FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
         JOIN pg_class o ON o.oid = coalesce(i.indrelid, c.oid)
         LEFT JOIN pg_class h ON h.reltoastrelid = o.oid
         JOIN pg_class t ON t.oid = coalesce(h.oid, o.oid)
       WHERE pg_relation_filenode(c.oid) IS NOT NULL`,
  );
  return { ...row, xid, redo, relations };
}
