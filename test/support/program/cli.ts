/** The real program, as a child process. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { buffer } from "node:stream/consumers";
import type { TestServer } from "../server/server.ts";

/** The file to run with node. */
export const PROGRAM = fileURLToPath(new URL("../../../../bin/walctl.js", import.meta.url));

type Environment = Readonly<Record<string, string | undefined>>;

export interface SpawnOptions {
  /** The server that the libpq environment is to name. */
  readonly server?: TestServer | undefined;
  /** In addition; undefined takes a variable away. */
  readonly env?: Environment;
  readonly cwd?: string;
}

export interface RunOptions extends SpawnOptions {
  /** Default: at its end from the beginning. */
  readonly stdin?: string | Uint8Array | Readable;
  /** Then it is killed and the promise rejected. */
  readonly timeoutMs?: number;
}

export interface RunResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunBytes extends Omit<RunResult, "stdout"> {
  readonly stdout: Buffer;
}

const TIMEOUT_MS = 60_000;

/** Runs `walctl ARGS` to its end. */
export async function walctl(
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const result = await walctlBytes(args, options);
  return { ...result, stdout: result.stdout.toString("utf8") };
}

/** As `walctl`, with what it printed as bytes. */
async function walctlBytes(args: readonly string[], options: RunOptions = {}): Promise<RunBytes> {
  const child = spawnProgram(args, options);
  const output = Promise.all([buffer(child.stdout), buffer(child.stderr), once(child, "close")]);
  // It may end before it has read all of its input.
  const input = pipeline(inputOf(options.stdin), child.stdin).catch(() => {});
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, options.timeoutMs ?? TIMEOUT_MS);
  const [stdout, stderr] = await output;
  clearTimeout(timer);
  if (late) throw new Error(`walctl ${args.join(" ")} did not end in time: ${stderr.toString()}`);
  if (!(options.stdin instanceof Readable)) await input;
  return { status: child.exitCode, signal: child.signalCode, stdout, stderr: stderr.toString() };
}

/** Starts `walctl ARGS` and leaves it running. Whoever starts it stops it. */
export function spawnWalctl(args: readonly string[], options: SpawnOptions = {}): RunningWalctl {
  return new RunningWalctl(spawnProgram(args, options));
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

export class RunningWalctl {
  /** Its standard output is being read, unless `stall` is called. */
  readonly child: Child;
  /** Complete lines of standard output so far, and not taken by nextLine(). */
  readonly lines: string[] = [];
  #stderr = "";
  #partial = "";
  #ended = false;
  readonly #waiting = new Set<() => void>();

  constructor(child: Child) {
    this.child = child;
    child.stdin.on("error", () => {});
    child.stdout.setEncoding("utf8").on("data", (text: string) => this.#take(text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
      this.#wake();
    });
    child.once("exit", () => this.#wake());
    child.once("close", () => {
      this.#ended = true;
      this.#wake();
    });
    this.#letGo();
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The next line of standard output. */
  async nextLine(timeoutMs = TIMEOUT_MS): Promise<string> {
    await this.#until(() => this.lines.length > 0, "another line", timeoutMs);
    return this.lines.shift() ?? "";
  }

  /** Takes lines up to and with the first one that fits; gives all of these. */
  async waitFor(fits: (line: string) => boolean, timeoutMs = TIMEOUT_MS): Promise<string[]> {
    const taken: string[] = [];
    for (;;) {
      const line = await this.nextLine(timeoutMs);
      taken.push(line);
      if (fits(line)) return taken;
    }
  }

  /** Until standard error has that text. */
  async waitForStderr(text: string | RegExp, timeoutMs = TIMEOUT_MS): Promise<void> {
    const there = (): boolean =>
      typeof text === "string" ? this.#stderr.includes(text) : text.test(this.#stderr);
    await this.#until(there, String(text), timeoutMs);
  }

  /** Stops reading its standard output, as `less` does. */
  stall(): void {
    this.child.stdout.pause();
  }

  resume(): void {
    this.child.stdout.resume();
  }

  /** Closes the pipe, as `head` does. */
  closeStdout(): void {
    this.child.stdout.destroy();
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Its end, by itself or by an earlier signal. */
  async exit(timeoutMs = TIMEOUT_MS): Promise<Omit<RunResult, "stdout">> {
    // A child that was stalled has not closed as long as nobody reads.
    const exited = (): boolean => this.child.exitCode !== null || this.child.signalCode !== null;
    await this.#until(exited, "its end", timeoutMs);
    const closed = (): boolean => this.#ended || this.child.stdout.isPaused();
    await this.#until(closed, "the end of its output", timeoutMs);
    return { status: this.child.exitCode, signal: this.child.signalCode, stderr: this.#stderr };
  }

  /** Sends the signal and waits for the end. Harmless when it has ended already. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Omit<RunResult, "stdout">> {
    this.child.kill(signal);
    return await this.exit();
  }

  /** For `finally`: whatever it does, it is gone after this. */
  async dispose(): Promise<void> {
    this.child.kill("SIGKILL");
    this.child.stdout.destroy();
    await this.exit();
  }

  /** A test that failed before it stopped its child must not keep the runner waiting; whoever waits has a timer. */
  #letGo(): void {
    this.child.unref();
    for (const stream of [this.child.stdin, this.child.stdout, this.child.stderr]) {
      if (stream instanceof Socket) stream.unref();
    }
  }

  #take(text: string): void {
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) this.lines.push(line);
    this.#wake();
  }

  async #until(there: () => boolean, what: string, timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!there()) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`walctl: waited in vain for ${what}; stderr: ${this.#stderr}`);
      if (this.#ended) {
        const { exitCode, signalCode } = this.child;
        throw new Error(
          `walctl ended before ${what} (${exitCode ?? signalCode}); stderr: ${this.#stderr}`,
        );
      }
      await this.#news(left);
    }
  }

  /** Anything that happens, or the time having passed. */
  async #news(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#waiting.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wake(): void {
    for (const awaken of this.#waiting) awaken();
    this.#waiting.clear();
  }
}

const alive = new Set<Child>();
// A test that fails half-way leaves nothing running, nor does one that the runner ends for taking too long.
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});
process.once("SIGTERM", () => process.exit(143));

function spawnProgram(args: readonly string[], options: SpawnOptions): Child {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: options.cwd,
    env: childEnvironment(options),
    stdio: ["pipe", "pipe", "pipe"],
  });
  alive.add(child);
  child.once("exit", () => alive.delete(child));
  return child;
}

/** The caller's libpq, colour and locale settings must not decide a test. */
export function childEnvironment({ server, env }: Omit<SpawnOptions, "cwd">): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) =>
      !/^(PG|WALCTL_|NODE_TEST_|NODE_OPTIONS$|(NO|FORCE)_COLOR$|COLUMNS$|LINES$|LC_|LANG$|TZ$)/.test(
        name,
      ),
  );
  const all = { ...Object.fromEntries(own), ...server?.env, ...env };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function inputOf(stdin: RunOptions["stdin"]): Readable {
  if (stdin instanceof Readable) return stdin;
  return Readable.from(stdin === undefined ? [] : [Buffer.from(stdin)]);
}
