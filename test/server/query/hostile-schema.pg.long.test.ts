/**
 * A superuser runs every command in a database whose owner (on 14: anybody) has planted functions, operators, types,
 * casts and views in the way of all that walctl names (CVE-2018-1058): none of them is called.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { connect } from "../../../src/server/connection/connect.ts";
import { inspectRole } from "../../../src/server/doctor/inspect-server.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";
import { type RunOptions, type RunResult, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { commandNames, helpOf } from "../../support/program/inside.ts";
import { TRAP, plantHostileObjects } from "../../support/server/hostile-objects.ts";
import { startSessionPooler } from "../../support/server/session-pooler.ts";
import { sentStatements } from "../../support/tools/sent-statements.ts";
import {
  type ServerVersion,
  type TestServer,
  installedVersions,
  startServer,
} from "../../support/server/server.ts";
import { until } from "../../support/tools/until.ts";

interface Attack {
  readonly version: ServerVersion;
  readonly owner: boolean;
  /** Of the database; undefined: the server's own. */
  readonly path?: string;
  readonly schemas: readonly string[];
}

const PUBLIC_FIRST = 'public, "$user", pg_catalog';
const ATTACKS: readonly Attack[] = [
  { version: 14, owner: false, schemas: ["public"] },
  { version: 14, owner: true, schemas: ["public"], path: PUBLIC_FIRST },
  { version: 15, owner: true, schemas: ["public"], path: PUBLIC_FIRST },
  { version: 18, owner: true, schemas: ["postgres", "public"] },
  { version: 18, owner: true, schemas: ["public"], path: PUBLIC_FIRST },
];

const DATABASE = "trap";
/** The commands. */
const ran = new Set<string>();

/** Sent to standbys and servers that were promoted alone: no operator, and no name that is looked up along a path. */
const NAMES_NOTHING = new Set([
  "TIMELINE_HISTORY ${timeline}",
  "SELECT pg_catalog.pg_is_in_recovery() AS recovering",
]);
/** Sent to servers of PostgreSQL 19 and later alone. */
const FROM_19 = /^SELECT .*\bpg_authid\b/;

for (const attack of ATTACKS.filter(({ version }) => installedVersions().includes(version))) {
  const { version, owner, path, schemas } = attack;
  const story = `${owner ? "the owner's" : "anybody's"} objects, search_path ${path ?? "as it is"}`;
  describe(`a hostile database on PostgreSQL ${version}: ${story}`, () => {
    let server: TestServer;
    let mallory: pg.Client;
    let folder: string;
    /** What the runs have ended with. */
    const failed: string[] = [];

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), "walctl-hostile-"));
      server = await startServer({ version, settings: { max_wal_senders: "3" }, tcp: true });
      await server.sql("CREATE ROLE mallory LOGIN");
      await server.sql(`CREATE DATABASE ${DATABASE} OWNER ${owner ? "mallory" : "postgres"}`);
      mallory = new pg.Client({
        host: server.host,
        port: server.port,
        user: "mallory",
        database: DATABASE,
      });
      await mallory.connect();
      for (const schema of schemas) {
        if (schema !== "public") await mallory.query(`CREATE SCHEMA ${schema}`);
        assert.ok((await plantHostileObjects(mallory, schema)) > 30_000);
      }
      await mallory.query(
        "CREATE TABLE public.things (id int PRIMARY KEY, v pg_catalog.text, o public.own)",
      );
      if (path !== undefined)
        await mallory.query(`ALTER DATABASE ${DATABASE} SET search_path = ${path}`);
      await server.sql("CREATE ROLE carol LOGIN");
      for (const role of ["postgres", "carol"])
        await server.sql(`ALTER ROLE ${role} IN DATABASE ${DATABASE} SET log_statement = 'all'`);
    });
    after(async () => {
      await mallory.end();
      await server.dispose();
      rmSync(folder, { recursive: true });
    });

    const insert = (id: number): Promise<unknown> =>
      mallory.query(`INSERT INTO public.things VALUES (${id}, 'x', ROW(1, 'b'))`);

    const position = async (): Promise<string> => {
      const [row] = await server.sql<{ lsn: string }>("SELECT pg_current_wal_flush_lsn() AS lsn");
      return row?.lsn ?? "";
    };

    /** Runs it as the superuser. */
    const run = async (
      status: number | "any",
      args: readonly string[],
      options: RunOptions = {},
    ): Promise<RunResult> => {
      ran.add(args[0] ?? "");
      const result = await walctl(args, { server, env: { PGDATABASE: DATABASE }, ...options });
      if (status !== "any" && result.status !== status)
        failed.push(`walctl ${args.join(" ")}: ${result.status}\n${result.stderr}`);
      return result;
    };

    test("publications", async () => {
      await run(1, ["tail", "-E", "now"]);
      await run(0, ["setup-publication", "p", "-t", "things"]);
      await run(0, ["setup-publication", "p", "-t", "things", "--publish", "insert", "--sync"]);
      await run(1, ["setup-publication", "p", "-t", "public.things"]);
      await run(1, ["setup-publication", "q", "-t", "Nowhere"]);
      const carol = { PGDATABASE: DATABASE, PGUSER: "carol" };
      await run(1, ["setup-publication", "hers", "-t", "public.things"], { env: carol });
      // A schema that she may not use.
      await run(1, ["setup-publication", "hers", "-t", "pg_toast.things"], { env: carol });
      await run(0, ["setup-publication", "q", "--all-tables", "--dry-run"]);
      await run(0, ["publications"]);
      await run(1, ["publications", "p", "nowhere"]);
      await run(0, ["setup-publication", "d", "-t", "things"]);
      await run(0, ["drop-publication", "d", "--dry-run"]);
      await run(0, ["drop-publication", "d"]);
      await run(1, ["drop-publication", "d"]);
      if (version >= 15) {
        await run(0, ["setup-publication", "w", "-t", "things (id, v) WHERE (id > 1)"]);
        await run(0, ["setup-publication", "sc", "--schema", "public"]);
        await run(1, ["setup-publication", "no", "--schema", "nowhere"]);
      }
    });

    test("slots that are made, and wait for a transaction", async () => {
      await run(0, ["create-slot", "s"]);
      await run(0, ["create-slot", "s"]);
      await mallory.query("BEGIN");
      await insert(100);
      await run(1, ["create-slot", "late", "--lock-timeout", "2"]);
      await mallory.query("COMMIT");
    });

    test("streams", async () => {
      await insert(1);
      const { stdout } = await run(0, ["tail", "-S", "s", "-P", "p", "-E", "now"]);
      assert.match(stdout, /"new":\{"id":1,"v":"x","o":\{"a":1,"b":"b"\}\}/);
      await run(0, ["tail", "-S", "s", "-P", "p", "--ack", "-o", join(folder, "f"), "-E", "now"]);
      await run(0, ["tail", "-P", "p", "-I", "0/1", "-E", "now"]);
      await run(0, ["tail", "-P", "p", "--until", "2026-01-01"]);
      await run(0, ["tail", "-P", "p", "--row", "things 1", "--until", "+2s"]);
      await run(0, ["tail", "-S", "b", "-P", "bp", "--bootstrap", "-t", "things", "-E", "now"]);
      await run(1, ["tail", "-S", "gone", "-P", "p"]);
      await run(1, ["tail", "-S", "s", "-P", "gone"]);
    });

    test("a slot in use, and the walsender that has to be given up", async (t) => {
      const env = { PGDATABASE: DATABASE };
      const holder = spawnWalctl(["tail", "-S", "s", "-P", "p"], { server, env });
      t.after(() => holder.dispose());
      await insert(2);
      await holder.waitFor((line) => line.includes('"commit"'));
      await run(1, ["tail", "-S", "s", "-P", "p"]);
      await run(1, ["drop-slot", "s"]);
      await run(1, ["advance-slot", "s", await position()]);
      // Made again: what is asked before a second start.
      await server.sql(
        "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active",
      );
      await insert(3);
      await holder.waitFor((line) => line.includes('"commit"'));
      assert.equal((await holder.stop()).status, 0);
    });

    test("a stalled reader", async (t) => {
      const stalled = spawnWalctl(["tail", "-S", "s", "-P", "p"], {
        server,
        env: { PGDATABASE: DATABASE },
      });
      t.after(() => stalled.dispose());
      await insert(4);
      await stalled.nextLine();
      stalled.stall();
      await mallory.query(
        "INSERT INTO public.things SELECT g, repeat('x', 1000), NULL FROM generate_series(1000, 6000) g",
      );
      const asked = (): boolean => server.log().includes("pg_stat_activity WHERE pid =");
      for (let tries = 0; tries < 200 && !asked(); tries++) await sleep(50);
      assert.ok(asked());
      stalled.resume();
      assert.equal((await stalled.stop()).status, 0);
    });

    test("slots, doctor, completion, and the end of a slot", async () => {
      await run(0, ["slots"]);
      const primary = { PGDATABASE: DATABASE, PGTARGETSESSIONATTRS: "primary" };
      await run(0, ["slots"], { env: primary });
      await run("any", ["doctor"]);
      await run("any", ["doctor", "-S", "s", "-P", "p"]);
      // What doctor asks PostgreSQL 19 only.
      const client = await connect(resolveTarget({ dbname: DATABASE }, server.env), "ordinary");
      await inspectRole(client, 190_000);
      await client.end();
      await server.sql(`SELECT pg_create_physical_replication_slot('filler_' || n) FROM generate_series(1,
        current_setting('max_replication_slots')::int - (SELECT count(*)::int FROM pg_replication_slots)) n`);
      await run(1, ["doctor"]);
      await server.sql(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_type = 'physical'",
      );
      const readers = ["-S s", "", ""].map((slot) =>
        spawnWalctl(["tail", "-P", "p", ...slot.split(" ").filter(Boolean)], {
          server,
          env: { PGDATABASE: DATABASE },
        }),
      );
      try {
        await until(
          async () =>
            (await server.sql("SELECT FROM pg_stat_replication")).length >= readers.length,
          50,
        );
        await run("any", ["doctor", "-S", "s"]);
      } finally {
        for (const reader of readers) await reader.stop();
      }
      const pooler = await startSessionPooler(server, false);
      const env = { PGDATABASE: DATABASE, PGHOST: "127.0.0.1", PGPORT: String(pooler.port) };
      await run("any", ["doctor"], { env });
      await pooler.close();
      await run(0, ["__complete", "slots"]);
      await run(0, ["__complete", "publications"]);
      await run(0, ["__complete", "tables"]);
      await run(0, ["__complete", "databases"]);
      const end = await position();
      await run(1, ["advance-slot", "b", end]);
      await run(0, ["advance-slot", "b", end, "--force"]);
      await run(1, ["advance-slot", "b", "FFFF/0"]);
      await run(1, ["advance-slot", "gone", "0/1"]);
      await run(0, ["drop-slot", "b"]);
      await run(1, ["drop-slot", "gone"]);
    });

    test("the catalogue", async () => {
      await run(0, ["catalog", "-o", join(folder, "catalog")]);
    });

    test("each ended as it does elsewhere", () => {
      assert.deepEqual(failed, []);
    });

    test("nothing of it was called", () => {
      const calls = server.log().match(new RegExp(`LOG: +${TRAP}.*`, "g"));
      assert.deepEqual([...new Set(calls)], []);
      // The log holds what would be said.
      assert.match(server.log(), /LOG: +statement: SET LOCAL search_path/);
    });

    // 14 knows no schemas in a publication.
    test("each statement of the sources was among those", { skip: version < 15 }, () => {
      const log = server.log().replace(/\s+/g, " ");
      const statements = sentStatements();
      assert.ok(statements.length > 20);
      const unsent = statements.filter(
        ({ text, pattern }) =>
          !pattern.test(log) && !NAMES_NOTHING.has(text) && !FROM_19.test(text),
      );
      assert.deepEqual(
        unsent.map(({ file, text }) => `${file}: ${text}`),
        [],
        "a command above must send it",
      );
    });
  });
}

test("each command that connects was run", async () => {
  const names = await commandNames();
  assert.ok(names.includes("slots"));
  for (const name of names) {
    assert.equal(ran.has(name), (await helpOf(name)).includes("--dbname"), name);
  }
});
