/** Runs one program to its end and tells what that took. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Run {
  readonly wallS: number;
  /** User and system time of the program itself: what it pipes into is not counted. */
  readonly cpuS: number;
  readonly peakMb: number;
}

export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A shell command that reads what the program prints; without one it goes to /dev/null. */
  readonly reader?: string | undefined;
}

const TIMEOUT_MS = 900_000;
const TIME = "/usr/bin/time";
/** Where it is set, each start of Node.js reads some hundred certificates, for 25 ms: that is the machine's, no program's. */
const NO_EXTRA_CERTIFICATES = "unset NODE_EXTRA_CA_CERTS";

/**
 * GNU time waits for the program with wait4, so the kernel tells CPU time (in hundredths of a second) and peak memory.
 * Wall time is our own: from the start to when all processes have ended.
 */
export async function run({ argv, env, reader }: Command): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), "walctl-bench-"));
  try {
    const report = join(folder, "time");
    const timed = [TIME, "-o", report, "-f", "%U %S %M", ...argv];
    const line = `${NO_EXTRA_CERTIFICATES}; "$@" ${reader === undefined ? "> /dev/null" : `| ${reader}`}`;
    const start = performance.now();
    await finish(["sh", "-c", line, "sh", ...timed], env);
    const wallS = (performance.now() - start) / 1000;
    const last = readFileSync(report, "utf8").trim().split("\n").at(-1) ?? "";
    const [user = Number.NaN, system = Number.NaN, kilobytes = Number.NaN] = last
      .split(" ")
      .map(Number);
    return { wallS, cpuS: user + system, peakMb: kilobytes / 1024 };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @throws Error with what it said, when it fails */
export async function finish(
  [program = "", ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
    timeout: TIMEOUT_MS,
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-4000);
  });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  if (code === 0) return;
  throw new Error(`${program} ${args.join(" ")}: ${signal ?? `exit ${code}`}: ${stderr}`);
}
