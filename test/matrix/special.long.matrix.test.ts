/** What needs a database, a server or a moment of its own. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import pg from "pg";
import { type RunResult, spawnWalctl, walctl } from "../support/program/cli.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { type StreamLine, parseStream } from "./support/stream-line.ts";
import { testedVersions } from "./support/versions.ts";

for (const version of testedVersions()) {
  describe(`PostgreSQL ${version}`, () => {
    let server: TestServer;

    before(async () => {
      server = await startServer({ version });
    });
    after(() => server.dispose());

    const tail = async (args: readonly string[]): Promise<StreamLine[]> => {
      const result = await walctl(["tail", "-E", "now", "-q", ...args], { server });
      return linesOf(result);
    };
    const createSlot = (name: string): Promise<unknown> =>
      server.sql(`SELECT pg_create_logical_replication_slot('${name}', 'pgoutput')`);

    test("types that are made while the stream runs are looked up without stopping it", async (t) => {
      await server.sql("CREATE PUBLICATION live FOR ALL TABLES");
      await createSlot("live");
      const running = spawnWalctl(["tail", "-S", "live", "-P", "live"], { server });
      t.after(() => running.dispose());
      await server.sql("CREATE TABLE first (id int PRIMARY KEY); INSERT INTO first VALUES (1)");
      await running.waitFor((line) => line.includes('"commit"'));
      await server.sql(
        `CREATE TYPE mood AS ENUM ('a "b"', 'c'); CREATE DOMAIN cents AS numeric(9,2);
        CREATE TYPE pair AS (m mood[], n cents); CREATE TABLE second (id int PRIMARY KEY, p pair[])`,
      );
      await server.sql(
        `INSERT INTO second VALUES (1, ARRAY[ROW('{"a \\"b\\"",NULL}', 1.1)::pair])`,
      );
      const lines = await running.waitFor((line) => line.startsWith('{"kind":"insert"'));
      assert.match(
        lines.at(-1) ?? "",
        /"new":\{"id":1,"p":\[\{"m":\["a \\"b\\"",null\],"n":1\.10\}\]\}/,
      );
      // What commits at once after an ALTER TYPE may be text: see altered-types.
      await server.sql("ALTER TYPE pair ADD ATTRIBUTE more text; ALTER TABLE second ADD z int");
      await sleep(1000);
      await server.sql("INSERT INTO second VALUES (2, ARRAY[ROW(NULL, 2, 'x')::pair])");
      const altered = await running.waitFor((line) => line.startsWith('{"kind":"insert"'));
      assert.match(altered.at(-1) ?? "", /"p":\[\{"m":null,"n":2\.00,"more":"x"\}\],"z":null/);
      assert.equal((await running.stop()).status, 0);
    });

    test("safe numbers: what a double cannot hold is a string, and nothing else is", async () => {
      await server.sql(
        `CREATE TABLE numbers (id int PRIMARY KEY, i int8, n numeric, f float8, a int8[], j jsonb)`,
      );
      await server.sql("CREATE PUBLICATION numbers FOR TABLE numbers");
      await createSlot("numbers");
      await server.sql(
        `INSERT INTO numbers VALUES (1, 9007199254740993, 0.12345678901234567890, 0.1, '{1,9223372036854775807}', '9007199254740993'),
          (2, 9007199254740992, 1.10, 1e300, NULL, '1'), (3, -9223372036854775808, 1e40, 'NaN', '{}', NULL)`,
      );
      const rows = (await tail(["-S", "numbers", "-P", "numbers", "--safe-numbers"]))
        .filter(({ kind }) => kind === "insert")
        .map((line) => [...(line.row("new")?.values() ?? [])].slice(1).join(" "));
      const e40 = `1${"0".repeat(40)}`;
      assert.deepEqual(rows, [
        '"9007199254740993" "0.12345678901234567890" 0.1 [1,"9223372036854775807"] "9007199254740993"',
        "9007199254740992 1.10 1e+300 null 1",
        `-9223372036854775808 "${e40}" "NaN" [] null`,
      ]);
    });

    // A session in UTF8 would be refused them (22021).
    test("bytes that are not UTF-8 come as base64, never mangled", async () => {
      await server.sql(
        "CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'",
      );
      const client = new pg.Client({
        host: server.host,
        port: server.port,
        user: "postgres",
        database: "ascii",
      });
      await client.connect();
      const bytes = "convert_from('\\x61ff22c3', 'SQL_ASCII')";
      try {
        await client.query(`SET client_encoding = 'SQL_ASCII'; CREATE TABLE raw (id int PRIMARY KEY, t text, a text[], j json, k text);
          ALTER TABLE raw REPLICA IDENTITY FULL; CREATE PUBLICATION raw FOR TABLE raw`);
        await client.query("SELECT pg_create_logical_replication_slot('ascii', 'pgoutput')");
        await client.query(
          `INSERT INTO raw VALUES (1, ${bytes}, ARRAY[${bytes}, 'plain'], NULL, 'é')`,
        );
        await client.query("DELETE FROM raw");
      } finally {
        await client.end();
      }
      const lines = await tail(["-d", "ascii", "-S", "ascii", "-P", "raw"]);
      const raw = `{"bytes_base64":"${Buffer.from([0x61, 0xff, 0x22, 0xc3]).toString("base64")}"}`;
      const expected = ["1", raw, `[${raw},"plain"]`, "null", '"é"'];
      const insert = lines.find(({ kind }) => kind === "insert");
      assert.deepEqual([...(insert?.row("new")?.values() ?? [])], expected);
      const deleted = lines.find(({ kind }) => kind === "delete");
      assert.deepEqual([...(deleted?.row("old")?.values() ?? [])], expected);
    });

    test("oids beyond 2^31 are unsigned, a table's and a type's", async () => {
      await server.sql("CREATE TABLE high (id int, d int4); CREATE DOMAIN high_d AS numeric");
      await server.sql("ALTER TABLE high ALTER d TYPE high_d USING d::numeric");
      await server.sql("ALTER TABLE high REPLICA IDENTITY NOTHING");
      // As if the server had counted that far.
      await server.sql(`SET allow_system_table_mods = on;
        UPDATE pg_type SET oid = 4000000001 WHERE typname = 'high_d';
        UPDATE pg_attribute SET atttypid = 4000000001 WHERE attrelid = 'high'::regclass AND attname = 'd';
        UPDATE pg_attribute SET attrelid = 4000000000 WHERE attrelid = 'high'::regclass;
        UPDATE pg_type SET typrelid = 4000000000 WHERE typname = 'high';
        UPDATE pg_class SET oid = 4000000000 WHERE relname = 'high'`);
      await server.sql(
        "RESET allow_system_table_mods; CREATE PUBLICATION high FOR TABLE high WITH (publish = 'insert, truncate')",
      );
      await createSlot("high");
      await server.sql("INSERT INTO high VALUES (1, 1.10); TRUNCATE high");
      const lines = await tail(["-S", "high", "-P", "high"]);
      const relation = lines.find(({ kind }) => kind === "relation");
      assert.equal(relation?.value("oid"), 4_000_000_000);
      assert.match(
        relation?.members.get("columns") ?? "",
        /"type":"high_d","type_oid":4000000001,/,
      );
      assert.equal(lines.find(({ kind }) => kind === "type")?.value("oid"), 4_000_000_001);
      assert.equal(
        lines
          .find(({ kind }) => kind === "insert")
          ?.row("new")
          ?.get("d"),
        "1.10",
      );
      assert.equal(lines.filter(({ kind }) => kind === "truncate").length, 1);
    });
  });
}

function linesOf({ status, stdout, stderr }: RunResult): StreamLine[] {
  assert.equal(stderr, "");
  assert.equal(status, 0);
  return parseStream(stdout);
}
