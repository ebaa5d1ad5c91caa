/** publications and drop-publication on real servers: what is shown is what the catalogue has, what is dropped can come back. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { newestOrBoth } from "../matrix/support/versions.ts";
import { type RunResult, spawnWalctl, walctl } from "../support/program/cli.ts";
import { WALCTL_COMMAND, openTerminal } from "../support/program/terminal.ts";
import { type TestServer, startServer } from "../support/server/server.ts";

interface Report {
  readonly publication: string;
  readonly status: string;
  readonly sql: readonly string[];
  readonly undo: readonly string[];
  readonly publish: readonly string[];
  readonly schemas: readonly string[];
  readonly all_tables: boolean;
  readonly tables: ReadonlyArray<{
    readonly schema: string;
    readonly table: string;
    readonly columns: readonly string[] | null;
    readonly where: string | null;
  }>;
  readonly faults: ReadonlyArray<{ readonly severity: string; readonly fix: string | null }>;
}

const ODD = `My "Pub"`;

for (const version of newestOrBoth()) {
  describe(`publications on PostgreSQL ${version}`, () => {
    let server: TestServer;

    before(async () => {
      server = await startServer({ version });
      await server.sql(`CREATE TABLE a (id int PRIMARY KEY, n int, secret text);
        CREATE TABLE nokey (x int); CREATE SCHEMA s; CREATE TABLE s.b (id int PRIMARY KEY)`);
      await server.sql(
        `CREATE PUBLICATION partly FOR TABLE a (id, n) WHERE (id > 1), nokey WITH (publish = 'insert')`,
      );
      await server.sql("CREATE PUBLICATION of_schema FOR TABLES IN SCHEMA s");
      await server.sql(`CREATE PUBLICATION "My ""Pub""" FOR TABLE nokey`);
      await server.sql("CREATE PUBLICATION empty");
    });
    after(() => server.dispose());

    const run = async (...args: string[]): Promise<RunResult> => await walctl(args, { server });
    const parse = ({ stdout }: RunResult): Report[] =>
      stdout
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Report);

    test("each with its tables, column lists, filters and faults", async () => {
      const result = await run("publications", "-F", "ndjson");
      assert.deepEqual([result.status, result.stderr], [0, ""]);
      const reports = new Map(parse(result).map((each) => [each.publication, each]));
      assert.deepEqual([...reports.keys()].toSorted(), [ODD, "empty", "of_schema", "partly"]);
      const some = reports.get("partly");
      assert.deepEqual([some?.status, some?.publish, some?.faults], ["ok", ["insert"], []]);
      assert.deepEqual(some?.tables, [
        { schema: "public", table: "a", columns: ["id", "n"], where: "(id > 1)" },
        { schema: "public", table: "nokey", columns: null, where: null },
      ]);
      const schema = reports.get("of_schema");
      assert.deepEqual([schema?.schemas, schema?.tables.length], [["s"], 1]);
      const odd = reports.get(ODD);
      assert.deepEqual([odd?.status, odd?.faults[0]?.severity], ["fail", "fail"]);
      assert.match(odd?.faults[0]?.fix ?? "", /nokey.*REPLICA IDENTITY FULL/);
      assert.equal(reports.get("empty")?.status, "warning");
      const table = await run("publications", "partly", "-F", "table");
      assert.match(table.stdout, /public\.a \(id, n\) WHERE \(id > 1\)/);
      const missing = await run("publications", "partly", "gone", "-F", "ndjson");
      assert.equal(missing.status, 1);
      assert.equal(parse(missing).length, 1);
      assert.match(
        missing.stderr,
        /^walctl: error: publication "gone" does not exist in database "postgres"\nHINT: .*: "My ""Pub""", "empty", "of_schema", "partly"\.\n$/,
      );
    });

    test("a table's fault once, under the publications that it is in, and names as SQL has them", async () => {
      await server.sql(`CREATE TABLE "a.b" (x int); CREATE PUBLICATION again FOR TABLE nokey, "a.b";
        CREATE TABLE s."C" (id int PRIMARY KEY, "n m" int)`);
      await server.sql('CREATE PUBLICATION listed FOR TABLE s."C" (id, "n m")');
      try {
        const wide = ["-F", "table", "--width", "300", "--color", "never"];
        const { stdout } = await run("publications", ...wide);
        const faults = stdout.split("\n").filter((line) => /^(FAIL|warning) /.test(line));
        assert.match(
          faults[0] ?? "",
          /^FAIL +replica_identity: 2 tables .*\("public"\."nokey", "public"\."a\.b"\): .*"My ""Pub""", "again"\)$/,
        );
        assert.match(faults[1] ?? "", /^warning +publication: publication "empty"/);
        assert.equal(faults.length, 2);
        assert.match(stdout, /public\."a\.b" /);
        assert.match(stdout, /s\."C" \(id, "n m"\)/);
        const doctor = await run("doctor", "-F", "ndjson");
        assert.equal(doctor.stdout.match(/"check":"replica_identity"/g)?.length, 1);
        const each = parse(await run("publications"));
        const failed = each.filter(({ status }) => status === "fail");
        assert.deepEqual(failed.map(({ publication }) => publication).toSorted(), [ODD, "again"]);
      } finally {
        await server.sql('DROP PUBLICATION again, listed; DROP TABLE "a.b", s."C"');
      }
    });

    test("piped, it says once on a terminal that there are tables to read, and nothing to cron", async () => {
      for (const command of ["publications", "slots", "doctor"]) {
        assert.equal((await run(command)).stderr, "");
        const options = { columns: 120, rows: 50, server };
        const terminal = await openTerminal(
          `${["", "-F ndjson", "-q"].map((flags) => `${WALCTL_COMMAND} ${command} ${flags} > /dev/null`).join("; ")}; echo done`,
          options,
        );
        try {
          const text = await terminal.waitFor(/^done/m);
          assert.equal(text.match(/-F table/g)?.length, 1, text);
        } finally {
          await terminal.close();
        }
      }
    });

    test("what is dropped is said, and what creates it again does", async () => {
      const known = parse(await run("publications", "partly"))[0];
      const comment = "E'it''s\\nthe orders'' \\\\ feed'";
      await server.sql(`COMMENT ON PUBLICATION partly IS ${comment}`);
      const dry = await run("drop-publication", "partly", "--dry-run");
      assert.deepEqual([dry.status, dry.stderr], [0, ""]);
      assert.equal(parse(dry)[0]?.status, "would_drop");
      assert.deepEqual(parse(await run("publications", "partly"))[0], known);
      const [dropped] = parse(await run("drop-publication", "partly"));
      assert.deepEqual([dropped?.status, dropped?.sql], ["dropped", ['DROP PUBLICATION "partly"']]);
      assert.deepEqual(dropped?.tables, known?.tables);
      const again = await run("drop-publication", "partly");
      assert.deepEqual([again.status, again.stdout], [1, ""]);
      assert.match(again.stderr, /does not exist in database "postgres"\nDETAIL: .*"My ""Pub"""/);
      for (const sql of dropped?.undo ?? []) await server.sql(sql);
      assert.deepEqual(parse(await run("publications", "partly"))[0], known);
      const commented = `SELECT FROM pg_publication WHERE pubname = 'partly' AND obj_description(oid) = ${comment}`;
      assert.equal((await server.sql(commented)).length, 1);
    });

    test("one that is streamed stays, unless --force", async (t) => {
      await server.sql("SELECT pg_create_logical_replication_slot('r', 'pgoutput')");
      const tail = spawnWalctl(["tail", "-S", "r", "-P", ODD, "-P", "partly"], { server });
      t.after(() => tail.dispose());
      await server.sql("INSERT INTO nokey VALUES (1)");
      await tail.waitFor((line) => line.includes('"commit"'));
      const kept = await run("drop-publication", ODD);
      assert.equal(kept.status, 1);
      assert.match(
        kept.stderr,
        /^walctl: error: publication "My ""Pub""" is in use\nDETAIL: It is streamed by server process \d+ \(application "walctl"/,
      );
      assert.equal((await run("drop-publication", "of_schema", "--dry-run")).status, 0);
      // A role that may not see what others stream does not drop it unasked, nor one that nobody streams.
      await server.sql("CREATE ROLE owner LOGIN; GRANT CREATE ON DATABASE postgres TO owner");
      await server.sql(`ALTER PUBLICATION "My ""Pub""" OWNER TO owner; CREATE PUBLICATION unread`);
      await server.sql("ALTER PUBLICATION unread OWNER TO owner");
      const asOwner = (name: string, ...more: string[]): Promise<RunResult> =>
        run("drop-publication", name, "-U", "owner", ...more);
      for (const name of [ODD, "unread"]) {
        const { status, stderr } = await asOwner(name);
        assert.equal(status, 1);
        assert.match(
          stderr,
          /^walctl: error: whether publication .* is in use is not known to this role\nDETAIL: .*slot "r"/,
        );
      }
      await server.sql("GRANT pg_read_all_stats TO owner");
      assert.match((await asOwner(ODD)).stderr, /is in use\n/);
      await server.sql("CREATE ROLE stranger LOGIN; GRANT pg_read_all_stats TO stranger");
      const denied = await run("drop-publication", "unread", "-U", "stranger");
      assert.match(
        denied.stderr,
        /^HINT: Only its owner "owner" or a superuser drops it: walctl drop-publication unread .* -U owner /m,
      );
      await server.sql("DROP ROLE stranger");
      await server.sql("SELECT pg_create_logical_replication_slot('idle', 'pgoutput')");
      const unread = await asOwner("unread");
      assert.equal(unread.status, 0, unread.stderr);
      assert.match(unread.stderr, /not known while nobody reads them: "idle"\n$/);
      const forced = await run("drop-publication", ODD, "--force");
      assert.deepEqual(
        [forced.status, parse(forced)[0]?.sql],
        [0, [`DROP PUBLICATION "My ""Pub"""`]],
      );
    });
  });
}
