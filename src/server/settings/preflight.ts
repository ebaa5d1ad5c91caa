import type { Client } from "pg";
import { WalctlError, usageError } from "../../errors.ts";
import { ProtocolViolation } from "../connection/backend-messages.ts";
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
    "SELECT pg_catalog.current_setting('server_version_num') AS server_version_num",
    "read the server's version",
  );
  return Number(rows[0]?.server_version_num);
}

/** What decides whether the server can decode. */
export interface WalLevels {
  readonly wal_level: string;
  /** What the server logs at the moment; null before PostgreSQL 19, where that is wal_level. */
  readonly effective_wal_level: string | null;
  readonly in_recovery: boolean;
}

/** SQL for each of them. */
export const WAL_LEVELS = {
  wal_level: "pg_catalog.current_setting('wal_level')",
  effective_wal_level: "pg_catalog.current_setting('effective_wal_level', true)",
  in_recovery: "pg_catalog.pg_is_in_recovery()",
} satisfies Record<keyof WalLevels, string>;

/** In one query, since each query delays the start by a round trip. */
export async function readVersionAndLevels(
  client: Client,
): Promise<{ readonly version: ServerVersion; readonly levels: WalLevels }> {
  const columns = Object.entries(WAL_LEVELS).map(([name, sql]) => `${sql} AS ${name}`);
  const [row] = await queryRows<{ version: string } & WalLevels>(
    client,
    `SELECT pg_catalog.current_setting('server_version_num') AS version, ${columns.join(", ")}`,
    "read the server's version and wal_level",
  );
  if (row === undefined) throw new ProtocolViolation("no row where there is always one");
  const { version, ...levels } = row;
  return { version: Number(version), levels };
}

function formatServerVersion(version: ServerVersion): string {
  return `${majorOf(version)}.${version % 10_000}`;
}

export function majorOf(version: ServerVersion): number {
  return Math.floor(version / 10_000);
}

const MAJOR_TESTED = 19;

/** A version that may differ from what walctl knows; undefined: it is known. */
export function untestedText(version: ServerVersion): string | undefined {
  if (majorOf(version) <= MAJOR_TESTED) return undefined;
  return `PostgreSQL ${formatServerVersion(version)}; walctl is tested up to ${MAJOR_TESTED}`;
}

/** Throws if the server is too old for a feature: `--two-phase needs PostgreSQL 15; this server is 14.23`. */
export function requireVersion(feature: string, neededMajor: number, actual: ServerVersion): void {
  if (majorOf(actual) >= neededMajor) return;
  throw usageError(
    `${feature} needs PostgreSQL ${neededMajor}; this server is ${formatServerVersion(actual)}`,
  );
}

/** From then on a server at wal_level = replica logs for decoding while it has a logical slot. */
const MAJOR_ADAPTS = 19;

/** Undefined if the server can decode. */
export function walLevelFault(version: ServerVersion, levels: WalLevels): string | undefined {
  const { wal_level: level } = levels;
  if (!decodesAt(version, level)) {
    const needed = majorOf(version) < MAJOR_ADAPTS ? '"logical"' : '"replica" or "logical"';
    return `wal_level is "${level}", and logical decoding needs ${needed}`;
  }
  if (majorOf(version) < MAJOR_ADAPTS || levels.effective_wal_level !== "replica") return undefined;
  // A slot here cannot change what the primary logs.
  return levels.in_recovery
    ? 'effective_wal_level of this standby\'s primary is "replica", and logical decoding on a standby needs "logical"'
    : undefined;
}

/** What has to be done where wal_level of a standby is none of the reasons. */
export const LOG_ON_PRIMARY =
  "on the primary set wal_level = logical, or create a logical slot, which makes it log as at logical as long as there is one";

/** Whether the server's own setting suffices. PostgreSQL ignores the case of such values. */
export function decodesAt(version: ServerVersion, walLevel: string): boolean {
  const level = walLevel.toLowerCase();
  return majorOf(version) < MAJOR_ADAPTS ? level === "logical" : level !== "minimal";
}

/** The lowest level that suffices. */
export function lowestLevel(version: ServerVersion): string {
  return majorOf(version) < MAJOR_ADAPTS ? "logical" : "replica";
}

/** What a logical slot does to the whole cluster; undefined: nothing that is not so already. */
export function firstSlotText({
  effective_wal_level: effective,
  in_recovery: standby,
}: WalLevels): string | undefined {
  if (effective !== "replica" || standby) return undefined;
  return "the first logical slot, also a temporary one, makes the whole cluster log as at logical; it falls back some time after the last one is gone";
}

/** The error if the server cannot decode, to be thrown or shown. */
export async function findWalLevelFault(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  levels: WalLevels,
): Promise<WalctlError | undefined> {
  const message = walLevelFault(version, levels);
  if (message === undefined) return undefined;
  const suffices = (level: string): boolean => decodesAt(version, level);
  if (suffices(levels.wal_level)) {
    return new WalctlError(message, { hint: `${capitalised(LOG_ON_PRIMARY)}.` });
  }
  const configured = await readConfigured(client, ["wal_level"]);
  if (awaitsRestart(configured.get("wal_level"), suffices)) {
    return new WalctlError(message, { hint: `${capitalised(RESTART_MISSING)}.` });
  }
  const administration = await readAdministration(client, target);
  const level = lowestLevel(version);
  const { words, fix } = changeSetting(administration, "wal_level", level, "restart");
  const hint =
    fix === null
      ? `${capitalised(words.replace(/^; /, ""))}.`
      : `As a superuser, and then restart the server: ${fix}`;
  return new WalctlError(message, { hint });
}

export function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
