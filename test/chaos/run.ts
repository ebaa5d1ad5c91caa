/** `npm run test:chaos -- [--minutes N] [--soak MINUTES] [--seed N] [--server VERSION] [--parts PART,…] [--combination TEXT] [--verbose]` */
import { parseArgs } from "node:util";
import type { ServerVersion } from "../support/server/server.ts";
import { type ChaosOptions, type ChaosReport, type SubjectReport, runChaos } from "./chaos.ts";
import { type CombinedOptions, runCombined } from "./combined.ts";
import { type RestoredOptions, runRestored } from "./restored.ts";
import { type SoakOptions, runSoak } from "./soak.ts";

const MS_PER_MINUTE = 60_000;
const RESTORED_ROUNDS_PER_MINUTE = 3;

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      minutes: { type: "string", default: process.env["WALCTL_CHAOS_MINUTES"] ?? "3" },
      soak: { type: "string", default: process.env["WALCTL_SOAK_MINUTES"] ?? "15" },
      seed: {
        type: "string",
        default: process.env["WALCTL_TEST_SEED"] ?? `${Date.now() % 1_000_000}`,
      },
      server: { type: "string", default: "18" },
      parts: { type: "string" },
      combination: { type: "string", default: "" },
      verbose: { type: "boolean", default: false },
    },
  });
  const { minutes, soak, seed, server, combination } = values;
  console.log(`chaos: seed ${seed}, ${minutes} minutes, PostgreSQL ${server}`);
  const log = values.verbose ? (line: string): void => console.log(line) : (): void => {};
  const durationMs = Number(minutes) * MS_PER_MINUTE;
  const options = { seed: Number(seed), version: Number(server) as ServerVersion, durationMs, log };
  const rounds = Math.ceil(Number(minutes) * RESTORED_ROUNDS_PER_MINUTE);
  const parts: ReadonlyMap<string, () => Promise<boolean>> = new Map([
    ["chaos", () => chaos(options)],
    ["combined", () => combined({ ...options, name: combination })],
    ["restored", () => restored({ ...options, rounds })],
    ["soak", () => soaked({ ...options, durationMs: Number(soak) * MS_PER_MINUTE })],
  ]);
  const well: boolean[] = [];
  for (const name of values.parts?.split(",") ?? parts.keys()) {
    const run = parts.get(name);
    if (run === undefined)
      throw new Error(`--parts: ${name} is none of ${[...parts.keys()].join(", ")}`);
    well.push(await run());
  }
  return well.every(Boolean) ? 0 : 1;
}

/** Of each of them: whether all is well. Without time it is left out. */
async function chaos(options: ChaosOptions): Promise<boolean> {
  if (options.durationMs === 0) return true;
  const report = await runChaos(options);
  print(report);
  return report.subjects.every(({ wrong }) => wrong.length === 0);
}

async function combined(options: CombinedOptions): Promise<boolean> {
  if (options.durationMs === 0) return true;
  let well = true;
  for await (const { seed, transactions, rows, subjects } of runCombined(options)) {
    console.log(`combined, seed ${seed}: ${transactions} transactions of ${rows} rows committed`);
    subjects.forEach(printSubject);
    well &&= subjects.every(({ wrong }) => wrong.length === 0);
  }
  return well;
}

async function restored(options: RestoredOptions): Promise<boolean> {
  if (options.rounds === 0) return true;
  const wrong = await runRestored(options);
  console.log(`restored from a copy: ${wrong.length === 0 ? "all is said" : wrong.join("\n")}`);
  return wrong.length === 0;
}

async function soaked(options: SoakOptions): Promise<boolean> {
  if (options.durationMs === 0) return true;
  const { transactions, changes, subjects } = await runSoak(options);
  const minutes = options.durationMs / MS_PER_MINUTE;
  console.log(`soak: ${minutes} minutes, ${transactions} transactions of ${changes} changes`);
  for (const { name, peakMb, thirdsMb, wrong } of subjects) {
    const thirds = thirdsMb.map((mb) => mb.toFixed(1)).join(", ");
    const verdict = wrong.length === 0 ? "nothing lost, in order" : `${wrong.length} WRONG`;
    console.log(`${name}: peak ${peakMb.toFixed(1)} MB, by thirds ${thirds}: ${verdict}`);
    for (const each of wrong) console.log(`  ${each}`);
  }
  return subjects.every(({ wrong }) => wrong.length === 0);
}

function print({ transactions, rows, faults, subjects }: ChaosReport): void {
  console.log(`${transactions} transactions of ${rows} rows committed`);
  for (const [name, count] of faults) console.log(`  ${count} x ${name}`);
  subjects.forEach(printSubject);
}

function printSubject({ name, processes, reconnects, samples, wrong }: SubjectReport): void {
  const verdict = wrong.length === 0 ? "nothing lost, nothing twice" : `${wrong.length} WRONG`;
  console.log(
    `${name}: ${processes} processes, ${reconnects} reconnects, ${samples} samples of the slot: ${verdict}`,
  );
  for (const each of wrong.slice(0, 20)) console.log(`  ${each}`);
}

process.exitCode = await main(process.argv.slice(2));
