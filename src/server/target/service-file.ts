import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { usageError } from "../../errors.ts";
import { type ConnectionParameters, unknownKeyword } from "./conninfo.ts";
import { findKeyword } from "./keywords.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Debian's folder; other systems have none, or set PGSYSCONFDIR. */
const SYSTEM_FOLDER = "/etc/postgresql-common";

/**
 * The settings of the service's section (manual: The Connection Service File) in the user's own file or, if that has no
 * such section, in the system's.
 * @param file the user's own, as servicefile names it; undefined: PGSERVICEFILE, or libpq's default
 */
export function readService(
  service: string,
  env: Environment,
  file?: string,
): ConnectionParameters {
  const own = file ?? env["PGSERVICEFILE"];
  const files = [
    { path: own ?? join(homedir(), ".pg_service.conf"), required: own !== undefined },
    { path: join(env["PGSYSCONFDIR"] ?? SYSTEM_FOLDER, "pg_service.conf"), required: false },
  ];
  for (const { path, required } of files) {
    const text = readText(
      path,
      required,
      service,
      file === undefined ? "PGSERVICEFILE" : "servicefile",
    );
    const section = text === undefined ? undefined : parseSection(text, service, path);
    if (section !== undefined) return section;
  }
  throw usageError(
    `definition of service "${service}" not found`,
    `It is a section [${service}] of one of these: ${files.map(({ path }) => path).join(", ")}`,
  );
}

function readText(
  path: string,
  required: boolean,
  service: string,
  named: string,
): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (!required && code === "ENOENT") return undefined;
    // An unreadable file may contain the service, and the command would connect elsewhere.
    throw usageError(
      `could not read the service file "${path}" (${code ?? "unknown error"}), and service "${service}" is asked for`,
      required ? `${named} names that file.` : undefined,
    );
  }
}

/** The first section of that name; undefined if there is none. */
function parseSection(
  text: string,
  service: string,
  path: string,
): ConnectionParameters | undefined {
  let section: ConnectionParameters | undefined;
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    const where = ` in service file "${path}", line ${index + 1}`;
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith("[")) {
      if (section !== undefined) return section;
      if (line.startsWith(`[${service}]`)) section = new Map();
      continue;
    }
    if (section === undefined) continue;
    const equals = line.indexOf("=");
    const keyword = line.slice(0, equals);
    if (line.startsWith("ldap"))
      throw usageError(`walctl does not look up services by LDAP${where}`);
    if (equals < 0) throw usageError(`syntax error${where}`);
    if (keyword === "service") throw usageError(`a service cannot name another one${where}`);
    if (keyword === "servicefile")
      throw usageError(`a service cannot name another service file${where}`);
    if (findKeyword(keyword) === undefined) throw unknownKeyword(keyword, where);
    // The first line for a keyword counts, as in libpq.
    if (!section.has(keyword)) section.set(keyword, line.slice(equals + 1));
  }
  return section;
}
