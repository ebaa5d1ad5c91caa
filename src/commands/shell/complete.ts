import { ExitCode } from "../../errors.ts";
import { listPublications } from "../../server/publication/state.ts";
import { readSlotNames } from "../../server/slot/read.ts";
import { type ConnectionFlags, resolveTarget } from "../../server/target/resolve.ts";
import { withConnection } from "../connection.ts";
import type { CommandContext } from "../context.ts";

/** A shell waits for it with the cursor in mid-line. */
const PATIENCE_MS = 2000;

/** Prints the names that may stand where the cursor is, one a line. Whatever goes wrong, it says nothing. */
export async function complete(
  what: string,
  words: readonly string[],
  _flags: unknown,
  context: CommandContext,
): Promise<ExitCode> {
  try {
    const names = await namesOf(what, connectionFlags(words), context);
    // A name with a line break or an escape in it cannot be told to a shell in one line.
    const plain = names.filter((name) => !/\p{Cc}/u.test(name));
    context.stdout.stream.write(plain.map((name) => `${name}\n`).join(""));
  } catch {
    // An error would stand in the middle of what is being typed.
  }
  return ExitCode.done;
}

async function namesOf(
  what: string,
  flags: ConnectionFlags,
  context: CommandContext,
): Promise<readonly string[]> {
  const target = { ...resolveTarget(flags, context.env), connectTimeoutMs: PATIENCE_MS };
  const stop = AbortSignal.any([context.stop, AbortSignal.timeout(PATIENCE_MS)]);
  return await withConnection(target, "ordinary", stop, async (client) => {
    if (what === "publications") return await listPublications(client);
    return what === "slots" ? await readSlotNames(client) : [];
  });
}

const CONNECTION_OPTIONS: ReadonlyArray<
  readonly [name: keyof ConnectionFlags, short: string, long: string]
> = [
  ["dbname", "-d", "--dbname"],
  ["host", "-h", "--host"],
  ["port", "-p", "--port"],
  ["username", "-U", "--username"],
];

/**
 * From an unfinished command line: `-d x`, `-dx`, `--dbname x`, `--dbname=x`; what else is there does not matter.
 * bash gives words as they were typed, with their quotes, and makes three of `--dbname=x`.
 */
function connectionFlags(typed: readonly string[]): ConnectionFlags {
  const words = typed.filter((word) => word !== "=").map(unquote);
  const flags: Partial<Record<keyof ConnectionFlags, string>> = {};
  for (const [at, word] of words.entries()) {
    for (const [name, short, long] of CONNECTION_OPTIONS) {
      const value =
        word === short || word === long
          ? words[at + 1]
          : (afterPrefix(word, `${long}=`) ?? shortValue(word, short));
      if (value !== undefined) flags[name] = value;
    }
  }
  return flags;
}

function unquote(word: string): string {
  const [, , inner] = /^(["'])(.*)\1$/s.exec(word) ?? [];
  return inner ?? word.replace(/\\(.)/gs, "$1");
}

function afterPrefix(word: string, prefix: string): string | undefined {
  return word.startsWith(prefix) ? word.slice(prefix.length) : undefined;
}

function shortValue(word: string, short: string): string | undefined {
  return word.startsWith("--") ? undefined : afterPrefix(word, short);
}
