/** How long it takes from a commit to its line on the pipe. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { childEnvironment } from "../support/program/cli.ts";
import type { BenchServer } from "./environment.ts";
import { quantile, table } from "./statistics.ts";

export interface Latency {
  readonly name: string;
  readonly transport: "unix" | "tcp";
  readonly probes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface LatencyOptions {
  readonly server: BenchServer;
  readonly program: string;
  readonly name: string;
  readonly transport: "unix" | "tcp";
  /** Rows a second that another session writes meanwhile; 0: none. */
  readonly loadRowsPerS: number;
  readonly probes: number;
}

const PROBE_INTERVAL_MS = 7;
const LOAD_ROWS = 20;
const WARM_UP_PROBES = 20;
/** Then a probe is given up: tail had not begun to stream when it was written. */
const WAIT_MS = 1000;

/** The tables that the probes and the load go to. */
export async function prepareLatency({ server }: BenchServer): Promise<void> {
  await server.sql(`CREATE TABLE probe (id bigint PRIMARY KEY);
    CREATE TABLE load (id bigint, customer integer, note text, done boolean);
    CREATE PUBLICATION bench_latency FOR TABLE probe, load`);
}

/**
 * The writer and the reader of the pipe are this one process, so there is one clock. It is read just before COMMIT is
 * sent: what comes out is an upper bound, with the commit itself and its way to the server in it.
 */
export async function benchLatency(options: LatencyOptions): Promise<Latency> {
  const { server, name, transport, loadRowsPerS, probes } = options;
  const writer = await server.server.connect();
  const load = loadRowsPerS > 0 ? await startLoad(server, loadRowsPerS) : undefined;
  const child = spawnTail(options);
  try {
    const arrivals = new Arrivals(child.stdout);
    child.stderr.resume();
    const latencies: number[] = [];
    for (let probe = 1; probe <= probes + WARM_UP_PROBES; probe++) {
      await writer.query(`BEGIN; INSERT INTO probe VALUES (${probe})`);
      const arrival = arrivals.next();
      const committing = performance.now();
      const committed = writer.query("COMMIT");
      const arrived = await Promise.race([arrival, sleep(WAIT_MS)]);
      await committed;
      if (arrived !== undefined && probe > WARM_UP_PROBES) latencies.push(arrived - committing);
      await sleep(PROBE_INTERVAL_MS);
    }
    await writer.query("TRUNCATE probe");
    const sorted = latencies.toSorted((a, b) => a - b);
    return {
      name,
      transport,
      probes: sorted.length,
      p50Ms: quantile(sorted, 0.5),
      p99Ms: quantile(sorted, 0.99),
      maxMs: sorted.at(-1) ?? Number.NaN,
    };
  } finally {
    child.kill("SIGTERM");
    await once(child, "close");
    await load?.stop();
    await writer.end();
  }
}

export function latencyTable(results: readonly Latency[]): string {
  return table(
    ["", "probes", "p50 ms", "p99 ms", "max ms"],
    results.map(({ name, transport, probes, p50Ms, p99Ms, maxMs }) => [
      `${name}, ${transport}`,
      String(probes),
      p50Ms.toFixed(2),
      p99Ms.toFixed(2),
      maxMs.toFixed(2),
    ]),
  );
}

function spawnTail({
  server,
  program,
  transport,
}: LatencyOptions): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(
    process.execPath,
    [program, "tail", "--publication", "bench_latency", "--format", "ndjson"],
    { env: childEnvironment({ env: server.env(transport) }), stdio: ["ignore", "pipe", "pipe"] },
  );
}

/** When the row of the probe table that comes next has arrived. */
class Arrivals {
  #notify: ((at: number) => void) | undefined;

  constructor(pipe: Readable) {
    pipe.on("data", (chunk: Buffer) => {
      if (chunk.includes('"table":"probe","new"')) this.#notify?.(performance.now());
    });
  }

  async next(): Promise<number> {
    return await new Promise((resolve) => {
      this.#notify = resolve;
    });
  }
}

/** The server itself writes, a transaction of 20 rows at a time at an even pace. */
async function startLoad(
  { server }: BenchServer,
  rowsPerS: number,
): Promise<{ stop(): Promise<void> }> {
  const client = await server.connect();
  const [row] = (await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid")).rows;
  const writing = client
    .query(
      `DO $$ BEGIN LOOP
         INSERT INTO load SELECT i, i, 'note number ' || i, true FROM generate_series(1, ${LOAD_ROWS}) i;
         COMMIT;
         PERFORM pg_sleep(${LOAD_ROWS / rowsPerS});
       END LOOP; END $$`,
    )
    .catch(() => {});
  return {
    async stop(): Promise<void> {
      await server.sql(`SELECT pg_cancel_backend(${row?.pid})`);
      await writing;
      await client.end();
      await server.sql("TRUNCATE load");
    },
  };
}
