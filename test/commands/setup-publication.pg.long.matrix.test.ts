import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { pasteCommand } from "../support/program/paste.ts";
import { type RunResult, walctl } from "../support/program/cli.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { startStandby } from "../support/server/standby.ts";
import { diagnose } from "../server/doctor/diagnosis.ts";
import { newestOrBoth } from "../matrix/support/versions.ts";

interface Report {
  readonly publication: string;
  readonly status: string;
  readonly sql: readonly string[];
  readonly warnings: readonly string[];
}

const NAME = 'My "Pub"';
const TABLE = '"S 1"."T;drop"';

for (const version of newestOrBoth()) {
  describe(`setup-publication on PostgreSQL ${version}`, () => {
    let server: TestServer;

    before(async () => {
      server = await startServer({ version, settings: { wal_level: "logical" } });
      await server.sql(`
        CREATE SCHEMA "S 1";
        CREATE TABLE ${TABLE} (a int PRIMARY KEY, b text);
        CREATE TABLE keyless (a int);
        CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE leaf PARTITION OF parted FOR VALUES FROM (0) TO (10);
        CREATE TABLE "Leaf 2" PARTITION OF parted FOR VALUES FROM (10) TO (20);
        ALTER TABLE "Leaf 2" REPLICA IDENTITY NOTHING;
        CREATE TABLE parent (a int PRIMARY KEY);
        CREATE TABLE heir (PRIMARY KEY (a)) INHERITS (parent)`);
    });
    after(() => server.dispose());

    function setup(...args: string[]): Promise<RunResult> {
      return walctl(["setup-publication", ...args], { server });
    }

    /** Runs it, and gives the line that it printed. */
    async function report(...args: string[]): Promise<Report & { readonly exit: number | null }> {
      const { status, stdout, stderr } = await setup(...args);
      assert.match(stdout, /^\{"publication":.*\}\n$/, stderr);
      return { ...(JSON.parse(stdout) as Report), exit: status };
    }

    async function drop(name: string): Promise<void> {
      await server.sql(`DROP PUBLICATION ${name}`);
    }

    test("creates, leaves what is as asked, tells a difference and mends it with --sync", async () => {
      const created = await report(NAME, "-t", TABLE);
      assert.deepEqual(created, {
        publication: NAME,
        status: "created",
        sql: [`CREATE PUBLICATION "My ""Pub""" FOR TABLE ${TABLE}`],
        warnings: [],
        exit: 0,
      });
      const again = await report(NAME, "-t", TABLE);
      assert.deepEqual(again, { ...created, status: "unchanged", sql: [] });

      const other = [NAME, "-t", TABLE, "-t", "parted", "--publish", "insert,truncate"];
      const different = await report(...other);
      assert.equal(different.status, "different");
      assert.equal(different.exit, 1);
      assert.equal(different.sql.length, 2);
      assert.equal((await report(NAME, "-t", TABLE)).status, "unchanged");

      const planned = await report(...other, "--sync", "--dry-run");
      assert.deepEqual([planned.status, planned.sql], ["would_alter", different.sql]);
      assert.equal((await report(NAME, "-t", TABLE)).status, "unchanged");

      assert.equal((await report(...other, "--sync")).status, "altered");
      assert.equal((await report(...other)).status, "unchanged");
      await drop('"My ""Pub"""');
    });

    test("all tables and back again is one transaction", async () => {
      assert.equal((await report("p", "-t", "parent")).status, "created");
      const wide = await report("p", "--all-tables", "--publish", "insert", "--sync");
      assert.equal(wide.status, "altered");
      assert.equal((await report("p", "--all-tables", "--publish", "insert")).status, "unchanged");
      assert.equal((await report("p", "-t", "parent")).status, "different");
      assert.equal((await report("p", "-t", "parent", "--sync")).status, "altered");
      assert.equal((await report("p", "-t", "parent")).status, "unchanged");
      await drop("p");
    });

    test("a row filter is compared as the server understands it", async () => {
      assert.equal((await report("p", "-t", `${TABLE} (a, b) WHERE a>1`)).status, "created");
      const same = await report("p", "-t", `${TABLE} (b, a) where ( "a"  > 1 )`);
      assert.deepEqual([same.status, same.sql], ["unchanged", []]);
      const other = await report("p", "-t", `${TABLE} (a, b) WHERE a > 2`);
      assert.equal(other.status, "different");
      const scratch = await server.sql("SELECT FROM pg_publication WHERE pubname ~ 'scratch'");
      assert.equal(scratch.length, 0);
      await drop("p");
    });

    test("nothing gets out of WHERE", async () => {
      for (const where of [
        "true); DROP TABLE keyless; --",
        "a = 1; DROP TABLE keyless",
        "b = E'x'\n'\\' ' ); DROP TABLE keyless; --'",
      ]) {
        const { status, stdout, stderr } = await setup("p", "-t", `${TABLE} WHERE ${where}`);
        assert.deepEqual([status, stdout], [2, ""], stderr);
      }
      const known = await server.sql("SELECT to_regclass('keyless') AS oid");
      assert.equal(known[0]?.["oid"], "keyless");
    });

    test("whole schemas are published, alone and beside tables", async () => {
      assert.equal((await report("p", "--schema", '"S 1"')).status, "created");
      assert.equal((await report("p", "--schema", '"S 1"')).status, "unchanged");
      const both = await report("p", "--schema", '"S 1"', "-t", "parent", "--sync");
      assert.equal(both.status, "altered");
      assert.equal((await report("p", "--schema", '"S 1"', "-t", "parent")).status, "unchanged");
      assert.equal((await report("p", "-t", "parent", "--sync")).status, "altered");
      assert.equal((await report("p", "-t", "parent")).status, "unchanged");
      await drop("p");
    });

    test("tables that inherit come along, as in SQL", async () => {
      assert.equal((await report("p", "-t", "parent")).status, "created");
      const tables = await server.sql("SELECT tablename FROM pg_publication_tables ORDER BY 1");
      assert.deepEqual(
        tables.map((row) => row["tablename"]),
        ["heir", "parent"],
      );
      assert.equal((await report("p", "-t", "parent")).status, "unchanged");
      await drop("p");
    });

    test("refuses what would make the server reject writes, and changes nothing", async () => {
      await server.sql("CREATE PUBLICATION there FOR TABLE parent");
      for (const args of [
        ["p", "-t", "keyless"],
        ["p", "-t", "keyless", "--dry-run"],
        ["p", "--all-tables"],
        ["p", "--schema", "public"],
        ["p", "-t", "parted"],
        ["p", "-t", `${TABLE} (b)`],
        ["p", "-t", `${TABLE} WHERE b > 'x'`],
        ["p", "-t", `${TABLE} (b)`, "--replica-identity", "full"],
        ["there", "-t", "parent", "-t", "keyless", "--sync"],
        ["there", "--all-tables", "--sync"],
      ]) {
        const { status, stdout, stderr } = await setup(...args);
        assert.deepEqual([status, stdout], [1, ""], args.join(" "));
        assert.match(
          stderr,
          /^walctl: error: (.*table ".*: )?publication "(p|there)" would make the server reject UPDATE and DELETE of .* from every program\n(DETAIL: What each table lacks, .*table "[^\n]*\n)?HINT: /,
        );
      }
      const { stderr } = await setup("p", "--all-tables");
      assert.match(stderr, /"Leaf 2".*"keyless"/);
      assert.match(stderr, /Tables that are made later need a replica identity too/);
      const left = await server.sql(
        "SELECT pubname, tablename FROM pg_publication_tables ORDER BY 2",
      );
      assert.deepEqual(
        left.map((row) => `${String(row["pubname"])} ${String(row["tablename"])}`),
        ["there heir", "there parent"],
      );
      await server.sql("UPDATE keyless SET a = 1");
      await drop("there");
    });

    test("a role is told at once what it may do, and a dry run fails where the command would", async () => {
      await server.sql(`CREATE ROLE app LOGIN; CREATE ROLE poor LOGIN; CREATE TABLE own (id int PRIMARY KEY);
        ALTER TABLE own OWNER TO app; CREATE TABLE own_keyless (id int); ALTER TABLE own_keyless OWNER TO app;
        GRANT CREATE ON DATABASE postgres TO app`);
      const as = async (role: string, ...args: string[]): Promise<string> => {
        const [dry, real] = [
          await setup(...args, "-U", role, "--dry-run"),
          await setup(...args, "-U", role),
        ];
        assert.deepEqual([dry.status, real.status, dry.stdout, real.stdout], [1, 1, "", ""]);
        const plain = ({ stderr }: { stderr: string }): string =>
          stderr.replaceAll(" --dry-run", "");
        assert.equal(plain(dry), plain(real));
        return real.stderr;
      };
      for (const [flags, what] of [
        [["--all-tables"], "all tables"],
        [["--schema", "public"], "whole schemas"],
      ] as const) {
        const stderr = await as("app", "p", ...flags);
        assert.match(stderr, /^walctl: error: .* must be superuser to create .*\n/);
        assert.ok(
          stderr.includes(`HINT: Only a superuser publishes ${what}. For tables that "app" owns (`),
          stderr,
        );
        const [command = ""] =
          /walctl setup-publication p -t public\.own -h .*$/m.exec(stderr) ?? [];
        assert.notEqual(command, "", stderr);
        assert.match(await pasteCommand(command), /"status":"created"/);
        await drop("p");
      }
      // Of a publication that is there: by whom it becomes as asked.
      for (const owner of ["postgres", "app"]) {
        await server.sql(
          `CREATE PUBLICATION there FOR TABLE own; ALTER PUBLICATION there OWNER TO ${owner}`,
        );
        const stderr = await as("app", "there", "--all-tables", "--sync", "--force");
        assert.match(
          stderr,
          owner === "app"
            ? /HINT: Only a superuser publishes all tables: /
            : /HINT: Only its owner "postgres" or a superuser alters publication "there": /,
        );
        await pasteCommand(/: (walctl .*)/.exec(stderr.split("HINT: ")[1] ?? "")?.[1] ?? "");
        const [row] = await server.sql(
          "SELECT puballtables FROM pg_publication WHERE pubname = 'there'",
        );
        assert.equal(row?.["puballtables"], true);
        await drop("there");
      }
      // A role that owns no table, or may not create in the database, is told who may.
      for (const [role, user] of [
        ["app", "app"],
        ["poor", "postgres"],
      ] as const) {
        const { checks } = await diagnose(server, ["-U", role, "-P", "none_yet"]);
        const { fix, message } =
          checks.find(({ check }) => check === "publication") ?? assert.fail();
        assert.ok(fix !== null);
        assert.match(fix, new RegExp(` -U ${user} `));
        if (role === "app") assert.match(fix, / -t public\.own -h /);
        else assert.match(message, /"poor" may not publish these tables; a superuser may/);
        await pasteCommand(fix.replaceAll("none_yet", `of_${role}`));
        await drop(`of_${role}`);
      }
      assert.match(
        await as("poor", "p", "--all-tables"),
        /HINT: As a superuser: GRANT CREATE ON DATABASE "postgres" TO "poor"\n$/,
      );
      await server.sql("CREATE SCHEMA hidden; CREATE TABLE hidden.t (id int PRIMARY KEY)");
      assert.match(
        await as("poor", "p", "-t", "hidden.t"),
        /error: the role may not use schema "hidden"\nHINT: The owner of table "hidden"\."t" may publish it: -U postgres\n$/,
      );
      await server.sql("DROP SCHEMA hidden CASCADE");
      // CREATE alone would not help this role: the table is another's.
      assert.match(
        await as("poor", "p", "-t", "parent"),
        /HINT: Only its owner "postgres" or a superuser publishes "public"\."heir": walctl .* -U postgres /,
      );
      const other = await as("app", "p", "-t", "parent", "-t", "own", "--publish", "insert");
      const [, command = ""] =
        /: (walctl setup-publication p -t parent -t own --publish insert -h .* -U postgres .*)$/m.exec(
          other,
        ) ?? [];
      assert.notEqual(command, "", other);
      assert.match(await pasteCommand(command), /"status":"created"/);
      await drop("p");
      await server.sql(
        "DROP TABLE own, own_keyless; REVOKE CREATE ON DATABASE postgres FROM app; DROP ROLE app, poor",
      );
    });

    test("a hint has all that was asked for, and a remedy that helps", async () => {
      await server.sql(`CREATE PUBLICATION there FOR TABLE parent; CREATE TABLE silent (id int PRIMARY KEY);
        ALTER TABLE silent REPLICA IDENTITY NOTHING; CREATE TABLE unmarked (id int NOT NULL);
        CREATE UNIQUE INDEX marked ON unmarked (id); ALTER TABLE unmarked REPLICA IDENTITY USING INDEX marked;
        DROP INDEX marked`);
      const differs = await setup(
        "there",
        "-t",
        "parent",
        "-t",
        "keyless",
        "--replica-identity",
        "full",
      );
      const [, command = ""] = /To add what it lacks: (walctl .*)$/m.exec(differs.stderr) ?? [];
      assert.notEqual(command, "", differs.stderr);
      assert.match(command, /-t parent -t keyless --sync --replica-identity full /);
      assert.match(await pasteCommand(command), /"status":"altered"/);
      await drop("there");
      // One line and one command each.
      for (const [table, has, remedy] of [
        [
          "silent",
          "REPLICA IDENTITY NOTHING",
          /To let its primary key .*: psql .* -c .*REPLICA IDENTITY DEFAULT/,
        ],
        [
          "unmarked",
          "REPLICA IDENTITY USING INDEX, and that index is gone",
          /whole row .*: walctl .* full /,
        ],
      ] as const) {
        const { status, stderr } = await setup("p", "-t", table);
        assert.equal(status, 1);
        assert.ok(
          stderr.startsWith(
            `walctl: error: table "public"."${table}" has ${has}: publication "p" would`,
          ),
          stderr,
        );
        const [, hint = "", ...more] = stderr.trimEnd().split("\n");
        assert.match(hint, remedy);
        assert.deepEqual(more, []);
        await pasteCommand(/(?:psql|walctl) .*$/.exec(hint)?.[0] ?? "");
        await setup("p", "-t", table, "--sync");
        await server.sql(`UPDATE ${table} SET id = 1`);
        await drop("p");
      }
      await server.sql("DROP TABLE silent, unmarked; ALTER TABLE keyless REPLICA IDENTITY DEFAULT");
    });

    test("a standby is no place for a publication", async () => {
      const standby = await startStandby(server);
      try {
        const { status, stderr } = await walctl(["setup-publication", "p", "-t", "parent"], {
          server: standby,
        });
        assert.equal(status, 1);
        assert.match(
          stderr,
          /^walctl: error: the server is a standby, and publications are made on the primary\n/,
        );
        const [, flags = ""] =
          /^HINT: Connect to the primary, which it follows at (-h \S+ -p \d+ -U \S+);/m.exec(
            stderr,
          ) ?? [];
        const there = await walctl(["setup-publication", "p", "-t", "parent", ...flags.split(" ")]);
        assert.match(there.stdout, /"status":"created"/);
        await drop("p");
      } finally {
        await standby.dispose();
      }
    });

    test("with --force warns of tables that can no longer be updated, and then lets them be", async () => {
      const tables = ["-t", "keyless", "-t", "parted"];
      const warned = await report("p", ...tables, "--dry-run", "--force");
      assert.equal(warned.status, "would_create");
      assert.deepEqual(
        warned.warnings.map((warning) => warning.replace(/^.*; /, "")),
        [
          'ALTER TABLE "public"."Leaf 2" REPLICA IDENTITY DEFAULT',
          'ALTER TABLE "public"."keyless" REPLICA IDENTITY FULL',
        ],
      );
      assert.deepEqual(
        (await report("p", ...tables, "--publish", "insert", "--dry-run")).warnings,
        [],
      );
      assert.equal((await report("p", ...tables, "--force")).warnings.length, 2);
      // What is rejected already is no reason to refuse what changes nothing about it.
      assert.equal((await report("p", ...tables)).status, "unchanged");
      assert.equal((await report("p", ...tables, "-t", "parent", "--sync")).status, "altered");
      await assert.rejects(server.sql("UPDATE keyless SET a = 1"), { code: "55000" });
      assert.equal((await report("p", ...tables, "--sync")).status, "altered");
      const mended = await report("p", ...tables, "--replica-identity", "full");
      assert.deepEqual([mended.status, mended.warnings], ["altered", []]);
      await server.sql("UPDATE keyless SET a = 1");
      await server.sql("UPDATE parted SET id = 11 WHERE id = 10");
      assert.equal(
        (await report("p", ...tables, "--replica-identity", "full")).status,
        "unchanged",
      );
      await drop("p");
      await server.sql(`ALTER TABLE keyless REPLICA IDENTITY DEFAULT;
        ALTER TABLE "Leaf 2" REPLICA IDENTITY NOTHING`);
    });

    test("warns of a filter and of a column list that the replica identity does not allow", async () => {
      const filter = await report("p", "-t", `${TABLE} WHERE b > 'x'`, "--force");
      assert.match(filter.warnings[0] ?? "", /WHERE .*"b".* ALTER TABLE "S 1"\."T;drop" REPL/);
      await assert.rejects(server.sql(`UPDATE ${TABLE} SET b = 'y'`), { code: "42P10" });
      await drop("p");
      const columns = await report(
        "p",
        "-t",
        `${TABLE} (b)`,
        "--replica-identity",
        "full",
        "--force",
      );
      assert.match(columns.warnings[0] ?? "", /column list .* lacks "a"/);
      await assert.rejects(server.sql(`UPDATE ${TABLE} SET b = 'y'`), { code: "42P10" });
      await drop("p");
      const fit = await report("p", "-t", `${TABLE} (a) WHERE a > 1`);
      assert.deepEqual(fit.warnings, []);
      await server.sql(`UPDATE ${TABLE} SET b = 'y'`);
      await drop("p");
    });

    test("a person reads a table, and SQL to paste", async () => {
      const { status, stdout } = await setup("p", "-t", TABLE, "--dry-run", "-F", "table");
      assert.equal(status, 0);
      const box = ["┌─────────────┬──────────────┐", "│ publication │ status       │"];
      const rest = ["├─────────────┼──────────────┤", "│ p           │ would create │"];
      const last = ["└─────────────┴──────────────┘", `CREATE PUBLICATION "p" FOR TABLE ${TABLE};`];
      assert.equal(stdout, [...box, ...rest, ...last, ""].join("\n"));
    });

    test("generated columns are PostgreSQL 18's", async () => {
      const args = ["p", "-t", "parent", "--generated-columns", "stored"];
      if (version < 18) {
        const { status, stderr } = await setup(...args);
        assert.equal(status, 2);
        assert.match(
          stderr,
          /error: --generated-columns needs PostgreSQL 18; this server is 15\.\d+\n/,
        );
        return;
      }
      assert.equal((await report(...args)).status, "created");
      assert.equal((await report(...args)).status, "unchanged");
      assert.equal((await report("p", "-t", "parent")).status, "different");
      await drop("p");
    });
  });
}
