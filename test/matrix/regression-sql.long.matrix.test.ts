/**
 * PostgreSQL's own regression SQL, where WALCTL_TEST_REGRESSION_SQL names the folder of its files (src/test/regress/sql): of what they
 * do decode-file prints the lines of tail. They are not part of walctl, and without their data files some of what they do fails.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { walctl } from "../support/program/cli.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { toolPath } from "../support/tools/tools.ts";
import { comparable } from "./support/rows-oracle.ts";
import { newestOrNamed } from "./support/versions.ts";

const FOLDER = process.env["WALCTL_TEST_REGRESSION_SQL"] ?? "";
/** Those that need neither another server nor the rights, slots and publications of all databases. */
const SCRIPTS = (
  process.env["WALCTL_TEST_SCRIPTS"] ??
  `test_setup boolean char name varchar text int2 int4 int8 oid float4 float8 bit numeric uuid enum money rangetypes multirangetypes
  pg_lsn point lseg line box path polygon circle date time timetz timestamp timestamptz interval inet macaddr macaddr8 tstypes
  insert insert_conflict create_type create_table create_misc copy2 copydml create_index constraints triggers inherit typed_table
  create_table_like alter_table generated domain rowtypes arrays json jsonb identity replica_identity truncate update delete merge
  with returning fast_default toast indirect_toast compression matview cluster vacuum partition_prune partition_join indexing
  hash_part temp transactions prepared_xacts plpgsql rules updatable_views foreign_key select_into combocid namespace rowsecurity
  without_oid xml tsearch largeobject sequence union subselect join portals privileges`
).split(/\s+/);
const TIMEOUT_MS = 120_000;

/** Without an identity the server takes no UPDATE of a table that is published. */
const SET_UP = `
  CREATE FUNCTION public.identify() RETURNS event_trigger LANGUAGE plpgsql AS $$
  DECLARE
    made record;
  BEGIN
    FOR made IN SELECT objid::regclass AS name FROM pg_event_trigger_ddl_commands() d JOIN pg_class c ON c.oid = objid
      WHERE d.classid = 'pg_class'::regclass AND relkind = 'r' AND relreplident = 'd' LOOP
      EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', made.name);
    END LOOP;
  END $$;
  CREATE EVENT TRIGGER identify ON ddl_command_end WHEN tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
    EXECUTE FUNCTION public.identify()`;

for (const version of FOLDER === "" ? [] : newestOrNamed()) {
  describe(`PostgreSQL's regression SQL on ${version}`, () => {
    let root: string;
    let server: TestServer;
    let expected: readonly string[];

    before(async () => {
      root = mkdtempSync(join(tmpdir(), "walctl-regress-"));
      const settings = {
        wal_keep_size: "4GB",
        max_wal_size: "4GB",
        full_page_writes: "on",
        max_prepared_transactions: "10",
        statement_timeout: "60s",
        lc_messages: "C",
      };
      server = await startServer({ version, settings });
      await server.sql(SET_UP);
      await server.sql("CREATE PUBLICATION everything FOR ALL TABLES");
      await server.sql("SELECT pg_create_logical_replication_slot('rows', 'pgoutput')");
      await catalog("early");
      for (const script of SCRIPTS) await run(script);
      const tail = ["tail", "-S", "rows", "-P", "everything", "-E", "now", "--no-loop", "-q"];
      const { stdout, status, stderr } = await walctl(tail, { server, timeoutMs: 300_000 });
      assert.equal(status, 0, stderr);
      expected = comparable(stdout, version);
      await catalog("late");
      console.log(`PostgreSQL ${version}: ${expected.length} lines`);
      assert.ok(expected.length > 1000);
    });
    after(async () => {
      await server.dispose();
      rmSync(root, { recursive: true, force: true });
    });

    async function catalog(name: string): Promise<void> {
      const args = ["catalog", "-q", "-o", join(root, name)];
      const { status, stderr } = await walctl(args, { server });
      assert.equal(status, 0, stderr);
    }

    /** Statements that the server refuses are a part of them. */
    async function run(script: string): Promise<void> {
      const file = join(FOLDER, `${script}.sql`);
      if (!existsSync(file)) return;
      const none = {
        PG_ABS_SRCDIR: root,
        PG_ABS_BUILDDIR: root,
        PG_LIBDIR: root,
        PG_DLSUFFIX: ".so",
      };
      const env = {
        ...process.env,
        ...server.env,
        ...none,
        PGTZ: "PST8PDT",
        PGDATESTYLE: "Postgres, MDY",
      };
      const options = { env, timeout: TIMEOUT_MS, maxBuffer: 1 << 28 };
      await promisify(execFile)(toolPath("psql"), ["-X", "-a", "-q", "-f", file], options).catch(
        () => {},
      );
    }

    for (const name of ["early", "late"]) {
      it(`are the lines of tail with a catalogue of ${name}`, async () => {
        const args = ["decode-file", "--catalog", join(root, name), "--old", "logged"];
        const wal = join(server.host, "data", "pg_wal");
        const { stdout, stderr, status } = await walctl([...args, wal], { timeoutMs: 300_000 });
        console.log(stderr.trim());
        const own = comparable(stdout, version);
        const { differences, later } = differencesOf(own, expected);
        console.log(`${own.length} lines, ${later} with values of types that tail looked up later`);
        assert.deepEqual(differences, []);
        assert.equal(own.length, expected.length);
        assert.equal(status, 0, stderr);
      });
    }
  });
}

/** The first ones. A composite, enum or domain is that of the change's LSN; tail looks it up later, and prints text where it is gone. */
function differencesOf(
  own: readonly string[],
  expected: readonly string[],
): { readonly differences: readonly string[]; readonly later: number } {
  const differences: string[] = [];
  let later = 0;
  for (const [index, line] of own.entries()) {
    const other = expected[index];
    if (line === other) continue;
    if (other !== undefined && isSame(JSON.parse(line), JSON.parse(other))) later++;
    else if (differences.length < 5) differences.push(`${line}\n  tail: ${other}`);
  }
  return { differences, later };
}

function isSame(own: unknown, other: unknown): boolean {
  if (typeof own !== "object" || own === null) return own === other;
  if (typeof other === "string") return true;
  if (typeof other !== "object" || other === null) return false;
  const [entries, others] = [Object.entries(own), Object.entries(other)];
  if ("disk_base64" in own) return true;
  return (
    entries.length === others.length &&
    entries.every(([key, value], at) => others[at]![0] === key && isSame(value, others[at]![1]))
  );
}
