/** The program in this process, where thousands of runs would take too long as child processes. */
import { Readable, Writable } from "node:stream";
import { run } from "../../../src/cli.ts";
import type { CommandContext, OutputStream } from "../../../src/commands/context.ts";
import type { RunResult } from "./cli.ts";

/** Runs `walctl ARGS` to its end. Its streams are pipes, and errors have their stack. */
export async function walctlHere(
  args: readonly string[],
  stdin: Iterable<Uint8Array> = [],
): Promise<Omit<RunResult, "signal">> {
  const [stdout, stderr] = [new Collected(), new Collected()];
  const context: CommandContext = {
    stdin: Readable.from(stdin),
    stdout: stdout.stream,
    stderr: stderr.stream,
    env: { WALCTL_DEBUG: "1" },
    stop: new AbortController().signal,
    finishBeforeExit: async (work) => await work,
    onSignal: () => () => {},
  };
  const status = await run(args, context);
  return { status, stdout: stdout.text(), stderr: stderr.text() };
}

class Collected {
  readonly #pieces: Buffer[] = [];
  readonly stream: OutputStream = {
    stream: new Writable({
      write: (piece: Buffer, _encoding, done) => {
        // The program may use its buffer again.
        this.#pieces.push(Buffer.from(piece));
        done();
      },
    }),
    isTerminal: false,
    width: () => undefined,
  };

  text(): string {
    return Buffer.concat(this.#pieces).toString("utf8");
  }
}
