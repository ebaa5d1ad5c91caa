/** How much memory a tail takes at most, by what the kernel tells (Linux). */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { PROGRAM, childEnvironment } from "./cli.ts";
import type { MemoryWorkload } from "./memory-workloads.ts";
import type { TestServer } from "../server/server.ts";
import { until } from "../tools/until.ts";

const POLL_MS = 10;
const KB_PER_MB = 1024;

/** The pipe is read in pieces of so many bytes, with a pause between them; undefined: /dev/null takes all. */
interface SlowReader {
  readonly bytes: number;
  readonly pauseMs: number;
}

/** A pipe's worth, at about 60 MB a second. */
const SLOW_READER: SlowReader = { bytes: 65_536, pauseMs: 1 };

interface MemoryRun {
  readonly server: TestServer;
  /** After `tail`; it must end by itself. */
  readonly args: readonly string[];
  readonly reader?: SlowReader | undefined;
}

/** Writes the workload behind a slot of its own, and tells what streaming it takes. */
export async function memoryOf(
  server: TestServer,
  { args, slow, write }: MemoryWorkload,
  size: number,
): Promise<number> {
  await server.sql("SELECT pg_create_logical_replication_slot('m', 'pgoutput')");
  await write(server, size);
  const peakMb = await peakMemoryMb({
    server,
    args: ["-S", "m", "-P", "m", "--ack", "-E", "now", ...args],
    reader: slow === true ? SLOW_READER : undefined,
  });
  // The server notices a little later that nobody is there any more.
  const active = "SELECT 1 FROM pg_replication_slots WHERE slot_name = 'm' AND active";
  await until(async () => (await server.sql(active)).length === 0, 50);
  await server.sql("SELECT pg_drop_replication_slot('m')");
  return peakMb;
}

/** Peak resident memory in MB. @throws Error when it fails */
async function peakMemoryMb({ server, args, reader }: MemoryRun): Promise<number> {
  // "ignore" would look like a standard output that is closed.
  const devNull = openSync("/dev/null", "w");
  const child = spawn(process.execPath, [PROGRAM, "tail", ...args], {
    env: childEnvironment({ server }),
    stdio: ["ignore", reader === undefined ? devNull : "pipe", "pipe"],
  });
  closeSync(devNull);
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  let peakKb = 0;
  const timer = setInterval(() => {
    peakKb = Math.max(peakKb, highWaterMarkKb(child.pid));
  }, POLL_MS);
  if (reader !== undefined) void readSlowly(child, reader);
  const [status] = (await once(child, "close")) as [number | null];
  clearInterval(timer);
  if (status !== 0) throw new Error(`tail ended with ${status}: ${stderr}`);
  return peakKb / KB_PER_MB;
}

export function highWaterMarkKb(pid: number | undefined): number {
  return memoryKb(pid, "VmHWM");
}

/** What is resident now, or was at most. */
export function memoryKb(pid: number | undefined, name: "VmHWM" | "VmRSS"): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
  } catch {
    // It has just ended.
    return 0;
  }
}

async function readSlowly(child: ChildProcess, { bytes, pauseMs }: SlowReader): Promise<void> {
  let read = 0;
  for await (const chunk of (child.stdout ?? []) as AsyncIterable<Buffer>) {
    read += chunk.length;
    if (read < bytes) continue;
    read = 0;
    await new Promise((resolve) => {
      setTimeout(resolve, pauseMs);
    });
  }
}
