import { type Stats, accessSync, constants, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type Place, SOCKET_DIRECTORIES } from "./places.ts";

interface PasswordKey extends Pick<Place, "host" | "port"> {
  readonly database: string;
  readonly user: string;
}

/**
 * The password in the first matching line (manual: The Password File). Undefined if there is none, or if the file has a
 * fault for which libpq skips it too.
 */
export async function readPassfile(path: string, key: PasswordKey): Promise<string | undefined> {
  if (findPassfileFault(path) !== undefined) return undefined;
  try {
    return findPassword(await readFile(path, "utf8"), key);
  } catch {
    return undefined;
  }
}

/** @param isNamed by the user: it has to be there */
export function findPassfileFault(
  path: string,
  isNamed = false,
): { readonly message: string; readonly hint?: string } | undefined {
  let stats: Stats;
  try {
    stats = statSync(path);
    accessSync(path, constants.R_OK);
  } catch (cause) {
    const { code = "unknown error" } = cause as NodeJS.ErrnoException;
    if (!isNamed && code === "ENOENT") return undefined;
    const hint = isNamed
      ? { hint: "PGPASSFILE, or passfile in a connection string, names it." }
      : {};
    return { message: `password file "${path}" cannot be read (${code}) and is skipped`, ...hint };
  }
  if (!stats.isFile()) return { message: `password file "${path}" is not a plain file` };
  if ((stats.mode & 0o077) === 0) return undefined;
  return {
    message: `password file "${path}" has group or world access and is skipped`,
    hint: `chmod 600 ${path}`,
  };
}

/** The host as the file names it: sockets in the default directories belong to localhost. */
export function passfileHost(host: string): string {
  return SOCKET_DIRECTORIES.includes(host) ? "localhost" : host;
}

/** Escapes a field of a line. */
export function escapeField(text: string): string {
  return text.replace(/[\\:]/g, "\\$&");
}

/** Lines are host:port:database:user:password. `*` matches anything; `\` escapes `:` and itself. */
export function findPassword(text: string, key: PasswordKey): string | undefined {
  const wanted = [passfileHost(key.host), String(key.port), key.database, key.user];
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
