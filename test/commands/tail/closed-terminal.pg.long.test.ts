/** SIGHUP rotates FILE, except where the terminal that tail was started on has gone: that ends it, as any program. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { type TestContext, after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { FileTail } from "../../support/program/file-tail.ts";
import { type Terminal, WALCTL_COMMAND, openTerminal } from "../../support/program/terminal.ts";
import { until } from "../../support/tools/until.ts";

describe("tail -o FILE --ack on a terminal", () => {
  let tail: FileTail;
  let nextId = 1;
  before(async () => {
    tail = await FileTail.start(18);
  });
  after(() => tail.dispose());

  const has = async (slot: string, text: string): Promise<void> => {
    await until(() => tail.textOf(slot).includes(text));
  };
  const insert = async (slot: string): Promise<void> => {
    await tail.server.sql(`INSERT INTO load VALUES (${nextId})`);
    await has(slot, `"id":${nextId++},`);
  };
  const isRunning = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  /** `how` is the shell's words before the command, `behind` those behind it. */
  const start = async (
    t: TestContext,
    slot: string,
    how: string,
    behind = "",
  ): Promise<{ readonly terminal: Terminal; readonly pid: number }> => {
    await tail.server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    const file = tail.fileOf(slot);
    const command = `${how} sh -c "echo \\$\\$ >${file}.pid; exec ${WALCTL_COMMAND} tail -S ${slot} -P p --ack -s 0.2 -o ${file}" ${behind}`;
    const { server } = tail;
    const terminal = await openTerminal(command, { columns: 80, rows: 24, server });
    t.after(() => terminal.close());
    await until(() => existsSync(file));
    await insert(slot);
    const pid = Number(readFileSync(`${file}.pid`, "utf8"));
    t.after(() => isRunning(pid) && process.kill(pid, "SIGKILL"));
    return { terminal, pid };
  };
  const rotate = async (slot: string, pid: number): Promise<void> => {
    const file = tail.fileOf(slot);
    renameSync(file, `${file}.1`);
    process.kill(pid, "SIGHUP");
    await until(() => existsSync(file));
  };
  const ends = async (slot: string, pid: number): Promise<void> => {
    const deadline = Date.now() + 10_000;
    while (isRunning(pid)) {
      assert.ok(Date.now() < deadline, "it goes on without its terminal");
      await sleep(50);
    }
    // Everything in FILE is acknowledged, and in the one before it.
    const [end = "0/0"] = tail.textOf(slot).match(/(?<="end_lsn":")[^"]*(?="[^\n]*\n$)/) ?? [];
    const sql = `SELECT confirmed_flush_lsn >= '${end}' AS past, active FROM pg_replication_slots WHERE slot_name = '${slot}'`;
    assert.deepEqual(await tail.server.sql(sql), [{ past: true, active: false }]);
  };

  test("it ends with the terminal, with everything acknowledged that is in FILE", async (t) => {
    const { terminal, pid } = await start(t, "closed", "");
    await terminal.close();
    await ends("closed", pid);
  });

  test("SIGHUP rotates FILE while the terminal is there", async (t) => {
    const { terminal, pid } = await start(t, "rotated", "");
    await rotate("rotated", pid);
    await insert("rotated");
    await sleep(3500);
    await insert("rotated");
    await terminal.close();
    await ends("rotated", pid);
  });

  test("it ends where the terminal goes right behind SIGHUP, as with a shell that ends", async (t) => {
    // In a session of its own no other SIGHUP comes.
    const { terminal, pid } = await start(t, "behind", "setsid", "& wait; sleep 1000");
    await rotate("behind", pid);
    await terminal.close();
    await ends("behind", pid);
  });

  test("it ends with the terminal that it prints on", async (t) => {
    const { server } = tail;
    await server.sql("SELECT pg_create_logical_replication_slot('printed', 'pgoutput')");
    const pidFile = `${tail.fileOf("printed")}.pid`;
    const command = `sh -c "echo \\$\\$ >${pidFile}; exec ${WALCTL_COMMAND} tail -S printed -P p --ack -s 0.2"`;
    const terminal = await openTerminal(command, { columns: 80, rows: 24, server });
    t.after(() => terminal.close());
    await terminal.waitFor("streaming from slot");
    const pid = Number(readFileSync(pidFile, "utf8"));
    t.after(() => isRunning(pid) && process.kill(pid, "SIGKILL"));
    process.kill(pid, "SIGHUP");
    await terminal.waitFor("SIGHUP has no effect");
    await terminal.close();
    const deadline = Date.now() + 10_000;
    while (isRunning(pid)) {
      assert.ok(Date.now() < deadline, "it goes on without its terminal");
      await sleep(50);
    }
  });

  test("with nohup it goes on", async (t) => {
    const { terminal, pid } = await start(t, "nohup", "nohup", ">/dev/null 2>&1 </dev/null");
    await terminal.close();
    await sleep(1500);
    await insert("nohup");
    process.kill(pid, "SIGHUP");
    await insert("nohup");
    process.kill(pid, "SIGTERM");
    await ends("nohup", pid);
  });
});
