/** Somebody else moves a subject's slot, or makes a new one, while the subject is away: what is missing has to be said. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Fault, FaultScene } from "./faults.ts";
import type { Subject } from "./subject.ts";

const PATIENCE_MS = 3000;
/** The wait between two attempts to connect is 5 s at most. */
const NOTICE_MS = 12_000;

export const SLOT_FAULTS: readonly Fault[] = [
  {
    name: "slot advanced by somebody else",
    weight: 2,
    run: (scene, subject) =>
      whileAway(scene, subject, [
        `SELECT pg_replication_slot_advance('${subject.options.name}', pg_current_wal_lsn())`,
      ]),
  },
  {
    name: "slot dropped and created again",
    weight: 1,
    run: (scene, subject) =>
      whileAway(scene, subject, [
        `SELECT pg_drop_replication_slot('${subject.options.name}')`,
        `SELECT pg_create_logical_replication_slot('${subject.options.name}', 'pgoutput')`,
      ]),
  },
];

async function whileAway(
  { server, alone }: FaultScene,
  subject: Subject,
  statements: readonly string[],
): Promise<void> {
  // A process that has received nothing knows of nothing that could be missing.
  if (!subject.hasReceived) return;
  // Where FILE is taken away nobody can know any more what was in it.
  if (subject.options.mayEnd !== undefined) return;
  const { proxy } = subject;
  const { name } = subject.options;
  const used = `SELECT 1 FROM pg_replication_slots WHERE slot_name = '${name}' AND active`;
  proxy.refusing = true;
  proxy.cut();
  try {
    const deadline = Date.now() + PATIENCE_MS;
    await alone(async () => {
      while ((await server.sql(used)).length > 0) {
        if (Date.now() > deadline) return;
        await sleep(20);
      }
      if (!subject.hasReceived) return;
      for (const statement of statements) await server.sql(statement);
    });
  } catch {
    // The server went away meanwhile. A slot that was dropped has to be there again.
    await restoreSlot(server, name);
  } finally {
    proxy.refusing = false;
  }
  // Killed before it has looked, it could not know: the next process, without FILE, starts where the slot stands.
  const deadline = Date.now() + NOTICE_MS;
  const isUsed = async (): Promise<boolean> => (await server.sql(used).catch(() => [])).length > 0;
  while (subject.hasReceived && Date.now() < deadline && !(await isUsed())) await sleep(50);
}

async function restoreSlot(server: FaultScene["server"], name: string): Promise<void> {
  for (;;) {
    try {
      await server.sql(
        `SELECT pg_create_logical_replication_slot('${name}', 'pgoutput')
         WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '${name}')`,
      );
      return;
    } catch {
      await sleep(200);
    }
  }
}
