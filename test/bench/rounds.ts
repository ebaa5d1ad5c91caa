/** Several programs in turn, several times: what else goes on at the machine then meets them all. */
import type { Run } from "./measure.ts";
import { type Spread, formatSpread, spread, table } from "./statistics.ts";

export interface Contender {
  readonly name: string;
  /** What it is compared with; its own name where it is that. */
  readonly reference: string;
  readonly run: () => Promise<Measured>;
}

export interface Measured extends Run {
  /** Undefined: no server takes part. */
  readonly serverCpuS?: number;
}

export interface Result {
  readonly subject: string;
  readonly name: string;
  readonly wallS: Spread;
  readonly cpuS: Spread;
  readonly serverCpuS: Spread | undefined;
  /** The highest of all rounds. */
  readonly peakMb: number;
  /** Medians in proportion to the reference's; undefined where that was not run. */
  readonly wallRatio: number | undefined;
  readonly cpuRatio: number | undefined;
  readonly rounds: number;
  /** What it said when it failed; then the rest tells of the rounds before that. */
  readonly failure: string | undefined;
}

/** A B C A B C …, one after another. One that fails is left out from then on. */
export async function inTurn(
  subject: string,
  contenders: readonly Contender[],
  rounds: number,
): Promise<readonly Result[]> {
  const measured = new Map<string, Measured[]>(contenders.map(({ name }) => [name, []]));
  const failures = new Map<string, string>();
  for (let round = 1; round <= rounds; round++) {
    for (const { name, run } of contenders) {
      if (failures.has(name)) continue;
      progress(`${subject} ${round}/${rounds} ${name}`);
      try {
        measured.get(name)?.push(await run());
      } catch (error) {
        failures.set(name, String(error));
      }
    }
  }
  progress("");
  const medians = new Map(
    [...measured].map(([name, runs]) => [name, summarise(subject, name, runs, failures.get(name))]),
  );
  return contenders.map(({ name, reference }) =>
    compare(medians.get(name), medians.get(reference)),
  );
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
}

function summarise(
  subject: string,
  name: string,
  runs: readonly Measured[],
  failure: string | undefined,
): Result {
  const server = runs.flatMap(({ serverCpuS }) => (serverCpuS === undefined ? [] : [serverCpuS]));
  return {
    subject,
    name,
    wallS: spread(runs.map(({ wallS }) => wallS)),
    cpuS: spread(runs.map(({ cpuS }) => cpuS)),
    serverCpuS: server.length === 0 ? undefined : spread(server),
    peakMb: Math.max(...runs.map(({ peakMb }) => peakMb)),
    wallRatio: undefined,
    cpuRatio: undefined,
    rounds: runs.length,
    failure,
  };
}

function compare(result: Result | undefined, reference: Result | undefined): Result {
  if (result === undefined) throw new Error("a contender without measurements");
  if (reference === undefined) return result;
  return {
    ...result,
    wallRatio: result.wallS.median / reference.wallS.median,
    cpuRatio: result.cpuS.median / reference.cpuS.median,
  };
}

export function resultsTable(results: readonly Result[]): string {
  const ratio = (value: number | undefined): string =>
    value === undefined ? "–" : `${value.toFixed(2)}x`;
  return table(
    ["", "wall s (range)", "ratio", "client CPU s", "ratio", "server CPU s", "peak MB"],
    results.map((result) => [
      `${result.subject} ${result.name}${result.failure === undefined ? "" : " (FAILED)"}`,
      formatSpread(result.wallS, 2),
      ratio(result.wallRatio),
      formatSpread(result.cpuS, 2),
      ratio(result.cpuRatio),
      result.serverCpuS === undefined ? "–" : result.serverCpuS.median.toFixed(2),
      result.peakMb.toFixed(0),
    ]),
  );
}
