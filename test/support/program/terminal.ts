/** A real terminal for a test: tmux, on a server of its own. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { PROGRAM, childEnvironment } from "./cli.ts";
import type { TestServer } from "../server/server.ts";
import { toolPath } from "../tools/tools.ts";

const run = promisify(execFile);
const TIMEOUT_MS = 30_000;
const POLL_MS = 50;
const TEXT_BYTES_MAX = 1 << 26;

export interface TerminalOptions {
  readonly columns: number;
  readonly rows: number;
  /** The server that the libpq environment is to name. */
  readonly server?: TestServer | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

/** What is to be typed at a shell to run walctl. */
export const WALCTL_COMMAND = `'${process.execPath}' '${PROGRAM}'`;

/** Runs a shell command line in a terminal of its own. Whoever opens it closes it. */
export async function openTerminal(command: string, options: TerminalOptions): Promise<Terminal> {
  const folder = await mkdtemp(join(tmpdir(), "walctl-tmux-"));
  const terminal = new Terminal(folder);
  try {
    await terminal.open(command, options);
    return terminal;
  } catch (error) {
    await terminal.close();
    throw error;
  }
}

export class Terminal {
  readonly #folder: string;
  readonly #socket: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#socket = join(folder, "tmux");
  }

  async open(command: string, { columns, rows, server, env = {} }: TerminalOptions): Promise<void> {
    const variables = Object.entries({ ...server?.env, ...env });
    const size = ["-x", String(columns), "-y", String(rows)];
    // The pane outlives the command, so that its last words can be read; history, since they may be many.
    await this.#tmux(
      "-f",
      "/dev/null",
      "set-option",
      "-g",
      "remain-on-exit",
      "on",
      ";",
      "set-option",
      "-g",
      "remain-on-exit-format",
      "",
      ";",
      "set-option",
      "-g",
      "history-limit",
      "50000",
      ";",
      "new-session",
      "-d",
      ...size,
      ...variables.flatMap(([name, value]) => ["-e", `${name}=${value}`]),
      command,
    );
  }

  /** All text so far, with what has scrolled off, without trailing blank lines. `colors`: with its escapes. */
  async text(colors = false): Promise<string> {
    const escapes = colors ? ["-e"] : [];
    const text = await this.#tmux("capture-pane", "-p", "-S", "-", ...escapes);
    return text.trimEnd();
  }

  /** Waits until the text (or the pattern) stands there, and gives all that does. */
  async waitFor(wanted: string | RegExp, timeoutMs = TIMEOUT_MS): Promise<string> {
    const there = (text: string): boolean =>
      typeof wanted === "string" ? text.includes(wanted) : wanted.test(text);
    return await this.#until(async () => there(await this.text()), String(wanted), timeoutMs);
  }

  /** Waits until the command has ended, and gives its exit status. */
  async exit(timeoutMs = TIMEOUT_MS): Promise<number> {
    const ended = async (): Promise<boolean> => (await this.#pane("#{pane_dead}")) === "1";
    await this.#until(ended, "the command's end", timeoutMs);
    return Number(await this.#pane("#{pane_dead_status}"));
  }

  /** As tmux names keys: "q", "Enter", "C-c". */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  async close(): Promise<void> {
    await this.#tmux("kill-server").catch(() => {});
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #pane(format: string): Promise<string> {
    return (await this.#tmux("display-message", "-p", format)).trim();
  }

  async #until(there: () => Promise<boolean>, what: string, timeoutMs: number): Promise<string> {
    const deadline = Date.now() + timeoutMs;
    while (!(await there())) {
      if (Date.now() > deadline) {
        throw new Error(`waited in vain for ${what} in the terminal:\n${await this.text()}`);
      }
      await sleep(POLL_MS);
    }
    return await this.text();
  }

  async #tmux(...args: string[]): Promise<string> {
    const env = childEnvironment({
      env: { TMUX: undefined, LC_ALL: "C.UTF-8", TERM: "xterm-256color" },
    });
    return (
      await run(toolPath("tmux"), ["-S", this.#socket, "-u", ...args], {
        env,
        maxBuffer: TEXT_BYTES_MAX,
      })
    ).stdout;
  }
}
