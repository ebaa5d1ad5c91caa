/** The program inside of the test's own process, for help pages, errors of usage, fixtures and thousands of runs: nothing connects. */
import { Readable, Writable } from "node:stream";
import { run } from "../../../src/cli.ts";
import type { OutputStream } from "../../../src/program/context.ts";
import { type RunOptions, type RunResult, childEnvironment } from "./cli.ts";

export interface InsideOptions extends Pick<RunOptions, "server" | "env"> {
  /** Pieces of it. */
  readonly stdin?: Iterable<Uint8Array>;
  /** A signal. */
  readonly stop?: AbortSignal;
}

/** As walctl() runs it as a child process, with pipes for its streams. */
export async function walctlInside(
  args: readonly string[],
  options: InsideOptions = {},
): Promise<Omit<RunResult, "signal">> {
  const printed = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const into = (name: keyof typeof printed): OutputStream => ({
    stream: new Writable({
      write: (bytes: Buffer, _encoding, done) => {
        // The program may use its buffer again.
        printed[name].push(Buffer.from(bytes));
        done();
      },
    }),
    isTerminal: false,
    width: () => undefined,
  });
  const status = await run(args, {
    stdin: Readable.from(options.stdin ?? []),
    stdout: into("stdout"),
    stderr: into("stderr"),
    env: childEnvironment(options),
    stop: options.stop ?? new AbortController().signal,
    finishBeforeExit: (work) => work,
    onSignal: () => () => {},
  });
  const textOf = (name: keyof typeof printed): string => Buffer.concat(printed[name]).toString();
  return { status, stdout: textOf("stdout"), stderr: textOf("stderr") };
}

const pages = new Map<string, string>();

/** What `walctl COMMAND --help --all` prints; without a command, of the program. */
export async function helpOf(...command: readonly string[]): Promise<string> {
  const name = command.join(" ");
  const page = pages.get(name) ?? (await walctlInside([...command, "--help", "--all"])).stdout;
  pages.set(name, page);
  return page;
}

/** Those that the help lists. */
export async function commandNames(): Promise<readonly string[]> {
  const [, list = ""] = /^Commands:\n(.*?)\n\n/ms.exec(await helpOf()) ?? [];
  return Array.from(list.matchAll(/^ {2}([a-z][a-z-]*) /gm), ([, name = ""]) => name);
}
