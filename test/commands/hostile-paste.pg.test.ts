/** What walctl prints to be pasted, pasted: with names and filters that have quotes, line breaks and escapes. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { newestOrBoth } from "../matrix/support/versions.ts";
import { walctl } from "../support/program/cli.ts";
import { pasteCommand } from "../support/program/paste.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { toolPath } from "../support/tools/tools.ts";

/** Without NUL, everything that breaks quotes of SQL or of a shell, or a terminal. */
const ODD = `o'd"d\n\t\\n $x \`y\` !z \x1b[2J\u202e é`;
const SQL_ODD = `"${ODD.replaceAll('"', '""')}"`;
const SQL_TEXT = `E'${ODD.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

for (const version of newestOrBoth()) {
  describe(`commands and SQL to paste on PostgreSQL ${version}`, () => {
    let server: TestServer;
    before(async () => {
      server = await startServer({ version });
      await server.sql(`CREATE ROLE ${SQL_ODD} LOGIN SUPERUSER; CREATE SCHEMA ${SQL_ODD};
        CREATE TABLE ${SQL_ODD}.${SQL_ODD} (${SQL_ODD} text PRIMARY KEY, b text);
        CREATE TABLE parent (a int PRIMARY KEY); CREATE TABLE child () INHERITS (parent)`);
    });
    after(() => server.dispose());

    const catalogue = async (): Promise<unknown> =>
      await server.sql(`SELECT p.pubname, p.pubowner::regrole, p.puballtables, p.pubinsert, p.pubdelete, p.pubviaroot,
          ARRAY(SELECT r.prrelid::regclass || coalesce(pg_get_expr(r.prqual, r.prrelid), '') || coalesce(r.prattrs::text, '')
                FROM pg_publication_rel r WHERE r.prpubid = p.oid ORDER BY 1) AS tables,
          ARRAY(SELECT n.pnnspid::regnamespace FROM pg_publication_namespace n WHERE n.pnpubid = p.oid) AS schemas
        FROM pg_publication p ORDER BY 1`);

    async function paste(sql: string): Promise<void> {
      const run = promisify(execFile)(toolPath("psql"), ["-Xq", "-v", "ON_ERROR_STOP=1"], {
        env: { ...process.env, ...server.env },
      });
      run.child.stdin?.end(sql);
      await run;
    }

    const shown = async (...args: string[]): Promise<string> => {
      const { stdout, stderr } = await walctl([...args, "-F", "table"], { server });
      const text = stdout + stderr;
      // eslint-disable-next-line no-control-regex
      assert.doesNotMatch(text, /[\0-\x08\x0b-\x1f\x7f\u202e]/, text);
      return text;
    };

    test("A publication that was dropped comes back as it was, by what a table says.", async () => {
      const publications = [
        `CREATE PUBLICATION pe`,
        `CREATE PUBLICATION every FOR ALL TABLES WITH (publish = 'insert')`,
        `CREATE PUBLICATION one FOR TABLE ONLY parent`,
        `CREATE PUBLICATION inherited FOR TABLE parent`,
        `CREATE PUBLICATION of_schema FOR TABLES IN SCHEMA ${SQL_ODD}`,
        `CREATE PUBLICATION ${SQL_ODD} FOR TABLE ${SQL_ODD}.${SQL_ODD} (${SQL_ODD}) WHERE (${SQL_ODD} = ${SQL_TEXT} OR ${SQL_ODD} = E'a\nb')`,
        `ALTER PUBLICATION ${SQL_ODD} OWNER TO ${SQL_ODD}`,
      ];
      for (const sql of publications) await server.sql(sql);
      const names = await server.sql<{ pubname: string }>("SELECT pubname FROM pg_publication");
      for (const { pubname } of names) {
        const was = await catalogue();
        const text = await shown("drop-publication", pubname);
        await paste(text.slice(text.indexOf("-- To have it back:")));
        assert.deepEqual(await catalogue(), was, text);
      }
      for (const { pubname } of names) {
        await walctl(["drop-publication", pubname], { server });
      }
    });

    test("The SQL of a dry run creates what the command would create.", async () => {
      const where = `${SQL_ODD} = ${SQL_TEXT} -- a comment\n OR b = $x$it's\n\\\t$x$`;
      const args = ["-t", `${SQL_ODD}.${SQL_ODD} WHERE ${where}`, "--publish", "insert"];
      const text = await shown("setup-publication", ODD, ...args, "--dry-run");
      await paste(text.slice(text.indexOf("CREATE PUBLICATION")));
      const { stdout } = await walctl(["setup-publication", ODD, ...args], { server });
      assert.match(stdout, /"status":"unchanged"/);
      await server.sql(`DROP PUBLICATION ${SQL_ODD}`);
    });

    test("A name that the server would cut is refused, and no other publication is taken for it.", async () => {
      const name = "é".repeat(31) + "x";
      const longer = `${name}yz`;
      await server.sql(`CREATE PUBLICATION "${name}" FOR TABLE parent`);
      const { status, stderr } = await walctl(["setup-publication", longer, "-t", "parent"], {
        server,
      });
      assert.deepEqual(
        [status, /has 65 bytes, and PostgreSQL's names have 63 at most/.test(stderr)],
        [2, true],
      );
      const drop = await walctl(["drop-publication", longer], { server });
      assert.match(drop.stderr, /^walctl: error: publication ".*yz" does not exist/);
      const listed = await walctl(["publications", longer], { server });
      assert.equal(listed.status, 1);
      await server.sql(`DROP PUBLICATION "${name}"`);
    });

    test("What doctor and an error suggest works for such names too.", async () => {
      await server.sql(`CREATE TABLE ${SQL_ODD}.nokey (a int)`);
      await server.sql(`CREATE PUBLICATION p FOR TABLE ${SQL_ODD}.nokey`);
      await server.sql(
        `CREATE ROLE reader LOGIN REPLICATION; GRANT CREATE ON DATABASE postgres TO reader`,
      );
      for (const check of ["replica_identity", "role_select"]) {
        const text = await shown("doctor", "-U", "reader");
        const [, fix = ""] =
          new RegExp(`(?:FAIL|warning) +${check}: .*\n(?: +(?!psql).*\n)* +(psql .*)`).exec(text) ??
          [];
        await pasteCommand(fix, server.env);
        assert.doesNotMatch(
          await shown("doctor", "-U", "reader"),
          new RegExp(`^(FAIL|warning) +${check}`, "m"),
        );
      }
      await server.sql(`DROP PUBLICATION p; ALTER TABLE ${SQL_ODD}.nokey REPLICA IDENTITY DEFAULT`);
      const refused = await shown("setup-publication", ODD, "-t", `${SQL_ODD}.nokey`);
      const [, full = ""] = /: (walctl setup-publication .*)$/m.exec(refused) ?? [];
      assert.match(await pasteCommand(full, server.env), /"status":"created"/);
      await server.sql(`ALTER ROLE ${SQL_ODD} NOSUPERUSER`);
      const denied = await walctl(["create-slot", "s", "-U", ODD], { server });
      const [, grant = ""] = /^HINT: As a superuser: (ALTER ROLE .*)$/m.exec(denied.stderr) ?? [];
      await paste(grant);
      assert.equal((await walctl(["create-slot", "s", "-U", ODD], { server })).status, 0);
    });
  });
}
