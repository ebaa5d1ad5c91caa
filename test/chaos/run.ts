/** `npm run test:chaos -- [--minutes N] [--seed N] [--server VERSION] [--verbose]` */
import { parseArgs } from "node:util";
import type { ServerVersion } from "../support/server/server.ts";
import { type ChaosReport, runChaos } from "./chaos.ts";
import { runRestored } from "./restored.ts";

const MS_PER_MINUTE = 60_000;
const RESTORED_ROUNDS_PER_MINUTE = 3;

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      minutes: { type: "string", default: process.env["WALCTL_CHAOS_MINUTES"] ?? "3" },
      seed: {
        type: "string",
        default: process.env["WALCTL_TEST_SEED"] ?? `${Date.now() % 1_000_000}`,
      },
      server: { type: "string", default: "18" },
      verbose: { type: "boolean", default: false },
    },
  });
  const { minutes, seed, server } = values;
  console.log(`chaos: seed ${seed}, ${minutes} minutes, PostgreSQL ${server}`);
  const report = await runChaos({
    seed: Number(seed),
    durationMs: Number(minutes) * MS_PER_MINUTE,
    version: Number(server) as ServerVersion,
    log: values.verbose ? (line) => console.log(line) : () => {},
  });
  print(report);
  const restored = await runRestored({
    seed: Number(seed),
    rounds: Math.ceil(Number(minutes) * RESTORED_ROUNDS_PER_MINUTE),
    version: Number(server) as ServerVersion,
    log: values.verbose ? (line) => console.log(line) : () => {},
  });
  console.log(
    `restored from a copy: ${restored.length === 0 ? "all is said" : restored.join("\n")}`,
  );
  const well = report.subjects.every(({ wrong }) => wrong.length === 0) && restored.length === 0;
  return well ? 0 : 1;
}

function print({ transactions, rows, faults, subjects }: ChaosReport): void {
  console.log(`${transactions} transactions of ${rows} rows committed`);
  for (const [name, count] of faults) console.log(`  ${count} x ${name}`);
  for (const { name, processes, reconnects, samples, wrong } of subjects) {
    const verdict = wrong.length === 0 ? "nothing lost, nothing twice" : `${wrong.length} WRONG`;
    console.log(
      `${name}: ${processes} processes, ${reconnects} reconnects, ${samples} samples of the slot: ${verdict}`,
    );
    for (const each of wrong.slice(0, 20)) console.log(`  ${each}`);
  }
}

process.exitCode = await main(process.argv.slice(2));
