import { type ChildProcess, type SpawnOptions, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { WalctlError } from "../errors.ts";
import { lastLines } from "./preparation.ts";

/** The signals that stop a server (manual: Shutting Down the Server). */
export type StopMode = "smart" | "fast" | "immediate";
const STOP_SIGNALS = { smart: "SIGTERM", fast: "SIGINT", immediate: "SIGQUIT" } as const;

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 10;
/** The states in which a server, or a hot standby, accepts connections. */
const READY = new Set(["ready", "standby"]);
/**
 * The orphans of a crashed server may hold its shared memory for a moment; until then a new server refuses to start.
 */
const STARTS_AFTER_CRASH = 50;

/** The postmaster, as a child process. */
export class Postmaster {
  readonly #folder: string;
  readonly #program: string;
  readonly #options: SpawnOptions;
  #child: ChildProcess | undefined;
  #crashed = false;

  constructor(folder: string, program: string, options: SpawnOptions) {
    this.#folder = folder;
    this.#program = program;
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Calls `watch` when the process starts and when it has ended. */
  async start(watch: (pid: number | undefined) => void): Promise<void> {
    let triesLeft = this.#crashed ? STARTS_AFTER_CRASH : 1;
    while (this.#child === undefined) {
      if (await this.#becomesReady(this.#spawn(watch))) break;
      triesLeft -= 1;
      if (triesLeft === 0) {
        const log = readFileSync(join(this.#folder, "server.log"), "utf8");
        throw new WalctlError("the PostgreSQL server did not start", { detail: lastLines(log) });
      }
      await sleep(100);
    }
    this.#crashed = false;
  }

  async stop(mode: StopMode): Promise<void> {
    await this.#end(STOP_SIGNALS[mode]);
  }

  async kill(): Promise<void> {
    const orphans = childrenOf(this.pid);
    this.#crashed = true;
    await this.#end("SIGKILL");
    // Killed by a shell, since these are not our child processes.
    const script = 'kill -KILL "$@" 2>/dev/null || true';
    if (orphans.length > 0) execFileSync("/bin/sh", ["-c", script, "sh", ...orphans]);
  }

  #spawn(watch: (pid: number | undefined) => void): ChildProcess {
    const log = openSync(join(this.#folder, "server.log"), "a", 0o600);
    // Detached: otherwise Ctrl-C at the terminal would stop the server before everything that it sends has been read.
    const child = spawn(this.#program, ["-D", join(this.#folder, "data")], {
      ...this.#options,
      detached: true,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    child.unref();
    const gone = (): void => {
      if (this.#child === child) this.#child = undefined;
      watch(undefined);
    };
    child.once("exit", gone);
    child.once("error", gone);
    this.#child = child;
    watch(child.pid);
    return child;
  }

  /** False if it ended. */
  async #becomesReady(child: ChildProcess): Promise<boolean> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (Date.now() < deadline) {
      await sleep(POLL_MS);
      if (this.#child !== child) return false;
      if (this.#saysReady(child.pid)) return true;
    }
    await this.#end("SIGQUIT");
    return false;
  }

  /** postmaster.pid has the process id in its first line and the state in its last; pg_ctl -w reads it too. */
  #saysReady(pid: number | undefined): boolean {
    try {
      const lines = readFileSync(join(this.#folder, "data", "postmaster.pid"), "utf8").split("\n");
      return Number(lines[0]) === pid && READY.has(lines[7]?.trim() ?? "");
    } catch {
      return false;
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    child.ref();
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  }
}

/** Only Linux lists them; elsewhere the children of a dead postmaster notice its end a little later. */
function childrenOf(pid: number | undefined): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.split(" ").filter((each) => each !== "");
  } catch {
    return [];
  }
}
