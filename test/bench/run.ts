/** `npm run bench`: see README.md in this folder. */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { PROGRAM } from "../support/program/cli.ts";
import { BenchServer, type Prepared } from "./environment.ts";
import { type Latency, benchLatency, latencyTable, prepareLatency } from "./latency.ts";
import { run } from "./measure.ts";
import { benchOffline } from "./offline.ts";
import { type BenchOptions, USAGE, parseOptions } from "./options.ts";
import { type Peers, installPeers } from "./peers.ts";
import { type Result, inTurn, resultsTable } from "./rounds.ts";
import { benchStartup } from "./startup.ts";
import { benchWal } from "./wal.ts";
import { type Tool, slowReader, streamingTools } from "./tools.ts";
import { WORKLOADS, scaled } from "./workloads.ts";

const SLOW_READER = fileURLToPath(new URL("slow-reader.js", import.meta.url));
/** Those of which offline captures are made: narrow rows, wide rows, whole old rows, large values. */
const OFFLINE_WORKLOADS = new Set(["W1", "W2", "W3", "W6"]);
const LATENCY_PROBES = 500;
const LATENCY_LOADS = [0, 10_000];

async function main(argv: readonly string[]): Promise<void> {
  const options = parseOptions(argv);
  if (options === undefined) return console.log(USAGE);
  const { wanted } = options;
  const results: Result[] = [];
  const latencies: Latency[] = [];
  const peers = options.peers ? await installPeers() : undefined;
  try {
    printHead(options, peers);
    if (wanted("part", "startup")) {
      report(results, await benchStartup(options.rounds, options.against));
    }
    if (wanted("part", "wal")) {
      const { version, scale, rounds, against } = options;
      const tools = (tool: string): boolean => wanted("tool", tool);
      report(results, await benchWal({ version, scale, rounds, against, wanted: tools }));
    }
    if (["streaming", "offline", "latency"].some((part) => wanted("part", part))) {
      await benchServer(options, peers, results, latencies);
    }
    if (latencies.length > 0) console.log(`\n${latencyTable(latencies)}`);
    if (options.json !== undefined) {
      const { scale, rounds, version } = options;
      const head = { scale, rounds, server: version, node: process.version };
      const all = { ...head, peers: peers?.versions, results, latencies };
      writeFileSync(options.json, `${JSON.stringify(all, null, 2)}\n`);
    }
  } finally {
    peers?.dispose();
  }
}

async function benchServer(
  options: BenchOptions,
  peers: Peers | undefined,
  results: Result[],
  latencies: Latency[],
): Promise<void> {
  const { wanted, version, against, scale, rounds, wal2json } = options;
  const server = await BenchServer.start({ version, wal2jsonFolder: wal2json });
  try {
    if (!server.wal2json) console.log("wal2json is left out: the server has no such plugin.");
    if (wanted("part", "latency")) latencies.push(...(await latencyOf(server, against)));
    for (const workload of WORKLOADS.filter(({ name }) => wanted("workload", name))) {
      const offline = wanted("part", "offline") && OFFLINE_WORKLOADS.has(workload.name);
      if (!offline && !wanted("part", "streaming")) continue;
      console.log(`\n${workload.name}: ${scaled(workload, scale)} ${workload.title}`);
      const prepared = await server.prepare(workload, scale);
      if (wanted("part", "streaming")) {
        const tools = streamingTools(server, peers, against);
        report(results, await benchStreaming(server, prepared, tools, options));
        // Once is enough: it is there for the memory.
        const slow = [slowReader(server, SLOW_READER)];
        report(results, await benchStreaming(server, prepared, slow, { ...options, rounds: 1 }));
      }
      if (offline) {
        const isWanted = (tool: string): boolean => wanted("tool", tool);
        const offlineOptions = { server, peers, against, rounds, wanted: isWanted };
        report(results, await benchOffline(prepared, offlineOptions));
      }
    }
  } finally {
    await server.dispose();
  }
}

async function benchStreaming(
  server: BenchServer,
  prepared: Prepared,
  tools: readonly Tool[],
  { wanted, rounds }: Pick<BenchOptions, "wanted" | "rounds">,
): Promise<readonly Result[]> {
  const contenders = tools.flatMap(({ name, reference, slot: slotOf, command }) => {
    const slot = slotOf(prepared);
    if (slot === undefined || !wanted("tool", name)) return [];
    const measure = async (copy: string) => await run(command(prepared, copy));
    const runOnce = async () => {
      const { result, serverCpuS } = await server.withCopy(slot, measure);
      return { ...result, serverCpuS };
    };
    return [{ name, reference, run: runOnce }];
  });
  return await inTurn(prepared.workload.name, contenders, rounds);
}

async function latencyOf(
  server: BenchServer,
  against: string | undefined,
): Promise<readonly Latency[]> {
  await prepareLatency(server);
  const programs = [
    { name: "tail", program: PROGRAM },
    ...(against === undefined ? [] : [{ name: "tail-against", program: against }]),
  ];
  const latencies: Latency[] = [];
  for (const transport of ["unix", "tcp"] as const) {
    for (const loadRowsPerS of LATENCY_LOADS) {
      for (const { name, program } of programs) {
        const title = `${name}, ${loadRowsPerS === 0 ? "idle" : `under ${loadRowsPerS} rows/s`}`;
        const probe = { server, program, name: title, transport, loadRowsPerS };
        latencies.push(await benchLatency({ ...probe, probes: LATENCY_PROBES }));
      }
    }
  }
  return latencies;
}

function report(results: Result[], more: readonly Result[]): void {
  if (more.length === 0) return;
  results.push(...more);
  console.log(`\n${resultsTable(more)}`);
  for (const { name, failure } of more) {
    if (failure !== undefined) console.log(`${name} FAILED: ${failure}`);
  }
}

function printHead({ scale, rounds, version }: BenchOptions, peers: Peers | undefined): void {
  const names = Object.entries(peers?.versions ?? {}).map(([name, its]) => `${name} ${its}`);
  console.log(
    `scale ${scale}, ${rounds} rounds, PostgreSQL ${version}, Node.js ${process.version}`,
  );
  console.log(`${cpus().length} x ${cpus()[0]?.model ?? "unknown processor"}`);
  console.log(`peers: ${names.join(", ") || "none"}`);
}

await main(process.argv.slice(2));
