/** What a role, a database or PGOPTIONS may set, and what walctl makes of it: nothing, but where names are looked up. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connect } from "../../../src/server/connection/connect.ts";
import { queryRows } from "../../../src/server/query/statement.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";
import { walctl } from "../../support/program/cli.ts";
import { parseLines } from "../../support/program/lines.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { newestOrBoth } from "../../matrix/support/versions.ts";

/** Another value for each setting that a session may have of its own and that chooses among a few. */
const OTHER_CHOICES = `
  SELECT name, CASE WHEN vartype = 'bool' THEN CASE setting WHEN 'on' THEN 'off' ELSE 'on' END
    ELSE (SELECT v FROM unnest(enumvals) AS v WHERE v <> setting ORDER BY v DESC LIMIT 1) END AS value
  FROM pg_settings
  WHERE context IN ('user', 'superuser', 'backend', 'superuser-backend') AND vartype IN ('bool', 'enum')
    AND name NOT LIKE 'transaction%' AND name !~ '^(is_superuser|in_hot_standby|ssl_renegotiation_limit)$'`;

/** Those that are text or numbers, as far as anything that is printed might depend on them. */
const OTHERS: ReadonlyArray<readonly [name: string, value: string]> = [
  ["DateStyle", "'SQL, DMY'"],
  ["TimeZone", "'Asia/Kathmandu'"],
  ["extra_float_digits", "'-10'"],
  ["search_path", "app, pg_catalog"],
  ["lc_messages", "'C.utf8'"],
  ["lc_numeric", "'C.utf8'"],
  ["lc_time", "'C.utf8'"],
  ["default_text_search_config", "'german'"],
  ["client_encoding", "'LATIN1'"],
  ["timezone_abbreviations", "'India'"],
  ["log_min_duration_statement", "0"],
];

for (const version of newestOrBoth()) {
  describe(`settings on PostgreSQL ${version}`, () => {
    let server: TestServer;

    before(async () => {
      server = await startServer({ version });
      await server.sql(`
        CREATE SCHEMA app; CREATE SCHEMA postgres;
        CREATE TABLE app.t (id int PRIMARY KEY); CREATE TABLE public.t (id int PRIMARY KEY);
        CREATE TABLE postgres.t (id int PRIMARY KEY);
        CREATE FUNCTION app.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE TYPE app.pair AS (r regclass, d timestamptz);
        CREATE TABLE app.shown (id int PRIMARY KEY, r regclass, rs regclass[], p regprocedure, o regoperator, ty regtype,
          n regnamespace, ro regrole, co regcollation, tc regconfig, f4 float4, f8 float8, f8s float8[], d date,
          ts timestamp, tz timestamptz, i interval, b bytea, x xml, m money, e "char", j json, jb jsonb, c app.pair,
          tr tstzrange, nr numrange, v tsvector, q tsquery, ac aclitem, po point, tt text)`);
      await server.sql("CREATE PUBLICATION p FOR TABLE app.shown");
      await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
      await server.sql(`INSERT INTO app.shown VALUES (1, 'app.t', ARRAY['public.t', 'pg_class']::regclass[], 'app.f(int)',
        '+(int4,int4)', 'app.pair', 'app', 'postgres', '"C"', 'english', 1.1, 0.1::float8 + 0.2, ARRAY[pi()], '2026-11-24',
        '2026-11-24 10:57:43.1', '2026-11-24 10:57:43.1+00', '-1 year 2 days 03:04:05', '\\x00ff', '<a b="c">é</a>', 1234.11,
        'x', '{"a": 1.10}', '{"a": 1.10}', ROW('app.t', '2026-01-01Z'), '[2026-01-01Z,2026-02-01Z)', '[1.1,2]',
        to_tsvector('english', 'rows'), 'a & b', 'postgres=r/postgres', '(0.1,0.2)', 'é''\\')`);
    });
    after(() => server.dispose());

    test("what is printed does not depend on any of them", async () => {
      const tail = ["tail", "-S", "s", "-P", "p", "-E", "now"];
      const plain = await walctl(tail, { server });
      assert.equal(plain.status, 0, plain.stderr);
      const row = parseLines(plain.stdout).find(({ kind }) => kind === "insert");
      assert.deepEqual(
        [row?.new?.["r"], row?.new?.["rs"], row?.new?.["p"], row?.new?.["ty"]],
        ["app.t", ["public.t", "pg_class"], "app.f(integer)", "app.pair"],
      );
      const choices = await server.sql<{ name: string; value: string | null }>(OTHER_CHOICES);
      assert.ok(choices.length > 70);
      let changed = 0;
      const set = async (name: string, value: string): Promise<void> => {
        // Some are of builds or platforms that this one is not.
        await server.sql(`ALTER ROLE postgres SET ${name} = ${value}`).then(
          () => changed++,
          () => {},
        );
      };
      for (const { name, value } of choices) if (value !== null) await set(name, `'${value}'`);
      assert.ok(changed > 70);
      for (const [name, value] of OTHERS)
        await server.sql(`ALTER ROLE postgres SET ${name} = ${value}`);
      const changedAll = await walctl(tail, { server });
      await server.sql("ALTER ROLE postgres RESET ALL");
      assert.equal(changedAll.status, 0, changedAll.stderr);
      assert.equal(changedAll.stdout, plain.stdout);
    });

    test("a table without a schema is looked up along the path of the role, the database or PGOPTIONS", async () => {
      const shown = async (env: Readonly<Record<string, string>> = {}): Promise<unknown> => {
        const args = ["setup-publication", "q", "-t", "t", "--dry-run"];
        const { status, stdout, stderr } = await walctl(args, { server, env });
        assert.equal(status, 0, stderr);
        return (JSON.parse(stdout) as { readonly sql: readonly string[] }).sql[0];
      };
      const of = (schema: string): string => `CREATE PUBLICATION "q" FOR TABLE "${schema}"."t"`;
      assert.equal(await shown(), of("postgres"));
      await server.sql("ALTER ROLE postgres SET search_path = app, public");
      assert.equal(await shown(), of("app"));
      assert.equal(await shown({ PGOPTIONS: "-c search_path=public" }), of("public"));
      await server.sql("ALTER ROLE postgres RESET search_path");
    });

    test("No ordinary session is left with a setting that is not its own: a pooler may hand it on.", async () => {
      const client = await connect(resolveTarget({}, server.env), "ordinary");
      const [row] = await queryRows<{ path: string }>(
        client,
        "SELECT current_setting('search_path') AS path",
        "read the path",
      );
      assert.equal(row?.path, "pg_catalog, pg_temp");
      const left = await client.query("SELECT name FROM pg_settings WHERE source = 'session'");
      assert.deepEqual(left.rows, []);
      await client.end();
    });
  });
}
