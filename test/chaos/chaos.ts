/** Random faults under load, and whether the guarantees of tail held. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseLsn } from "../../src/lsn.ts";
import { seededRandom } from "../support/tools/random.ts";
import { type ServerVersion, type TestServer, startServer } from "../support/server/server.ts";
import { AckConsumer } from "./ack-consumer.ts";
import { FAULTS } from "./faults.ts";
import { DELETED } from "./file-faults.ts";
import { CATCH_UP_MS, catchUp, strike } from "./strike.ts";
import { Subject, type SubjectOptions } from "./subject.ts";
import { faultsOf } from "./verdict.ts";
import {
  CHAOS_TABLE,
  ChaosLoad,
  type TrueTransaction,
  createOracle,
  readTruth,
} from "./workload.ts";

export interface ChaosOptions {
  readonly version: ServerVersion;
  readonly seed: number;
  readonly durationMs: number;
  readonly log: (line: string) => void;
}

export interface ChaosReport {
  readonly transactions: number;
  readonly rows: number;
  /** How often each kind of fault struck. */
  readonly faults: ReadonlyMap<string, number>;
  readonly subjects: readonly SubjectReport[];
}

export interface SubjectReport {
  readonly name: string;
  readonly processes: number;
  readonly reconnects: number;
  readonly samples: number;
  /** Empty: all is well. */
  readonly wrong: readonly string[];
}

const SETTINGS = {
  wal_sender_timeout: "3s",
  // So that large transactions are spilled, or streamed.
  logical_decoding_work_mem: "64kB",
  max_wal_senders: "20",
  max_replication_slots: "10",
};
const WRITERS = 3;

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const folder = mkdtempSync(join(tmpdir(), "walctl-chaos-"));
  const server = await startServer({ version: options.version, settings: SETTINGS });
  const subjects: Subject[] = [];
  try {
    await server.sql(CHAOS_TABLE);
    await createOracle(server);
    for (const subject of subjectOptions(folder, seededRandom(options.seed + 2))) {
      subjects.push(await Subject.start(server, subject));
    }
    const load = new ChaosLoad(server, options.seed + 1, WRITERS);
    const faults = await strike(server, subjects, load, { ...options, faults: FAULTS });
    await load.stop();
    const truth = await readTruth(server);
    await catchUp(subjects, truth, options.log);
    await requireConfirmed(server, subjects);
    for (const subject of subjects) await subject.end();
    return report(truth, faults, subjects);
  } finally {
    await Promise.all(subjects.map((subject) => subject.end().catch(() => {})));
    await server.dispose();
    rmSync(folder, { recursive: true });
  }
}

function subjectOptions(folder: string, random: () => number): readonly SubjectOptions[] {
  const args =
    (slot: string, ...more: string[]) =>
    (): string[] => ["-S", slot, "-P", "p", "--ack", "--wait", ...more];
  const file = join(folder, "out.ndjson");
  const takenAway = join(folder, "taken-away.ndjson");
  const consumer = new AckConsumer(join(folder, "confirmed"), random);
  return [
    { name: "pipe", args: args("pipe"), unix: false },
    { name: "file", args: args("file", "-o", file), file, unix: true },
    { name: "streamed", args: args("streamed", "--streaming", "on"), unix: false },
    {
      name: "taken_away",
      args: args("taken_away", "-o", takenAway),
      file: takenAway,
      unix: true,
      retired: [],
      mayEnd: DELETED,
    },
    {
      name: "confirmed",
      args: args("confirmed", "--ack-from", consumer.path),
      unix: true,
      consumer,
    },
  ];
}

/** What its consumer has confirmed arrives at the slot, however it was written. */
async function requireConfirmed(server: TestServer, subjects: readonly Subject[]): Promise<void> {
  for (const { options, complaints } of subjects) {
    const { name, consumer } = options;
    if (consumer === undefined) continue;
    const sql = `SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = '${name}'`;
    const deadline = Date.now() + CATCH_UP_MS;
    for (;;) {
      const [slot] = await server.sql<{ lsn: string }>(sql);
      if (parseLsn(slot?.lsn ?? "") === consumer.confirmed) break;
      if (Date.now() > deadline) {
        complaints.push(`the slot stands at ${slot?.lsn}, and ${consumer.confirmed} is confirmed`);
        break;
      }
      await sleep(200);
    }
  }
}

function report(
  truth: readonly TrueTransaction[],
  faults: ReadonlyMap<string, number>,
  subjects: readonly Subject[],
): ChaosReport {
  return {
    transactions: truth.length,
    rows: truth.reduce((sum, { ids }) => sum + ids.length, 0),
    faults,
    subjects: subjects.map((subject) => ({
      name: subject.options.name,
      processes: subject.transcripts.length,
      reconnects: subject.reconnects,
      samples: subject.samples.length,
      wrong: faultsOf(subject, truth),
    })),
  };
}
