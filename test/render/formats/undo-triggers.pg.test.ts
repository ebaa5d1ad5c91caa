/** What an undo meets on an ordinary database: audit triggers, rows that changed since, and --dry-run. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { toolPath } from "../../support/tools/tools.ts";

describe("an undo", () => {
  let server: TestServer;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "walctl-undo-"));
    server = await startServer({ version: 18 });
    await server.sql(`CREATE TABLE orders (id int PRIMARY KEY, status text);
      ALTER TABLE orders REPLICA IDENTITY FULL;
      CREATE TABLE audit (n bigserial PRIMARY KEY, order_id int, what text);
      CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN INSERT INTO audit (order_id, what) VALUES (NEW.id, TG_OP); RETURN NEW; END$$;
      CREATE TRIGGER log_it AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION log_it();
      CREATE PUBLICATION p FOR ALL TABLES;
      INSERT INTO orders SELECT g, 'new' FROM generate_series(1, 3) g`);
    await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    await server.sql("UPDATE orders SET status = 'gone' WHERE id > 1");
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });

  const undo = async (...more: readonly string[]): Promise<string> => {
    const args = ["tail", "-S", "s", "-P", "p", "-E", "now", "-q", "-F", "sql", "--undo", ...more];
    const { stdout, stderr, status } = await walctl(args, { server });
    assert.equal(status, 0, stderr);
    const path = join(folder, "undo.sql");
    writeFileSync(path, stdout);
    return path;
  };
  const psql = (path: string, options = ""): Promise<{ error: string; output: string }> =>
    new Promise((resolve) => {
      const args = ["-qX", "-v", "ON_ERROR_STOP=1", "-v", "SHOW_CONTEXT=never", "-f", path];
      const env = {
        ...process.env,
        ...server.env,
        ...(options === "" ? {} : { PGOPTIONS: options }),
      };
      execFile(toolPath("psql"), args, { env }, (_, output, error) => resolve({ error, output }));
    });
  const statuses = (): Promise<string> =>
    server
      .psql("SELECT string_agg(status, ',' ORDER BY id) FROM orders")
      .then((text) => text.trim());

  test("says in its head what triggers do, and how they are left out", async () => {
    const path = await undo("--checked");
    const failed = await psql(path);
    assert.match(failed.error, /relation "audit" does not exist/);
    assert.equal(await statuses(), "new,gone,gone");
    const { stdout } = await walctl(
      ["tail", "-S", "s", "-P", "p", "-E", "now", "-q", "-F", "sql", "--undo"],
      { server },
    );
    const [head = "", , note = ""] = stdout.split("\n");
    assert.match(head, /psql -qX -v ON_ERROR_STOP=1/);
    assert.match(
      note,
      /^-- Triggers .*search_path is empty\. .*PGOPTIONS='-c session_replication_role=replica'/,
    );
  });

  test("with --dry-run changes nothing, and without triggers takes back their rows too", async () => {
    const replica = "-c session_replication_role=replica";
    const dry = await psql(await undo("--checked", "--dry-run"), replica);
    assert.deepEqual([dry.error, await statuses()], ["", "new,gone,gone"]);
    assert.match(dry.output, /changes in the script, and then rolled back\s+-+\s+4\n/);
    assert.equal((await server.psql("SELECT count(*) FROM audit")).trim(), "2");
    const done = await psql(await undo("--checked"), replica);
    assert.deepEqual([done.error, await statuses()], ["", "new,new,new"]);
    assert.equal((await server.psql("SELECT count(*) FROM audit")).trim(), "0");
    const { status, stderr } = await walctl(["decode-file", "x", "-F", "sql", "--dry-run"]);
    assert.equal(status, 2);
    assert.match(stderr, /--dry-run is for --undo/);
  });

  test("with --checked names the key of the row that it does not find", async () => {
    await server.sql("ALTER TABLE orders REPLICA IDENTITY DEFAULT; DROP TRIGGER log_it ON orders");
    await server.sql("SELECT pg_create_logical_replication_slot('k', 'pgoutput')");
    await server.sql("INSERT INTO orders VALUES (7, 'it''s')");
    await server.sql("UPDATE orders SET status = 'b' WHERE id = 2");
    const replay = await walctl(
      ["tail", "-S", "k", "-P", "p", "-E", "now", "-q", "-F", "sql", "--checked"],
      { server },
    );
    const path = join(folder, "replay.sql");
    await server.sql("DELETE FROM orders");
    writeFileSync(path, replay.stdout);
    const { error } = await psql(path);
    assert.match(
      error,
      /UPDATE of public\.orders touched 0 rows, not 1 .*\n.*DETAIL: {2}Where id = 2\./,
    );
  });
});
