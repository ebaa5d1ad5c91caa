/** What one process leaves in FILE and beside it, and what the next one makes of that. */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningWalctl, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { endsInTime } from "../../support/program/opened.ts";
import { committedIds, parseLines } from "../../support/program/lines.ts";
import { LOAD_TABLE, startLoad } from "../../support/server/load.ts";
import { seededRandom } from "../../support/tools/random.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import { until } from "../../support/tools/until.ts";

for (const version of newestOrBoth()) {
  describe(`a file across processes on PostgreSQL ${version}`, () => {
    let server: TestServer;
    let folder: string;
    let slots = 0;
    let slot: string;
    let file: string;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), "walctl-output-file-"));
      server = await startServer({ version, settings: { max_replication_slots: "40" } });
      await server.sql(`${LOAD_TABLE}; CREATE PUBLICATION p FOR TABLE load`);
    });
    after(async () => {
      await server.dispose();
      rmSync(folder, { recursive: true });
    });
    beforeEach(async () => {
      slot = `s${slots++}`;
      file = join(folder, `${slot}.ndjson`);
      await server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    });

    const args = (...more: string[]): string[] => [
      "tail",
      "-S",
      slot,
      "-P",
      "p",
      "--ack",
      "-o",
      file,
      "--wait",
      ...more,
    ];
    const start = (t: TestContext, ...more: string[]): RunningWalctl => {
      const running = spawnWalctl(args("-s", "0.2", ...more), { server });
      t.after(() => running.dispose());
      return running;
    };
    const content = (): string => (existsSync(file) ? readFileSync(file, "utf8") : "");
    const holds = async (text: string): Promise<void> => {
      await until(() => content().includes(text));
    };
    /** A message outside of transactions is in the log before it is written. */
    const written = async (): Promise<void> => {
      const sql = "SELECT 1 WHERE pg_current_wal_lsn() < pg_current_wal_insert_lsn()";
      await until(async () => (await server.sql(sql)).length === 0);
    };
    /** The slot is past all that the server has written by now. */
    const settled = async (): Promise<void> => {
      const [row] = await server.sql<{ lsn: string }>("SELECT pg_current_wal_lsn()::text AS lsn");
      const sql = `SELECT 1 FROM pg_replication_slots WHERE slot_name = '${slot}' AND confirmed_flush_lsn >= '${row?.lsn}'`;
      await until(async () => (await server.sql(sql)).length > 0, 50);
    };

    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      for (const streaming of ["off", "on"]) {
        test(`messages outside of transactions stay when they were acknowledged: ${signal}, --streaming ${streaming}`, async (t) => {
          const more = ["--messages", "--streaming", streaming];
          const running = start(t, ...more);
          await server.sql("INSERT INTO load SELECT coalesce(max(id), 0) + 1, 'x' FROM load");
          await server.sql("SELECT pg_logical_emit_message(false, 'm', 'one')");
          await server.sql("SELECT pg_logical_emit_message(false, 'm', 'two')");
          await holds('"content":"two"');
          await settled();
          await running.stop(signal);
          const old = content();
          const { status, stderr } = await walctl(args(...more, "-E", "now"), { server });
          assert.equal(status, 0, stderr);
          assert.doesNotMatch(stderr, /cut|warning/);
          assert.equal(content(), old);
          await server.sql("SELECT pg_logical_emit_message(false, 'm', 'three')");
          await written();
          assert.equal((await walctl(args(...more, "-E", "now"), { server })).status, 0);
          assert.deepEqual(contents(content().slice(old.length)), ["three"]);
          assert.deepEqual(contents(content()), ["one", "two", "three"]);
        });
      }
    }

    test("the last acknowledgement waits for a disk that takes its time, unless a signal comes", async () => {
      await server.sql("INSERT INTO load SELECT coalesce(max(id), 0) + 1, 'x' FROM load");
      const endAtNow = args("-E", "now");
      const { status, stderr } = await walctl(endAtNow, { server, env: slowDisk(1000) });
      assert.equal(status, 0, stderr);
      const [, printed, acknowledged] =
        /printed up to (\S+), acknowledged up to (\S+)$/m.exec(stderr) ?? [];
      assert.equal(acknowledged, printed, stderr);
      const moved = `SELECT FROM pg_replication_slots WHERE slot_name = '${slot}' AND confirmed_flush_lsn >= '${printed}'`;
      assert.equal((await server.sql(moved)).length, 1, stderr);

      await server.sql("INSERT INTO load SELECT coalesce(max(id), 0) + 1, 'x' FROM load");
      const running = spawnWalctl(endAtNow, { server, env: slowDisk(60_000) });
      await until(() => content().split('"kind":"commit"').length >= 3);
      await endsInTime(running, "SIGTERM");
    });

    test("messages come once when the slot falls back behind them", async (t) => {
      const running = start(t, "--messages");
      await server.sql("INSERT INTO load SELECT coalesce(max(id), 0) + 1, 'x' FROM load");
      await server.sql("SELECT pg_logical_emit_message(false, 'm', 'one')");
      await holds('"content":"one"');
      await running.stop("SIGKILL");
      // What a crash leaves of confirmed_flush_lsn is what was saved last.
      await server.kill();
      await server.start();
      const again = await walctl(args("--messages", "-E", "now"), { server });
      assert.equal(again.status, 0, again.stderr);
      assert.deepEqual(contents(content()), ["one"]);
    });

    test("an idle advance is no reason for a warning at the next start, and costs few writes of FILE.walctl", async (t) => {
      await server.sql("CREATE TABLE IF NOT EXISTS other (id int)");
      const running = start(t);
      await server.sql("INSERT INTO load SELECT coalesce(max(id), 0) + 1, 'x' FROM load");
      await holds('"kind":"commit"');
      const states = new Set<string>();
      const deadline = Date.now() + 3000;
      while (Date.now() < deadline) {
        await server.sql("INSERT INTO other VALUES (1)");
        states.add(readFileSync(`${file}.walctl`, "utf8"));
      }
      assert.ok(states.size <= 6, `${states.size} in 3 s`);
      await settled();
      assert.equal((await running.stop()).status, 0);
      const { status, stderr } = await walctl(args("-E", "now"), { server });
      assert.equal(status, 0);
      assert.doesNotMatch(stderr, /warning/);
    });

    test("rotated and killed with -9, the files hold every change once", async (t) => {
      const seed = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 1_000_000);
      t.diagnostic(`WALCTL_TEST_SEED=${seed}`);
      const random = seededRandom(seed);
      const load = await startLoad(server, { pauseMs: 0, rowsMax: 50 });
      t.after(() => load.stop());
      let files = 0;
      for (let round = 0; round < 6; round++) {
        const running = start(t);
        const size = content().length;
        await until(() => content().length !== size, 5);
        await sleep(random() * 200);
        renameSync(file, `${file}.${files++}`);
        running.signal("SIGHUP");
        await until(() => existsSync(file), 1);
        await sleep(random() < 0.5 ? 0 : random() * 50);
        await running.stop("SIGKILL");
      }
      const ids = await load.stop();
      const last = await walctl(args("-E", "now"), { server });
      assert.equal(last.status, 0, last.stderr);
      const all = Array.from({ length: files }, (_, index) =>
        readFileSync(`${file}.${index}`, "utf8"),
      );
      const lines = parseLines([...all, content()].join(""));
      const first = committedIds(lines)[0] ?? 0;
      assert.deepEqual(
        committedIds(lines),
        ids.filter((id) => id >= first),
      );
    });

    test("a file that walctl did not write is refused, and stays byte for byte", async () => {
      for (const bytes of [
        "\x7fELF\n\0\0\0",
        `hello\n{"kind":"begin"\nworld\n`,
        '{"kind":"begin","name":"x"}\n',
      ]) {
        writeFileSync(file, bytes);
        await server.sql("INSERT INTO load SELECT coalesce(max(id), 0) + 1, 'x' FROM load");
        const { status, stderr } = await walctl(args("-E", "now"), { server });
        assert.equal(status, 1);
        assert.match(
          stderr,
          /^walctl: error: ".*" was not written by walctl: its line at byte 0 is another program's\nDETAIL: Nothing in it has been changed\.\nHINT: Give --output another file\.\n$/,
        );
        assert.equal(readFileSync(file, "utf8"), bytes);
        assert.equal(existsSync(`${file}.walctl`), false);
      }
    });

    test("other formats do not go to a file", async () => {
      for (const format of ["wal2json", "debezium", "table"]) {
        const { status, stderr } = await walctl(args("-F", format, "-E", "now"), { server });
        assert.equal(status, 2);
        assert.match(stderr, /^walctl: error: --output takes NDJSON only/);
        assert.equal(existsSync(file), false);
      }
    });

    test("FILE.walctl tells where it came from, for its owner only, and nothing else is left", async () => {
      await server.sql("INSERT INTO load SELECT coalesce(max(id), 0) + 1, 'x' FROM load");
      assert.equal((await walctl(args("-E", "now"), { server })).status, 0);
      const [system] = await server.sql<{ id: string }>(
        "SELECT system_identifier::text AS id FROM pg_control_system()",
      );
      const state: unknown = JSON.parse(readFileSync(`${file}.walctl`, "utf8"));
      assert.deepEqual(
        ["walctl", "system_identifier", "timeline", "database", "slot"].map((name) =>
          Reflect.get(Object(state), name),
        ),
        [1, system?.id, 1, "postgres", slot],
      );
      assert.equal(statSync(`${file}.walctl`).mode & 0o777, 0o600);
      assert.deepEqual(
        readdirSync(folder).filter((name) => name.startsWith(`${slot}.`)),
        [`${slot}.ndjson`, `${slot}.ndjson.walctl`],
      );
    });
  });
}

/** The environment of a program whose fsync takes so long. */
function slowDisk(ms: number): Record<string, string> {
  const code = `
    import fs from "node:fs";
    import { syncBuiltinESMExports } from "node:module";
    const { fsync } = fs;
    fs.fsync = (fd, done) => void setTimeout(() => fsync(fd, done), ${ms});
    syncBuiltinESMExports();`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
}

/** Of the messages among the lines. */
function contents(text: string): unknown[] {
  return parseLines(text).flatMap((line) => (line.kind === "message" ? [line["content"]] : []));
}
