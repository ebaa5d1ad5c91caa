import { readFile, stat } from "node:fs/promises";

interface PasswordKey {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/**
 * The password of the first line that fits (manual: The Password File). Undefined where there is
 * none, and for a file that others may read, which libpq ignores too.
 */
export async function readPassfile(path: string, key: PasswordKey): Promise<string | undefined> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) return undefined;
    return findPassword(await readFile(path, "utf8"), key);
  } catch {
    return undefined;
  }
}

/** Lines are host:port:database:user:password; `*` fits all, `\` escapes `:` and itself. */
export function findPassword(text: string, key: PasswordKey): string | undefined {
  const wanted = [key.host, String(key.port), key.database, key.user];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const fields =
      line.match(/(?:\\.|[^:\\])*(?::|$)/g)?.map((field) => field.replace(/:$/, "")) ?? [];
    const fits = wanted.every((value, index) => {
      const pattern = fields[index];
      return pattern === "*" || (pattern !== undefined && unescape(pattern) === value);
    });
    const password = fields[4];
    if (fits && password !== undefined) return unescape(password);
  }
  return undefined;
}

function unescape(field: string): string {
  return field.replace(/\\(.)/g, "$1");
}
