/** `walctl slots` on real servers: what becomes of a slot, and whether what is suggested helps. */
import assert from "node:assert/strict";
import { textWidth } from "../../../src/render/terminal/text-width.ts";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import { spawnWalctl, walctl } from "../../support/program/cli.ts";
import { parseOpenMetrics } from "../../support/program/openmetrics.ts";
import { pasteCommand } from "../../support/program/paste.ts";
import { SlotServer } from "./slot-server.ts";
import { until } from "../../support/tools/until.ts";

interface Line {
  readonly slot: string;
  readonly status: string;
  readonly wal_status: string | null;
  readonly active: boolean;
  readonly active_pid: number | null;
  readonly application: string | null;
  readonly inactive_since: string | null;
  readonly retained_bytes: number | null;
  readonly two_phase: boolean;
  readonly failover: boolean | null;
  readonly invalidation_reason: string | null;
  readonly faults: ReadonlyArray<{ readonly message: string; readonly fix: string | null }>;
}

/** The keys and their order are the contract's, the same for every version. */
const KEYS =
  "slot time status type plugin database temporary wal_status active active_pid application inactive_since restart_lsn confirmed_flush_lsn retained_bytes safe_bytes lag_bytes xmin_age invalidation_reason conflicting two_phase two_phase_at failover synced slotsync_skip_reason faults";

for (const version of newestOrBoth()) {
  describe(`slots on PostgreSQL ${version}`, () => {
    let slots: SlotServer;

    before(async () => {
      slots = await SlotServer.start(version);
    });
    after(() => slots.server.dispose());

    async function lines(...args: string[]): Promise<Line[]> {
      const { status, stdout, stderr } = await walctl(["slots", "-F", "ndjson", ...args], {
        server: slots.server,
      });
      assert.deepEqual([status, stderr], [0, ""]);
      return parse(stdout);
    }

    /** The only slot there is. */
    async function only(): Promise<Line> {
      const [line, ...others] = await lines();
      assert.ok(line !== undefined && others.length === 0);
      return line;
    }

    async function set(name: string, value: string): Promise<void> {
      await slots.server.sql(`ALTER SYSTEM SET ${name} = '${value}'`);
      await slots.server.sql("SELECT pg_reload_conf()");
      while (true) {
        const [row] = await slots.server.sql(`SHOW ${name}`);
        if (row?.[name] === value) return;
        await sleep(10);
      }
    }

    test("none", async () => {
      assert.deepEqual(await lines(), []);
      const table = await walctl(["slots", "-F", "table"], { server: slots.server });
      assert.equal(table.stdout, "The server has no slots.\n");
    });

    test("one of each kind, to whoever may connect", async () => {
      await slots.create("plain");
      await slots.create("with_options", "--two-phase", ...(version >= 17 ? ["--failover"] : []));
      await slots.server.sql("SELECT pg_create_physical_replication_slot('physical')");
      const { stdout } = await walctl(["slots", "-U", "plain"], { server: slots.server });
      const found = parse(stdout);
      assert.deepEqual(
        found.map(({ slot, wal_status: state, status }) => [slot, state, status]),
        [
          ["physical", null, "ok"],
          ["plain", "reserved", "ok"],
          ["with_options", "reserved", "ok"],
        ],
      );
      for (const line of found) assert.equal(Object.keys(line).join(" "), KEYS);
      const [, plain, options] = found;
      assert.deepEqual([plain?.two_phase, options?.two_phase], [false, true]);
      assert.deepEqual(
        [plain?.failover, options?.failover],
        version >= 17 ? [false, true] : [null, null],
      );
      if (version >= 17) assert.match(plain?.inactive_since ?? "", /^\d{4}-\d\d-\d\dT.*\.\d{6}Z$/);
      await slots.drop();
    });

    test("A slot without a reader and a limit is a warning before it is extended, whoever's it is.", async () => {
      await slots.server.sql("SELECT pg_create_physical_replication_slot('standby', true)");
      await slots.create("s9");
      await slots.create("s10");
      await slots.writeWal(2);
      const found = await lines();
      const all = found.map(({ slot, wal_status: state, status }) => [slot, state, status]);
      const warned = (name: string): string[] => [name, "reserved", "warning"];
      assert.deepEqual(all, [warned("s9"), warned("s10"), warned("standby")]);
      // The server has counted its WAL for seconds: that says nothing of an hour.
      assert.match(
        found[0]?.faults[0]?.message ?? "",
        /^nobody streams from it.*, and it retains \d\d MB of WAL, without a limit; that grows by all WAL that the server writes; start its reader/,
      );
      const text = (await walctl(["slots", "-F", "table"], { server: slots.server })).stdout;
      assert.ok(
        text.split("\n").every((line) => textWidth(line) <= 80),
        text,
      );
      await slots.drop();
    });

    test("in use: by whom", async () => {
      await slots.create("s");
      const env = { PGAPPNAME: "the consumer" };
      const tail = spawnWalctl(["tail", "-S", "s", "-P", "p"], { server: slots.server, env });
      try {
        let line = await only();
        while (!line.active) {
          await sleep(50);
          line = await only();
        }
        assert.deepEqual([line.application, line.inactive_since], ["the consumer", null]);
        assert.ok(Number(line.active_pid) > 0);
      } finally {
        await tail.stop();
      }
      await slots.drop();
    });

    test("from sound to lost, and back by what is suggested", async () => {
      await slots.create("s", "--two-phase");
      await slots.writeWal(4);
      const extended = await only();
      assert.deepEqual([extended.wal_status, extended.status], ["extended", "warning"]);
      assert.match(extended.faults[0]?.message ?? "", /, without a limit/);

      await set("max_wal_size", "1GB");
      await set("max_slot_wal_keep_size", "32MB");
      const unreserved = await only();
      assert.deepEqual([unreserved.wal_status, unreserved.status], ["unreserved", "fail"]);
      await pasteCommand(unreserved.faults[0]?.fix ?? "", slots.server.env);
      await until(async () => (await only()).wal_status === "reserved", 50);

      await set("max_slot_wal_keep_size", "32MB");
      // The checkpointer reads the new setting some time after the sessions do.
      await until(async () => {
        await slots.server.sql("CHECKPOINT");
        return (await only()).wal_status === "lost";
      }, 50);
      const lost = await only();
      assert.equal(lost.status, "fail");
      assert.equal(lost.invalidation_reason, version >= 17 ? "wal_removed" : null);
      await pasteCommand(lost.faults[0]?.fix ?? "", slots.server.env);
      const [still, beside] = await lines();
      assert.deepEqual([still?.slot, still?.wal_status], ["s", "lost"]);
      assert.deepEqual(
        [beside?.slot, beside?.wal_status, beside?.two_phase],
        ["s_2", "reserved", true],
      );
      await set("max_slot_wal_keep_size", "-1");
      await slots.drop();
    });

    test("--fail-above: status 1 where a slot retains more, and for one that is lost", async () => {
      await slots.drop();
      await slots.create("small");
      const fails = async (size: string): Promise<readonly [number | null, string]> => {
        const { status, stdout, stderr } = await walctl(
          ["slots", "-F", "ndjson", "--fail-above", size],
          { server: slots.server },
        );
        assert.match(stdout, /"slot":"small"/);
        return [status, stderr];
      };
      assert.deepEqual(await fails("100GB"), [0, ""]);
      await slots.writeWal(2);
      const [status, stderr] = await fails("16MB");
      assert.equal(status, 1);
      assert.match(stderr, /^walctl: error: more than --fail-above allows: "small" retains \d+ MB/);
      for (const size of ["much", "10 parsecs", "-1GB", ""]) {
        const wrong = await walctl(["slots", `--fail-above=${size}`], { server: slots.server });
        assert.deepEqual([wrong.status, wrong.stdout], [2, ""], size);
      }
      const both = await walctl(["slots", "--fail-above", "1GB", "--watch"], {
        server: slots.server,
      });
      assert.equal(both.status, 2);
      await slots.drop();
    });

    test("the worst first; a fault of several once, with the command of each", async () => {
      for (const name of ["a_lost", "b_lost"]) await slots.create(name);
      await set("max_slot_wal_keep_size", "16MB");
      await slots.writeWal(4);
      await slots.server.sql("CHECKPOINT");
      await set("max_slot_wal_keep_size", "-1");
      await slots.create("c_sound");
      const found = await lines();
      assert.deepEqual(
        found.map(({ slot, status }) => [slot, status]),
        [
          ["a_lost", "fail"],
          ["b_lost", "fail"],
          ["c_sound", "ok"],
        ],
      );
      const { stdout } = await walctl(["slots", "-F", "table"], { server: slots.server });
      assert.equal(stdout.match(/the server has removed WAL/g)?.length, 1, stdout);
      assert.match(stdout, /✗ a_lost, b_lost: each invalidated/);
      for (const { faults } of found) {
        if (faults[0] !== undefined) assert.ok(stdout.includes(`${faults[0].fix}\n`), stdout);
      }
      for (const line of stdout.split("\n").filter((each) => !/^ +walctl /.test(each)))
        assert.ok(textWidth(line) <= 80, line);
      const wide = await walctl(["slots", "-F", "table"], {
        server: slots.server,
        env: { COLUMNS: "200" },
      });
      assert.match(wide.stdout, /c_sound .* no reader/);
      const doctor = await walctl(["doctor", "-F", "ndjson"], { server: slots.server });
      const checks = doctor.stdout.split("\n").filter((line) => line.includes('"check":"slot"'));
      assert.equal(checks.length, 1, doctor.stdout);
      assert.match(checks[0] ?? "", /2 slots \(\\"a_lost\\", \\"b_lost\\"\), each invalidated/);
      await slots.drop();
    });

    test("OpenMetrics of slots and doctor", async () => {
      await slots.create("s");
      const printed = await walctl(["slots", "-F", "openmetrics"], { server: slots.server });
      assert.deepEqual([printed.status, printed.stderr], [0, ""]);
      const samples = parseOpenMetrics(printed.stdout);
      const [row] = await slots.server.sql<{ confirmed: string }>(
        "SELECT confirmed_flush_lsn - '0/0' AS confirmed FROM pg_replication_slots",
      );
      const flushed = samples.find(({ name }) => name.endsWith("_slot_confirmed_flush_lsn"));
      assert.equal(flushed?.value, row?.confirmed);
      const doctor = await walctl(["doctor", "-F", "openmetrics"], { server: slots.server });
      assert.equal(doctor.stderr, "");
      const checks = parseOpenMetrics(doctor.stdout);
      assert.ok(checks.some(({ labels }) => labels.get("check") === "wal_level"));
      const elsewhere = await walctl(["create-slot", "s", "-F", "openmetrics"], {
        server: slots.server,
      });
      assert.equal(elsewhere.status, 2);
      const env = { WALCTL_FORMAT: "openmetrics" };
      assert.equal((await walctl(["create-slot", "s"], { server: slots.server, env })).status, 0);
      await slots.drop();
    });
  });
}

function parse(stdout: string): Line[] {
  const lines = stdout.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Line);
}
