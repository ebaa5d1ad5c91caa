/** Sequences out of WAL: what is printed of each one last is what the server says after a crash. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { testedVersions } from "../../matrix/support/versions.ts";
import { walctl } from "../../support/program/cli.ts";
import { LineSchema } from "../../support/program/line-schema.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { type Line, assertDone, linesOf } from "./wal-steps.ts";

/** Each is sent by itself: its statements are a transaction, unless they say otherwise. */
const WORK = [
  "SELECT nextval('old') FROM generate_series(1, 40)",
  "SELECT nextval('down')",
  "SELECT nextval('cached')",
  "SELECT setval('set', 77), setval('uncalled', 5, false)",
  "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, s serial)",
  "INSERT INTO t SELECT FROM generate_series(1, 50)",
  "TRUNCATE t RESTART IDENTITY",
  "INSERT INTO t DEFAULT VALUES",
  // Rolled back, and counts all the same.
  "BEGIN; SELECT nextval('lost') FROM generate_series(1, 100); ROLLBACK",
  // In a savepoint without an xid.
  "BEGIN; SAVEPOINT a; SELECT nextval('saved'); ROLLBACK TO a; COMMIT",
  // A restart gives the sequence another file, with the transaction.
  "BEGIN; ALTER SEQUENCE kept RESTART 500; SELECT nextval('kept'); ROLLBACK",
  "ALTER SEQUENCE restarted RESTART 900",
  "BEGIN; ALTER SEQUENCE stepped INCREMENT 10; SAVEPOINT a; SELECT nextval('stepped'); ROLLBACK TO a; COMMIT",
  "BEGIN; SAVEPOINT a; ALTER SEQUENCE undone RESTART 70; ROLLBACK TO a; SELECT nextval('undone'); COMMIT",
  // Of a sequence of its own the savepoint's nextval counts too.
  "BEGIN; CREATE SEQUENCE made START 10; SAVEPOINT a; SELECT nextval('made'); ROLLBACK TO a; COMMIT",
  "BEGIN; CREATE SEQUENCE never; SELECT nextval('never'); ROLLBACK",
  "BEGIN; SAVEPOINT a; CREATE SEQUENCE gone; ROLLBACK TO a; CREATE SEQUENCE stays; COMMIT",
  "BEGIN; ALTER SEQUENCE renamed RENAME TO newname; SELECT nextval('newname'); COMMIT",
  "SELECT nextval('newname') FROM generate_series(1, 40)",
  "CREATE SEQUENCE dropped; SELECT nextval('dropped')",
  "DROP SEQUENCE dropped",
  `SELECT setval('"Odd ""name"', 9223372036854775806)`,
  "CREATE TEMP SEQUENCE temporary; SELECT nextval('temporary')",
  "BEGIN; CREATE SEQUENCE prepared; SELECT nextval('prepared'); PREPARE TRANSACTION 'p'",
  "COMMIT PREPARED 'p'",
];
/** From PostgreSQL 15 on. */
const UNLOGGED = [
  "CREATE UNLOGGED SEQUENCE unlogged; SELECT nextval('unlogged')",
  "CREATE SEQUENCE nowlogged; ALTER SEQUENCE nowlogged SET UNLOGGED; SELECT nextval('nowlogged')",
  "ALTER SEQUENCE nowlogged SET LOGGED",
];
const NAMES = "old set uncalled lost saved kept restarted stepped undone renamed".split(" ");
const SEQUENCES = [...NAMES, '"Odd ""name"'].map((name) => `CREATE SEQUENCE ${name}`);

interface State {
  readonly name: string;
  readonly last_value: string;
  readonly is_called: boolean;
}

for (const version of testedVersions()) {
  describe(`sequences out of the WAL of PostgreSQL ${version}`, () => {
    let root: string;
    let server: TestServer;
    let from: string;
    let truth: readonly State[];

    before(async () => {
      root = mkdtempSync(join(tmpdir(), "walctl-sequences-"));
      server = await startServer({
        version,
        settings: {
          wal_level: "replica",
          full_page_writes: "on",
          max_prepared_transactions: "5",
          wal_keep_size: "1GB",
        },
      });
      await server.sql(
        `${SEQUENCES.join("; ")}; CREATE SEQUENCE down INCREMENT -3; CREATE SEQUENCE cached CACHE 20`,
      );
      from = await server.endSegment();
      await server.sql("CHECKPOINT");
      await catalog("early");
      for (const step of version >= 15 ? [...WORK, ...UNLOGGED] : WORK) await server.sql(step);
      // One is open when the server stops.
      const other = await server.connect();
      other.on("error", () => {});
      await other.query("BEGIN; CREATE SEQUENCE open; SELECT nextval('open'), nextval('old')");
      await server.sql("SELECT nextval('old')");
      await server.stop("immediate");
      await server.start();
      truth = await statesOf(server);
      await catalog("late");
      await server.endSegment();
    });
    after(async () => {
      await server.dispose();
      rmSync(root, { recursive: true });
    });

    async function catalog(name: string): Promise<void> {
      assertDone(await walctl(["catalog", "-q", "-o", join(root, name)], { server }));
    }

    async function decode(name: string, ...args: readonly string[]): Promise<readonly Line[]> {
      const of = ["decode-file", "-q", "--catalog", join(root, name), "--sequences"];
      const result = await walctl([...of, "--tables-changed", ...args, ...server.segments(from)]);
      assertDone(result);
      new LineSchema().assertAll(result.stdout, "--sequences");
      return linesOf(result);
    }

    for (const name of ["early", "late"]) {
      it(`is what it says after a crash, with the ${name} catalogue`, async () => {
        const lines = await decode(name, "--safe-numbers", "--only", "sequence");
        const last = new Map<unknown, State>();
        for (const line of lines) {
          const { oid, name: of, last_value: value, is_called: called } = line;
          const state = { name: String(of), last_value: String(value), is_called: called === true };
          last.set(oid, state);
        }
        const names = new Set(["made", "t_id_seq", 'Odd "name', "kept", "stepped", "undone"]);
        const printed = [...last.values()].filter((each) => each.name !== "dropped");
        for (const each of printed) names.delete(each.name);
        // A rename alone is no record of the sequence.
        assert.deepEqual([...names], ["kept"]);
        const known = truth.filter((each) => printed.some((other) => other.name === each.name));
        assert.deepEqual(sorted(printed), sorted(known));
        const untold = truth.filter((each) => !known.includes(each)).map((each) => each.name);
        // Of these the WAL from there on has nothing.
        assert.deepEqual(untold.toSorted(), ["kept", ...(version >= 15 ? ["unlogged"] : [])]);
      });
    }

    it("says in which transaction a state is, or that it is in none", async () => {
      const lines = await decode("early");
      const of = (name: string): readonly unknown[] =>
        lines
          .filter((line) => line.kind === "sequence" && line["name"] === name)
          .map((line) => [line.xid !== null, line["last_value"], line["may_be_ahead"]]);
      assert.deepEqual(of("lost"), [
        [false, 33, true],
        [false, 66, true],
        [false, 99, true],
        [false, 132, true],
      ]);
      assert.deepEqual(of("saved"), [[false, 33, true]]);
      assert.deepEqual(of("uncalled"), [[false, 5, false]]);
      assert.deepEqual(of("undone"), [[false, 33, true]]);
      assert.deepEqual(of("restarted"), [[true, 900, false]]);
      // The record's savepoint has no xid, or is rolled back.
      assert.deepEqual(of("made"), [
        [true, 10, false],
        [true, 42, true],
      ]);
      assert.deepEqual(of("stepped"), [
        [true, 1, false],
        [true, 321, true],
      ]);
      for (const name of ["never", "gone", "open", "temporary", "unlogged"])
        assert.deepEqual(of(name), [], name);
      assert.equal(of("prepared").length, 2);
      // SET LOGGED logs the page as it is.
      if (version >= 15)
        assert.deepEqual(of("nowlogged"), [
          [true, 1, false],
          [true, 1, false],
        ]);
      assertWithin(lines);
    });

    it("prints with --aborted what went with a transaction", async () => {
      const lines = await decode("early", "--aborted", "--only", "begin,sequence,abort");
      const [begin, first, second, abort] = lines.slice(
        lines.findIndex((line) => line["name"] === "never") - 1,
      );
      assert.deepEqual([begin?.["aborted"], abort?.kind], [true, "abort"]);
      assert.deepEqual(
        [first, second].map((line) => [line?.["name"], line?.["last_value"], line?.xid]),
        [
          ["never", 1, begin?.xid],
          ["never", 33, begin?.xid],
        ],
      );
    });
  });
}

/** A state of a transaction stands between its begin and its commit. */
function assertWithin(lines: readonly Line[]): void {
  let open: number | null = null;
  for (const { kind, xid } of lines) {
    if (kind === "begin") open = xid;
    if (kind === "sequence") assert.ok((xid as number | null) === null || xid === open);
    if (kind === "commit") open = null;
  }
}

async function statesOf(server: TestServer): Promise<readonly State[]> {
  const sequences = await server.sql<{ name: string; quoted: string }>(
    "SELECT relname AS name, oid::regclass::text AS quoted FROM pg_class WHERE relkind = 'S'",
  );
  const states: State[] = [];
  for (const { name, quoted } of sequences) {
    const [state] = await server.sql<Omit<State, "name">>(
      `SELECT last_value::text, is_called FROM ${quoted}`,
    );
    if (state !== undefined) states.push({ name, ...state });
  }
  return states;
}

function sorted(states: readonly State[]): readonly State[] {
  return states.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
