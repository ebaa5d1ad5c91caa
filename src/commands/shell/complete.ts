import { ExitCode } from "../../errors.ts";
import { listDatabases, listTables } from "../../server/publication/names.ts";
import { listPublications } from "../../server/publication/state.ts";
import { readSlotNames } from "../../server/slot/read.ts";
import { type ConnectionFlags, resolveTarget } from "../../server/target/resolve.ts";
import { withConnection } from "../connection.ts";
import { type CommandContext, print } from "../../program/context.ts";

/** The shell waits up to this long while the user types. */
const PATIENCE_MS = 2000;

/** Prints the names that can complete the word at the cursor, one a line, and no errors. */
export async function complete(
  what: string,
  words: readonly string[],
  _flags: unknown,
  context: CommandContext,
): Promise<ExitCode> {
  try {
    const { dbname, ...elsewhere } = connectionFlags(words);
    // The name of a database is not complete yet.
    const flags =
      dbname === undefined || what === "databases" ? elsewhere : { ...elsewhere, dbname };
    const names = await namesOf(what, flags, context);
    // A name with a control character cannot be passed to a shell in one line.
    const plain = names.filter((name) => !/\p{Cc}/u.test(name));
    await print(context, plain.map((name) => `${name}\n`).join(""));
  } catch {
    // An error message would break the line that the user types.
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
    switch (what) {
      case "publications":
        return await listPublications(client);
      case "slots":
        return await readSlotNames(client);
      case "tables":
        return await listTables(client);
      case "databases":
        return await listDatabases(client);
      default:
        return [];
    }
  });
}

type TextFlag = Exclude<keyof ConnectionFlags, "password">;

const CONNECTION_OPTIONS: ReadonlyArray<readonly [name: TextFlag, short: string, long: string]> = [
  ["dbname", "-d", "--dbname"],
  ["host", "-h", "--host"],
  ["port", "-p", "--port"],
  ["username", "-U", "--username"],
];

/**
 * Finds `-d x`, `-dx`, `--dbname x` and `--dbname=x` in an unfinished command line. bash passes words as they were
 * typed, with their quotes, and splits `--dbname=x` into three.
 */
function connectionFlags(typed: readonly string[]): ConnectionFlags {
  const words = typed.filter((word) => word !== "=").map(unquote);
  const flags: Partial<Record<TextFlag, string>> = {};
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
