/** Names and values that would like to be SQL, in every place where one reaches a statement. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { connect } from "../../../src/server/connection/connect.ts";
import {
  quoteIdentifier,
  quoteIdentifierList,
  quoteLiteral,
  quoteQualified,
  quoteReplicationString,
  quoteTextArray,
} from "../../../src/server/query/sql.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { parseLines } from "../../support/program/lines.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

/** Each tries to leave its quotes in another way, and then to drop the table `victim`. */
const INJECTIONS = [
  `'; DROP TABLE victim; --`,
  `"; DROP TABLE victim; --`,
  `\\'; DROP TABLE victim; --`,
  `\\"; DROP TABLE victim; --`,
  `''"";DROP TABLE victim`,
  `$$; DROP TABLE victim; $$`,
  `$1 /* */ -- {} %s \\000 \\x27`,
  `E'\\'' || "\\"`,
  `U&'\\0027' "U&"`,
  `line\nbreak\r\ttab`,
  `ʹ’＇"″‟ emoji 🦉`,
  `) (proto_version '1'`,
  ` leading and trailing `,
  `UPPER lower`,
  `a.b`,
  `--all`,
];
/** For what takes a process for each. */
const SOME = INJECTIONS.slice(0, 5);

for (const version of [15, 18] as const) {
  describe(`injections on PostgreSQL ${version}`, () => {
    let server: TestServer;
    let client: pg.Client;

    before(async () => {
      server = await startServer({ version });
      await server.sql("CREATE TABLE victim (id int PRIMARY KEY)");
      client = await connect(resolveTarget({}, server.env), "logical");
    });
    after(async () => {
      await client.end();
      assert.equal((await server.sql("SELECT 1 FROM pg_class WHERE relname = 'victim'")).length, 1);
      await server.dispose();
    });

    test("a literal, an array and an identifier come back as they went, whatever the settings", async () => {
      for (const conforming of ["on", "off"]) {
        await client.query(`SET standard_conforming_strings = ${conforming}`);
        await client.query("SET backslash_quote = on");
        for (const text of INJECTIONS) {
          const sql = `SELECT ${quoteLiteral(text)} AS literal, ${quoteTextArray([text, text])} AS list, 1 AS ${quoteIdentifier(text)}`;
          const { rows, fields } = await client.query<Record<string, unknown>>(sql);
          assert.equal(rows[0]?.["literal"], text);
          assert.deepEqual(rows[0]?.["list"], [text, text]);
          assert.equal(fields[2]?.name, text);
        }
      }
      await client.query("RESET standard_conforming_strings; RESET backslash_quote");
    });

    test("a NUL, which would end the statement, is refused by all", () => {
      const quoting = [quoteIdentifier, quoteLiteral, quoteReplicationString];
      for (const quote of quoting) assert.throws(() => quote("a\0b"), TypeError);
      assert.throws(() => quoteQualified("a", "\0"), TypeError);
      assert.throws(() => quoteIdentifierList(["a", "\0"]), TypeError);
      assert.throws(() => quoteTextArray(["a", "\0"]), TypeError);
    });

    test("publications, schemas, tables and columns of such names go all the way", async () => {
      await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
      const run = (args: readonly string[]): Promise<RunResult> => walctl(args, { server });
      for (const name of INJECTIONS) {
        const quoted = `${quoteQualified(name, name)} (${quoteIdentifier(name)})`;
        await server.sql(
          `CREATE SCHEMA ${quoteIdentifier(name)}; CREATE TABLE ${quoteQualified(name, name)} (${quoteIdentifier(name)} int PRIMARY KEY)`,
        );
        const table = version >= 15 ? quoted : quoteQualified(name, name);
        const made = await run(["setup-publication", "-t", table, "--", name]);
        assert.equal(made.status, 0, made.stderr);
        assert.match(made.stdout, /"created"/);
      }
    });

    test("such publications are streamed", async () => {
      await server.sql("SELECT pg_create_logical_replication_slot('later', 'pgoutput')");
      for (const name of INJECTIONS) {
        await server.sql(`INSERT INTO ${quoteQualified(name, name)} VALUES (1)`);
      }
      const publications = INJECTIONS.flatMap((name) => ["-P", name]);
      const args = ["tail", "-S", "later", ...publications, "-E", "now", "--only", "insert"];
      const { status, stdout, stderr } = await walctl(args, { server });
      assert.equal(status, 0, stderr);
      assert.deepEqual(
        parseLines(stdout).map((line) => [line.schema, line.table, line.new]),
        INJECTIONS.map((name) => [name, name, { [name]: 1 }]),
      );
    });

    test("slots of such names are refused before the server is asked, and what is not there is only not found", async () => {
      for (const name of SOME) {
        for (const args of [
          ["create-slot", name],
          ["drop-slot", name],
          ["advance-slot", name, "0/1"],
          ["tail", "-P", name, `--slot=${name}`],
        ]) {
          const { status, stderr } = await walctl(args, { server });
          assert.notEqual(status, 0, args.join(" "));
          assert.doesNotMatch(stderr, /syntax error|internal error/, args.join(" "));
        }
        const missing = await walctl(["tail", `--publication=x${name}`], { server });
        assert.equal(missing.status, 1);
        assert.match(missing.stderr, /does not exist/);
      }
    });

    test("nor do databases, roles, hosts and settings of the environment become anything else", async () => {
      for (const name of SOME) {
        for (const variable of ["PGDATABASE", "PGUSER", "PGAPPNAME", "PGOPTIONS", "PGHOST"]) {
          const { stderr } = await walctl(["drop-slot", "none"], {
            server,
            env: { [variable]: name },
          });
          assert.match(stderr, /^walctl: error: /);
          assert.doesNotMatch(stderr, /internal error|syntax error/, `${variable}=${name}`);
        }
      }
    });
  });
}
