/**
 * Combinations of --ack, FILE, --streaming and --two-phase under transactions that end in every way. Each seed has a
 * server of its own and the next few combinations, so that it can be run again alone.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { walctl } from "../support/program/cli.ts";
import { type ServerVersion, type TestServer, startServer } from "../support/server/server.ts";
import { seededRandom } from "../support/tools/random.ts";
import type { SubjectReport } from "./chaos.ts";
import { type Combination, argumentsOf, combinationsOf } from "./combinations.ts";
import { COMBINED_FAULTS } from "./combined-faults.ts";
import { combinedTables, finishCombined, writeCombined } from "./combined-load.ts";
import { PASSING_FAULTS } from "./faults.ts";
import { catchUp, strike } from "./strike.ts";
import { Subject, type SubjectOptions } from "./subject.ts";
import { faultsOf } from "./verdict.ts";
import { ChaosLoad, type TrueTransaction, createOracle, readTruth } from "./workload.ts";

export interface CombinedOptions {
  readonly version: ServerVersion;
  /** Of the first round; the next ones have those that follow. */
  readonly seed: number;
  readonly durationMs: number;
  /** Only combinations whose name contains it. */
  readonly name?: string;
  readonly log: (line: string) => void;
}

export interface CombinedReport {
  readonly seed: number;
  readonly transactions: number;
  readonly rows: number;
  readonly subjects: readonly SubjectReport[];
}

const SETTINGS = {
  wal_sender_timeout: "3s",
  logical_decoding_work_mem: "64kB",
  max_prepared_transactions: "100",
  max_wal_senders: "20",
  // On 14 its transactions would be printed too, behind the last one of ours.
  autovacuum: "off",
};
const WRITERS = 5;
const SUBJECTS = 4;
const ROUND_MS = 20_000;
/** Prepared and open transactions are there when the slots are created. */
const BEFORE_SLOTS_MS = 700;
/** When --two-phase is switched on or off, as a share of the round. */
const SWITCH_SHARE = 0.3;
const LAST_MS = 1000;
/** Other warnings would be false: the server has all that was received, and the slot stands where it should. */
const EXPECTED =
  /lost the connection|the stream was interrupted|disconnected, because|leaves out|is another file by now/;

/** Rounds until the time is over. */
export async function* runCombined(options: CombinedOptions): AsyncGenerator<CombinedReport> {
  const deadline = Date.now() + options.durationMs;
  for (let round = 0; round === 0 || Date.now() < deadline; round++) {
    const durationMs = Math.min(ROUND_MS, options.durationMs);
    yield await runRound({ ...options, seed: options.seed + round, durationMs });
  }
}

async function runRound(options: CombinedOptions): Promise<CombinedReport> {
  const { version, seed, durationMs } = options;
  const log = (line: string): void => options.log(`seed ${seed}: ${line}`);
  const folder = mkdtempSync(join(tmpdir(), "walctl-combined-"));
  const server = await startServer({ version, settings: SETTINGS });
  let load: ChaosLoad | undefined;
  let subjects: readonly Subject[] = [];
  try {
    await server.sql(combinedTables(version));
    await createOracle(server);
    load = new ChaosLoad(server, seed + 1, WRITERS, writeCombined);
    await sleep(BEFORE_SLOTS_MS);
    let switchMs = Infinity;
    const isLate = (): boolean => Date.now() >= switchMs;
    subjects = await Promise.all(
      subjectsOf(options, folder, isLate).map((each) => Subject.start(server, each)),
    );
    switchMs = Date.now() + durationMs * SWITCH_SHARE;
    const faults = [...PASSING_FAULTS, ...COMBINED_FAULTS];
    await strike(server, subjects, load, { seed, durationMs, faults, log });
    for (const subject of subjects) await subject.restart("SIGKILL", 0);
    await sleep(LAST_MS);
    await load.stop();
    await finishCombined(server);
    const truth = await readTruth(server);
    await catchUp(subjects, truth, log);
    const finish = async (subject: Subject): Promise<void> => {
      await subject.end();
      await addNothing(server, subject);
    };
    await Promise.all(subjects.map(finish));
    return report(seed, truth, subjects);
  } finally {
    await load?.stop();
    await Promise.all(subjects.map((subject) => subject.end().catch(() => {})));
    await server.dispose();
    rmSync(folder, { recursive: true });
  }
}

function subjectsOf(
  { version, seed, name }: CombinedOptions,
  folder: string,
  isLate: () => boolean,
): readonly SubjectOptions[] {
  const all = combinationsOf(version).filter((each) => each.name.includes(name ?? ""));
  const random = seededRandom(seed + 2);
  const subject = (combination: Combination): SubjectOptions => {
    const { ack, output, twoPhase } = combination;
    const file = output === "pipe" ? undefined : join(folder, combination.name);
    const process = { version, random, file };
    return {
      name: combination.name,
      args: () => argumentsOf(combination, { ...process, late: isLate() }),
      twoPhase: twoPhase === "always" || twoPhase === "unasked",
      fromStart: !ack && output === "pipe",
      rowsOnly: output === "rows",
      unix: true,
      ...(file === undefined ? {} : { file, rotated: [] }),
    };
  };
  const count = Math.min(SUBJECTS, all.length);
  return Array.from({ length: count }, (_, index) => all[(seed * SUBJECTS + index) % all.length])
    .filter((each) => each !== undefined)
    .map(subject);
}

/** One more process goes on in FILE, and has nothing to add: what it adds is there twice. */
async function addNothing(
  server: TestServer,
  { options, complaints, broken }: Subject,
): Promise<void> {
  if (options.file === undefined || broken) return;
  try {
    const { status, stderr } = await walctl(["tail", ...options.args(), "-E", "now"], { server });
    if (status !== 0) complaints.push(`the last process ended with ${status}: ${stderr}`);
  } catch (error) {
    complaints.push(String(error));
  }
}

function report(
  seed: number,
  truth: readonly TrueTransaction[],
  subjects: readonly Subject[],
): CombinedReport {
  return {
    seed,
    transactions: truth.length,
    rows: truth.reduce((sum, { ids }) => sum + ids.length, 0),
    subjects: subjects.map((subject) => ({
      name: subject.options.name,
      processes: subject.transcripts.length,
      reconnects: subject.reconnects,
      samples: subject.samples.length,
      wrong: [...faultsOf(subject, truth), ...slotFaults(subject)],
    })),
  };
}

/** Nobody moves the slots but --ack. */
function slotFaults({ options, since, samples, gaps, warnings }: Subject): readonly string[] {
  const moved = samples.find(({ confirmed }) => confirmed !== since && confirmed !== 0n);
  const found = warnings.filter((warning) => !EXPECTED.test(warning));
  if (gaps.length > 0) found.push("something is said to be missing");
  if (moved !== undefined && !options.args().includes("--ack")) found.push("the slot was moved");
  return found;
}
