import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Reads lines until its standard input ends, which happens however this process dies. The last line says what is left
 * to do: stop a server and remove the folder, only remove it, or nothing.
 */
const SCRIPT = `
  last=
  while read -r line; do last=$line; done
  [ "$last" = keep ] && exit 0
  if [ -n "$last" ] && kill -QUIT "$last" 2>/dev/null; then
    turns=0
    # The file goes when the server has ended; its process may stay a zombie where nobody reaps orphans.
    while [ -e "$1/data/postmaster.pid" ] && kill -0 "$last" 2>/dev/null && [ $turns -lt 50 ]; do
      sleep 0.1
      turns=$((turns + 1))
    done
    kill -KILL "$last" 2>/dev/null
  fi
  # Something that was being set up may still write there.
  for turn in 1 2 3 4 5; do
    [ -e "$1" ] || exit 0
    rm -rf "$1" 2>/dev/null
    sleep 0.2
  done
`;

/** Removes the server and its folder when this process dies without doing so. */
export class Watchdog {
  readonly #child: ChildProcess;

  constructor(folder: string) {
    // Detached, so that Ctrl-C at the terminal does not reach it.
    this.#child = spawn("/bin/sh", ["-c", SCRIPT, "walctl-watchdog", folder], {
      cwd: "/",
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#child.stdin?.on("error", () => {});
    this.#child.on("error", () => {});
    this.#child.unref();
    // To Node.js the pipe is a socket, which would keep the process alive.
    const pipe = this.#child.stdin;
    if (pipe !== null && "unref" in pipe && typeof pipe.unref === "function") pipe.unref();
  }

  /** Sets the server to stop; undefined if it has ended. */
  watch(pid: number | undefined): void {
    this.#child.stdin?.write(`${pid ?? ""}\n`);
  }

  /** Leaves the server and the folder to the user. */
  async release(): Promise<void> {
    this.#child.stdin?.write("keep\n");
    await this.end();
  }

  /** Closes the pipe, so that the watchdog does what is left to do. */
  async end(): Promise<void> {
    const { stdin, exitCode, signalCode } = this.#child;
    if (this.#child.pid === undefined || exitCode !== null || signalCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#child.ref();
    stdin?.end();
    await exit;
  }
}
