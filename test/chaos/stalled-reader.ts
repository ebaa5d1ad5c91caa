/** A reader that stalls while the server wants to be rid of its walsender. */
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningWalctl, spawnWalctl } from "../support/program/cli.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import type { Fault, FaultScene } from "./faults.ts";
import type { Subject } from "./subject.ts";
import { until } from "../support/tools/until.ts";

/** What the server should not have to wait, and more, since others strike meanwhile. */
const WAIT_MS_MAX = 10_000;

async function terminateStalled(
  { server, random, alone }: FaultScene,
  subject: Subject,
): Promise<void> {
  subject.stall();
  await sleep(random() * 3000);
  await alone(async () => {
    const { name } = subject.options;
    const [slot] = await server.sql<{ pid: number | null }>(
      `SELECT active_pid AS pid FROM pg_replication_slots WHERE slot_name = '${name}'`,
    );
    const pid = slot?.pid ?? 0;
    const since = performance.now();
    await server.sql(`SELECT pg_terminate_backend(${pid})`);
    const alive = `SELECT 1 FROM pg_stat_activity WHERE pid = ${pid}`;
    while ((await server.sql(alive)).length > 0) {
      if (performance.now() - since > WAIT_MS_MAX) {
        subject.complaints.push(`walsender ${pid} could not be terminated`);
        return;
      }
      await sleep(50);
    }
  }).finally(() => subject.resume());
}

/** On a server of its own: every slot of a server is subject to the setting. */
async function invalidateStalled({ server, random }: FaultScene, subject: Subject): Promise<void> {
  const settings = { min_wal_size: "32MB", max_wal_size: "64MB", max_slot_wal_keep_size: "1MB" };
  const other = await startServer({ version: server.version, settings });
  let running: RunningWalctl | undefined;
  try {
    await other.sql("CREATE TABLE t (filler text); CREATE PUBLICATION p FOR TABLE t");
    running = spawnWalctl(["tail", "-P", "p", "--bootstrap", "-S", "s"], { server: other });
    await until(async () => (await other.sql("SELECT 1 FROM pg_stat_replication")).length > 0);
    running.stall();
    await other.sql("INSERT INTO t SELECT repeat('x', 500) FROM generate_series(1, 20000)");
    await sleep(random() * 3000);
    await checkpoint(other, subject);
    running.resume();
    const { status, stderr } = await running.exit();
    if (status !== 1 || !/^walctl: error: slot "s" was invalidated/m.test(stderr))
      subject.complaints.push(`a lost slot was not reported (${status}): ${stderr}`);
  } finally {
    await running?.dispose();
    await other.dispose();
  }
}

async function checkpoint(other: TestServer, subject: Subject): Promise<void> {
  for (let segments = 0; segments < 3; segments++)
    await other.sql("INSERT INTO t VALUES ('x'); SELECT pg_switch_wal()");
  const since = performance.now();
  await other.sql("CHECKPOINT");
  const waited = performance.now() - since;
  if (waited > WAIT_MS_MAX) subject.complaints.push(`a checkpoint took ${waited} ms`);
}

export const STALLED_READER_FAULTS: readonly Fault[] = [
  { name: "the walsender of a stalled reader terminated", weight: 3, run: terminateStalled },
  { name: "the slot of a stalled reader invalidated", weight: 1, run: invalidateStalled },
];
