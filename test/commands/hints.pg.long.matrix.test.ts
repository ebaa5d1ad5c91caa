/**
 * Every hint and every `fix`, pasted on a server where something is at stake: changes that wait in slots, tables
 * without keys, programs that write, readers that follow. Whatever is pasted, no slot goes or moves, what waits in it
 * still waits, no publication publishes less, and every program writes as before.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { spawnWalctl, walctl } from "../support/program/cli.ts";
import { pasteCommand } from "../support/program/paste.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { newestOrBoth } from "../matrix/support/versions.ts";
import { situations } from "./hints/situations.ts";

/** What is pasted: a command, or SQL. */
const PASTED =
  /\b(?:(?:walctl|psql|createdb|pg_isready|export) .*|(?:ALTER|GRANT|CREATE) [A-Z].*)$/;
/** What costs somebody something is named in words, and never to be pasted. */
const HARMFUL =
  /drop-slot|pg_drop_|\bDROP\b|advance|--force|terminate|--ack|keep_size = '-?\d+[kM]?B?'/;

const TABLES = ["orders", "items", "keyless", "leaf", "heir"];
const PLUGIN_OPTIONS = `'proto_version', '1', 'publication_names', 'app_pub'`;

interface Stake {
  readonly slots: ReadonlyMap<string, string>;
  /** What waits in each slot. */
  readonly waiting: ReadonlyMap<string, readonly string[]>;
  readonly published: readonly string[];
}

for (const version of newestOrBoth()) {
  describe(`pasting what walctl suggests, PostgreSQL ${version}`, () => {
    let server: TestServer;
    let holder: Awaited<ReturnType<TestServer["connect"]>>;

    before(async () => {
      const sizes = { max_wal_size: "32MB", min_wal_size: "32MB", checkpoint_timeout: "1d" };
      const settings = { ...sizes, max_replication_slots: "20", max_slot_wal_keep_size: "10GB" };
      server = await startServer({ version, settings });
      await server.sql("CREATE DATABASE other");
      await server.sql(`CREATE ROLE plain LOGIN;
        CREATE TABLE orders (id int PRIMARY KEY, status text); CREATE TABLE items (id int PRIMARY KEY);
        CREATE TABLE keyless (id int);
        CREATE TABLE parted (id int) PARTITION BY RANGE (id);
        CREATE TABLE leaf PARTITION OF parted FOR VALUES FROM (0) TO (1000);
        CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE heir () INHERITS (parent);
        CREATE PUBLICATION app_pub FOR TABLE orders`);
      for (const [slot, plugin] of [
        ["app", "pgoutput"],
        ["fresh", "pgoutput"],
        ["test", "test_decoding"],
      ] as const) {
        await server.sql(`SELECT pg_create_logical_replication_slot('${slot}', '${plugin}')`);
      }
      await server.sql("SELECT pg_create_physical_replication_slot('standby', true)");
      holder = await server.connect();
      await holder.query(
        "SELECT pg_create_logical_replication_slot('temporary', 'pgoutput', true)",
      );
      await server.sql("INSERT INTO orders SELECT n, 'new' FROM generate_series(1, 100) n");
      await server.sql("INSERT INTO items VALUES (1), (2)");
      // WAL of a few segments: the slots keep more than max_wal_size.
      for (let n = 0; n < 4; n++) await server.sql("SELECT pg_switch_wal(), txid_current()");
    });
    after(async () => {
      await holder.end();
      await server.dispose();
    });

    async function stake(held: boolean): Promise<Stake> {
      const slots = await server.sql<{ name: string; state: string; plugin: string | null }>(
        `SELECT slot_name AS name, plugin,
           concat_ws(' ', coalesce(confirmed_flush_lsn, restart_lsn), wal_status) AS state
         FROM pg_replication_slots WHERE database IS DISTINCT FROM 'other' ORDER BY 1`,
      );
      const waiting = new Map<string, readonly string[]>();
      for (const { name, plugin } of slots) {
        // A look counts as sent, which `fresh` is not to be.
        if (plugin === null || ["temporary", "fresh"].includes(name)) continue;
        if (held && name === "app") continue;
        const options = plugin === "pgoutput" ? `, ${PLUGIN_OPTIONS}` : "";
        const rows = await server.sql<{ text: string }>(
          `SELECT concat_ws(' ', lsn, xid, data) AS text
           FROM pg_logical_slot_peek_binary_changes('${name}', NULL, NULL${options})`,
        );
        waiting.set(
          name,
          rows.map(({ text }) => text),
        );
      }
      const published = await server.sql<{ text: string }>(
        `SELECT concat_ws(' ', pubname, schemaname, tablename, pubinsert, pubupdate, pubdelete, pubtruncate) AS text
         FROM pg_publication_tables JOIN pg_publication USING (pubname)`,
      );
      const states = held ? slots.filter(({ name }) => name !== "app") : slots;
      return {
        slots: new Map(states.map(({ name, state }) => [name, state])),
        waiting,
        published: published.map(({ text }) => text),
      };
    }

    /** Other programs: each writes to each table in each way. Nothing of it stays. */
    async function rejectedWrites(): Promise<readonly string[]> {
      const rejected: string[] = [];
      for (const table of TABLES) {
        for (const write of [
          `INSERT INTO ${table} (id) VALUES (999)`,
          `UPDATE ${table} SET id = id + 500 WHERE id < 500`,
          `DELETE FROM ${table}`,
        ]) {
          const program = await server.connect();
          try {
            await program.query("BEGIN");
            await program.query(write);
          } catch {
            rejected.push(write);
          } finally {
            await program.end();
          }
        }
      }
      return rejected;
    }

    afterEach(async () => {
      for (const table of TABLES) await server.sql(`ALTER TABLE ${table} REPLICA IDENTITY DEFAULT`);
      const [{ drops } = { drops: null }] = await server.sql<{ drops: string | null }>(
        "SELECT string_agg(format('DROP PUBLICATION %I', pubname), '; ') AS drops FROM pg_publication WHERE pubname <> 'app_pub'",
      );
      if (drops !== null) await server.sql(drops);
      await server.sql("ALTER PUBLICATION app_pub SET TABLE orders");
      await server.sql(`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
        WHERE slot_name NOT IN ('app', 'fresh', 'test', 'standby', 'temporary') AND database = current_database()`);
      const elsewhere = await server.sql(
        "SELECT FROM pg_replication_slots WHERE database = 'other'",
      );
      if (elsewhere.length > 0) await walctl(["drop-slot", "app_2", "-d", "other"], { server });
      await server.sql(`ALTER ROLE plain NOREPLICATION; REVOKE ALL ON ALL TABLES IN SCHEMA public FROM plain;
        REVOKE CREATE ON DATABASE postgres FROM plain; REVOKE USAGE ON SCHEMA public FROM plain`);
    });

    for (const situation of situations(version)) {
      test(situation.name, async () => {
        const { given, held = false, commands, says, gives } = situation;
        if (given !== undefined) await server.sql(given);
        const [row] = await server.sql<{ lsn: string }>("SELECT pg_current_wal_flush_lsn() AS lsn");
        const reader = held
          ? spawnWalctl(["tail", "-S", "app", "-P", "app_pub"], { server })
          : undefined;
        try {
          if (reader !== undefined) await reader.nextLine();
          const rejectedBefore = await rejectedWrites();
          const atStake = await stake(held);
          const args = situation.args.map((arg) => (arg === "LSN" ? (row?.lsn ?? "") : arg));
          const printed = await walctl(args, { server });
          const text = printed.stdout + printed.stderr;
          if (says !== undefined) assert.match(text, says);
          const pasted = commandsIn(args[0] ?? "", printed);
          assert.equal(pasted.length, commands, text);
          const outputs: string[] = [];
          for (const command of pasted) {
            assert.doesNotMatch(command, HARMFUL);
            assert.equal(command.includes("--all-tables"), situation.all === true);
            outputs.push(await paste(command));
          }
          if (gives !== undefined) assert.match(outputs.join(""), gives);
          await server.sql("CHECKPOINT");
          assertKept(atStake, await stake(held));
          const rejected = await rejectedWrites();
          assert.deepEqual(
            rejected.filter((write) => !rejectedBefore.includes(write)),
            [],
          );
          if (given?.includes("harm") === true) assert.deepEqual(rejected, []);
        } finally {
          await reader?.dispose();
        }
      });
    }

    async function paste(command: string): Promise<string> {
      if (/^(walctl|psql|createdb|pg_isready|export) /.test(command)) {
        return await pasteCommand(command, server.env);
      }
      return await pasteCommand(`psql -c "${command.replace(/[\\"$`]/g, "\\$&")}"`, server.env);
    }
  });
}

/** What stands in a HINT or DETAIL, or in a `fix`, from the first word that begins a command on. */
function commandsIn(
  name: string,
  printed: { readonly stdout: string; readonly stderr: string },
): string[] {
  if (name === "doctor" || name === "slots") {
    const lines = printed.stdout.split("\n").filter((line) => line !== "");
    return lines.flatMap((line) => {
      const parsed = JSON.parse(line) as {
        fix?: string | null;
        faults?: Array<{ fix: string | null }>;
      };
      return [parsed.fix, ...(parsed.faults ?? []).map(({ fix }) => fix)].filter(
        (fix) => fix !== undefined && fix !== null,
      );
    });
  }
  const lines = printed.stderr
    .split("\n")
    .filter((line) => /^(HINT|DETAIL|walctl: warning): /.test(line));
  const colons = lines.flatMap((line) => {
    const [, ...rest] = /: (?=walctl |psql |createdb |pg_isready |export |ALTER |GRANT |CREATE )/[
      Symbol.split
    ](line);
    return rest.slice(-1);
  });
  const options = lines.flatMap((line) => / (-t .*)\?$/.exec(line)?.[1] ?? []);
  return [
    ...colons.map((rest) => PASTED.exec(rest)?.[0] ?? rest),
    ...options.map((option) => `walctl setup-publication new ${option}`),
  ];
}

function assertKept(then: Stake, now: Stake): void {
  for (const [slot, state] of then.slots) assert.equal(now.slots.get(slot), state, slot);
  for (const [slot, changes] of then.waiting) {
    assert.deepEqual(now.waiting.get(slot)?.slice(0, changes.length), changes, slot);
  }
  for (const row of then.published) assert.ok(now.published.includes(row), row);
}
