import type { Client } from "pg";
import { WalctlError, usageError } from "../../errors.ts";
import {
  RESTART_MISSING,
  awaitsRestart,
  changeSetting,
  readAdministration,
  readConfigured,
} from "./administration.ts";
import { queryRows } from "../query/statement.ts";
import type { ConnectionTarget } from "../target/target.ts";

/** server_version_num: 150018 is 15.18. */
export type ServerVersion = number;

export async function readServerVersion(client: Client): Promise<ServerVersion> {
  const rows = await queryRows<{ server_version_num: string }>(
    client,
    "SHOW server_version_num",
    "read the server's version",
  );
  return Number(rows[0]?.server_version_num);
}

/** In one query, since each query delays the start by a round trip. */
export async function readVersionAndWalLevel(
  client: Client,
): Promise<{ readonly version: ServerVersion; readonly walLevel: string | undefined }> {
  const [row] = await queryRows<{ version: string; walLevel: string }>(
    client,
    `SELECT pg_catalog.current_setting('server_version_num') AS version,
       pg_catalog.current_setting('wal_level') AS "walLevel"`,
    "read the server's version and wal_level",
  );
  return { version: Number(row?.version), walLevel: row?.walLevel };
}

function formatServerVersion(version: ServerVersion): string {
  return `${majorOf(version)}.${version % 10_000}`;
}

export function majorOf(version: ServerVersion): number {
  return Math.floor(version / 10_000);
}

/** Throws if the server is too old for a feature: `--two-phase needs PostgreSQL 15; this server is 14.23`. */
export function requireVersion(feature: string, neededMajor: number, actual: ServerVersion): void {
  if (majorOf(actual) >= neededMajor) return;
  throw usageError(
    `${feature} needs PostgreSQL ${neededMajor}; this server is ${formatServerVersion(actual)}`,
  );
}

/** Undefined if the server can decode. */
export function walLevelFault(
  version: ServerVersion,
  walLevel: string | undefined,
): string | undefined {
  // PostgreSQL 19 raises the effective level when the first logical slot is created.
  if (majorOf(version) >= 19 || walLevel === "logical") return undefined;
  return `wal_level is "${walLevel}", and logical decoding needs "logical"`;
}

/** As the configuration has it: PostgreSQL ignores the case of such values. */
export function isLogical(walLevel: string): boolean {
  return walLevel.toLowerCase() === "logical";
}

/**
 * The error if the server cannot decode, to be thrown or shown.
 * @param walLevel undefined: it is read from the server
 */
export async function findWalLevelFault(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  walLevel?: string,
): Promise<WalctlError | undefined> {
  const level = walLevel ?? (await readVersionAndWalLevel(client)).walLevel;
  const message = walLevelFault(version, level);
  if (message === undefined) return undefined;
  const configured = await readConfigured(client, ["wal_level"]);
  if (awaitsRestart(configured.get("wal_level"), isLogical)) {
    return new WalctlError(message, { hint: `${capitalised(RESTART_MISSING)}.` });
  }
  const administration = await readAdministration(client, target);
  const { words, fix } = changeSetting(administration, "wal_level", "logical", "restart");
  const hint =
    fix === null
      ? `${capitalised(words.replace(/^; /, ""))}.`
      : `As a superuser, and then restart the server: ${fix}`;
  return new WalctlError(message, { hint });
}

export function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
