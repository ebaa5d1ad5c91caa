/** Faults at random times, and what is seen of the slots meanwhile. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Lsn, parseLsn } from "../../src/lsn.ts";
import { seededRandom } from "../support/tools/random.ts";
import type { TestServer } from "../support/server/server.ts";
import { type Fault, type FaultScene, chooseFault } from "./faults.ts";
import type { Subject } from "./subject.ts";
import type { ChaosLoad, TrueTransaction } from "./workload.ts";

export interface StrikeOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly faults: readonly Fault[];
  readonly log: (line: string) => void;
}

const FAULT_PAUSE_MS_MAX = 900;
const SAMPLE_PAUSE_MS = 250;
export const CATCH_UP_MS = 60_000;

/** Until the time is over; then all is well again. Gives how often each of them struck. */
export async function strike(
  server: TestServer,
  subjects: readonly Subject[],
  load: ChaosLoad,
  { seed, durationMs, faults, log }: StrikeOptions,
): Promise<ReadonlyMap<string, number>> {
  const random = seededRandom(seed);
  const alone = createLock();
  const scene: FaultScene = { server, load, subjects, random, alone };
  const ending = new AbortController();
  const sampling = sample(scene, ending.signal);
  const counts = new Map<string, number>();
  /** One at a time for each subject, but several subjects at a time. */
  const busy = new Map<Subject, Promise<void>>();
  const deadline = Date.now() + durationMs;
  while (Date.now() < deadline) {
    await sleep(random() * FAULT_PAUSE_MS_MAX);
    const subject = subjects[Math.floor(random() * subjects.length)];
    const fault = chooseFault(faults, random);
    if (subject === undefined || busy.has(subject)) continue;
    log(`${new Date().toISOString()} ${fault.name} (${subject.options.name})`);
    counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1);
    const running = fault
      .run(scene, subject)
      .catch((error: unknown) => {
        subject.complaints.push(`the fault "${fault.name}" failed itself: ${String(error)}`);
      })
      .finally(() => busy.delete(subject));
    busy.set(subject, running);
  }
  await Promise.all(busy.values());
  ending.abort();
  await sampling;
  return counts;
}

/** Sees again and again what the slots have confirmed, and how much had been printed by then. */
async function sample({ server, subjects, alone }: FaultScene, stop: AbortSignal): Promise<void> {
  const sql =
    "SELECT slot_name AS name, confirmed_flush_lsn::text AS lsn FROM pg_replication_slots";
  while (!stop.aborted) {
    await sleep(SAMPLE_PAUSE_MS);
    await alone(async () => {
      const rows = await server.sql<{ name: string; lsn: string }>(sql).catch(() => []);
      const confirmed = new Map(rows.map(({ name, lsn }) => [name, parseLsn(lsn)]));
      for (const subject of subjects) {
        subject.sample(confirmed.get(subject.options.name) ?? (0n as Lsn));
      }
    });
  }
}

/** Until everyone has printed the last transaction. */
export async function catchUp(
  subjects: readonly Subject[],
  truth: readonly TrueTransaction[],
  log: (line: string) => void,
): Promise<void> {
  const last = truth.at(-1)?.xid;
  const deadline = Date.now() + CATCH_UP_MS;
  for (const subject of subjects) {
    while (!subject.broken && !subject.hasPrintedLast(last)) {
      // The verdict tells what is missing.
      if (Date.now() > deadline) {
        log(`${subject.options.name} does not catch up: ${subject.lastWords}`);
        return;
      }
      await sleep(500);
    }
  }
}

function createLock(): FaultScene["alone"] {
  let before: Promise<void> = Promise.resolve();
  return async (body) => {
    const turn = before.then(body);
    before = turn.catch(() => {});
    await turn;
  };
}
