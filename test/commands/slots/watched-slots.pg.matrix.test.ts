/** `walctl slots --watch` on real servers: in a pipe, on a terminal, and how fast each slot moves. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import { spawnWalctl, walctl } from "../../support/program/cli.ts";
import { WALCTL_COMMAND, openTerminal } from "../../support/program/terminal.ts";
import { SlotServer } from "./slot-server.ts";

for (const version of newestOrBoth()) {
  describe(`walctl slots --watch on PostgreSQL ${version}`, () => {
    let slots: SlotServer;

    before(async () => {
      slots = await SlotServer.start(version);
    });
    after(() => slots.server.dispose());

    test("watched in a pipe: a line a slot a turn, over a restart, until SIGINT", async () => {
      await slots.create("s");
      const watch = spawnWalctl(["slots", "--watch", "0.2"], { server: slots.server });
      try {
        for (let n = 0; n < 3; n++) assert.match(await watch.nextLine(), /^\{"slot":"s","time":/);
        // A smart stop waits for every connection that is open.
        const asked = Date.now();
        await slots.server.stop("smart");
        assert.ok(Date.now() - asked < 5_000);
        await watch.waitForStderr("walctl: warning: could not connect to server");
        watch.lines.length = 0;
        await slots.server.start();
        await watch.nextLine();
      } finally {
        const { status, signal } = await watch.stop("SIGINT");
        assert.deepEqual([status, signal], [0, null]);
      }
    });

    test("watched by a reader that leaves", async () => {
      const watch = spawnWalctl(["slots", "--watch", "0.1", "-q"], { server: slots.server });
      await watch.nextLine();
      watch.closeStdout();
      const { status, stderr } = await watch.exit();
      assert.deepEqual([status, stderr], [0, ""]);
    });

    for (const columns of [80, 200]) {
      test(`watched on a terminal of ${columns} columns: in place, until Ctrl-C`, async () => {
        const command = `${WALCTL_COMMAND} slots --watch 0.2`;
        const terminal = await openTerminal(command, { columns, rows: 24, server: slots.server });
        try {
          await terminal.waitFor("every 0.2 s");
          await slots.server.sql("SELECT pg_create_physical_replication_slot('another')");
          const shown = await terminal.waitFor("another");
          assert.equal(shown.split("walctl slots").length, 2, shown);
          await slots.server.sql("SELECT pg_drop_replication_slot('another')");
          await sleep(600);
          assert.ok(!(await terminal.text()).includes("another"));
          await terminal.press("C-c");
          assert.equal(await terminal.exit(), 0);
          const left = await terminal.text();
          assert.ok(left.includes("reserved") && !left.includes("Ctrl-C"), left);
        } finally {
          await terminal.close();
        }
      });
    }

    for (const [columns, rows] of [
      [60, 12],
      [80, 6],
    ] as const) {
      test(`watched in a window of ${columns}x${rows}: how many more there are`, async () => {
        const { server } = slots;
        const names = Array.from({ length: 9 }, (_, index) => `one_of_many_${index}`);
        for (const name of names)
          await server.sql(`SELECT pg_create_physical_replication_slot('${name}')`);
        const command = `${WALCTL_COMMAND} slots --watch 0.2`;
        const terminal = await openTerminal(command, { columns, rows, server });
        try {
          const shown = await terminal.waitFor(/and \d+ more slots/);
          const more = Number(/and (\d+) more/.exec(shown)?.[1]);
          const named = new Set(shown.match(/one_of_many_\d/g)).size;
          const [all] = await server.sql<{ n: number }>(
            "SELECT count(*)::int AS n FROM pg_replication_slots",
          );
          assert.equal(named + more, all?.n, shown);
          assert.match(shown, /Ctrl-C ends/);
          await terminal.press("C-c");
          assert.equal(await terminal.exit(), 0);
        } finally {
          await terminal.close();
          for (const name of names) await server.sql(`SELECT pg_drop_replication_slot('${name}')`);
        }
      });
    }

    test("watched: rates and what follows from them; a small window has the worst", async () => {
      await slots.drop();
      for (let n = 0; n < 12; n++) {
        await slots.server.sql(`SELECT pg_create_physical_replication_slot('sound_${n}')`);
      }
      await slots.create("behind");
      await slots.writeWal(4);
      const watch = spawnWalctl(["slots", "--watch", "0.3", "-q"], { server: slots.server });
      const terminal = await openTerminal(`${WALCTL_COMMAND} slots --watch 0.3`, {
        columns: 120,
        rows: 12,
        server: slots.server,
      });
      try {
        const first = JSON.parse(await watch.nextLine()) as Record<string, unknown>;
        assert.deepEqual([first["slot"], first["wal_bytes_per_second"]], ["behind", null]);
        await slots.writeWal(1);
        const [line = ""] = (
          await watch.waitFor((each) => /"wal_bytes_per_second":[1-9]/.test(each))
        ).slice(-1);
        assert.match(line, /"consumed_bytes_per_second":\d+,"caught_up_in_seconds":null,/);
        const shown = await terminal.waitFor(/and \d+ more slots: none at fault/);
        assert.match(shown, /behind/);
        assert.ok(shown.trimEnd().split("\n").length <= 12, shown);
        assert.match(await terminal.waitFor("of WAL; Ctrl-C ends"), /falls behind|0 B\/s of WAL/);
      } finally {
        await terminal.close();
        await watch.dispose();
        await slots.drop();
      }
    });

    test("wrong intervals are refused", async () => {
      for (const interval of ["0", "often", "-1"]) {
        assert.equal(
          (await walctl(["slots", `--watch=${interval}`], { server: slots.server })).status,
          2,
        );
      }
    });
  });
}
