/** Each finding, on a workload that is built to cause it; and none of it where nothing does. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import pg from "pg";
import { walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

interface Finding {
  readonly finding: string;
  readonly share: number;
  readonly message: string;
  readonly fix: string | null;
}

describe("the findings of walctl inspect --stats", () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({
      version: 18,
      settings: {
        full_page_writes: "on",
        autovacuum: "off",
        wal_level: "replica",
        wal_keep_size: "2GB",
        max_wal_size: "4GB",
      },
    });
  });
  after(async () => await server.dispose());

  /** The findings about what the statements wrote. */
  async function findingsOf(...statements: readonly string[]): Promise<readonly Finding[]> {
    const position = async (): Promise<string> => {
      const [{ lsn } = { lsn: "" }] = await server.sql<{ lsn: string }>(
        "SELECT pg_current_wal_insert_lsn()::text AS lsn",
      );
      return lsn;
    };
    const start = await position();
    for (const statement of statements) await server.sql(statement);
    const end = await position();
    const folder = join(server.host, "data", "pg_wal");
    const range = ["-I", start, "-E", end];
    const { stdout, status } = await walctl(["inspect", "--stats", ...range, folder]);
    assert.equal(status, 0);
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Finding & { readonly kind: string })
      .filter(({ kind }) => kind === "wal_finding");
  }
  const kinds = (findings: readonly Finding[]): readonly string[] =>
    findings.map(({ finding }) => finding).toSorted();

  it("tables of one name stay apart", async () => {
    const folder = join(server.host, "data", "pg_wal");
    await server.sql("CREATE SCHEMA sa; CREATE SCHEMA sb");
    await server.sql("CREATE DATABASE other");
    const other = new pg.Client({
      host: server.host,
      port: server.port,
      user: "postgres",
      database: "other",
    });
    await other.connect();
    await server.sql("CREATE TABLE sa.same (i int); CREATE TABLE sb.same (i int)");
    await server.sql("CREATE TABLE twice (i int); CREATE TABLE once (i int)");
    await other.query("CREATE TABLE twice (i int)");
    const fill = (table: string, rows: number): string =>
      `INSERT INTO ${table} SELECT generate_series(1, ${rows})`;
    await server.sql(fill("sa.same", 100));
    await server.sql(fill("sb.same", 200));
    await server.sql(fill("twice", 300));
    await other.query(fill("twice", 400));
    await server.sql(fill("once", 500));
    await other.end();
    const oids = await server.sql<{ table: string; oid: number }>(
      "SELECT oid::regclass::text AS table, oid::int FROM pg_class WHERE relname IN ('same', 'twice')",
    );
    const oidOf = new Map(oids.map(({ table, oid }) => [table, oid]));
    const { stdout } = await walctl(["inspect", "--stats=table", "-F", "ndjson", folder]);
    const rows = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { table?: string; oid?: number; records: number });
    const of = (name: string): number[] =>
      rows
        .filter(({ table }) => table === name)
        .map(({ records }) => records)
        .toSorted((a, b) => a - b);
    assert.deepEqual(of("same"), [100, 200]);
    assert.equal(rows.find(({ oid }) => oid === oidOf.get("sb.same"))?.records, 200);
    assert.deepEqual(of("twice"), [300, 400]);
    assert.equal(
      rows.find(({ oid, table }) => oid === oidOf.get("twice") && table === "twice")?.records,
      300,
    );
    assert.equal(rows.find(({ table }) => table === "once")?.oid, undefined);
  });

  it("checkpoints that come too often, and the images that they cause", async () => {
    await server.sql(
      "CREATE TABLE wide AS SELECT i, repeat('x', 500) AS t FROM generate_series(1, 5000) i",
    );
    const update = "UPDATE wide SET i = i + 1 WHERE i % 15 = 0";
    const findings = await findingsOf(
      "CHECKPOINT",
      update,
      "CHECKPOINT",
      update,
      "CHECKPOINT",
      update,
    );
    const images = findings.find(({ finding }) => finding === "full_page_images");
    assert.ok((images?.share ?? 0) > 0.8);
    assert.match(
      images?.message ?? "",
      /^[\d,]+ full-page images take \d+ [kM]B, \d\d\.\d% of the WAL; wal_compression = on is pglz; /,
    );
    assert.match(images?.fix ?? "", /wal_compression = on/);
    // pglz
    await server.sql(
      "CREATE TABLE mixed AS SELECT i, md5(i::text) FROM generate_series(1, 5000) i",
    );
    const compressed = await findingsOf(
      "ALTER SYSTEM SET wal_compression = on",
      "SELECT pg_reload_conf(), pg_sleep(0.1)",
      "CHECKPOINT",
      "DELETE FROM mixed WHERE i % 60 = 0",
      "ALTER SYSTEM RESET wal_compression",
      "SELECT pg_reload_conf()",
    );
    const smaller = compressed.find(({ finding }) => finding === "full_page_images");
    assert.match(smaller?.message ?? "", /% of the WAL, compressed$/);
    assert.equal(smaller?.fix, null);
    const checkpoints = findings.find(({ finding }) => finding === "checkpoints");
    assert.match(checkpoints?.message ?? "", /^a checkpoint every [\d.]+ s \(3 of them\) /);
    const settings = await server.sql<{ name: string }>(checkpoints?.fix ?? "");
    assert.deepEqual(settings.map(({ name }) => name).toSorted(), [
      "checkpoint_timeout",
      "max_wal_size",
    ]);
  });

  it("one hot index", async () => {
    await server.sql("CREATE TABLE hot (id uuid, n int)");
    await server.sql("CREATE INDEX hot_id ON hot (id)");
    await server.sql(
      "INSERT INTO hot SELECT gen_random_uuid(), i FROM generate_series(1, 100000) i",
    );
    const findings = await findingsOf(
      "CHECKPOINT",
      "INSERT INTO hot SELECT gen_random_uuid(), i FROM generate_series(1, 1000) i",
    );
    const index = findings.find(({ finding }) => finding === "hot_index");
    assert.ok((index?.share ?? 0) > 0.5);
    const [{ node } = { node: "" }] = await server.sql<{ node: string }>(
      "SELECT pg_relation_filenode('hot_id')::text AS node",
    );
    assert.match(
      index?.message ?? "",
      new RegExp(`^the index (hot_id of hot|\\d+/${node}) takes `),
    );
    const [found] = await server.sql<{ indexrelid: string }>(
      (index?.fix ?? "").replace(
        "indexrelid::pg_catalog.regclass",
        "indexrelid::regclass::text AS indexrelid",
      ),
    );
    assert.equal(found?.indexrelid, "hot_id");
  });

  it("freezing", async () => {
    await server.sql("CREATE TABLE old AS SELECT i FROM generate_series(1, 200000) i");
    await server.sql("ALTER SYSTEM SET full_page_writes = off");
    await server.sql("SELECT pg_reload_conf()");
    const findings = await findingsOf("VACUUM (FREEZE) old");
    const freezing = findings.find(({ finding }) => finding === "freezing");
    assert.ok((freezing?.share ?? 0) > 0.5, JSON.stringify(findings));
    await server.sql(freezing?.fix ?? "");
  });

  it("logical messages", async () => {
    const findings = await findingsOf(
      "SELECT pg_logical_emit_message(false, 'audit', repeat('x', 1000)) FROM generate_series(1, 1000)",
      "SELECT pg_logical_emit_message(false, 'other', 'x') FROM generate_series(1, 100)",
    );
    const messages = findings.find(({ finding }) => finding === "logical_messages");
    assert.ok((messages?.share ?? 0) > 0.9);
    assert.match(messages?.message ?? "", /most with the prefix "audit"/);
    await server.sql(messages?.fix ?? "");
  });

  it("what takes most where nothing is wrong", async () => {
    await server.sql("CREATE TABLE plain (i int)");
    const findings = await findingsOf("INSERT INTO plain SELECT generate_series(1, 20000)");
    assert.deepEqual(kinds(findings), ["other"]);
    assert.match(findings[0]?.message ?? "", /record type that takes most is Heap INSERT/);
    // The log names the table only if the pages that it shows whole do.
    const isUnnamed = /^most goes to \d+\/\d+: /.test(findings[0]?.message ?? "");
    assert.equal(/; --catalog FILE names the table/.test(findings[0]?.message ?? ""), isUnnamed);
    assert.equal(findings[0]?.fix, isUnnamed ? "walctl catalog -d DATABASE > FILE" : null);
  });
});
