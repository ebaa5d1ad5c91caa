/** doctor: the server's version and settings. */
import { ProtocolViolation } from "../connection/backend-messages.ts";
import type { Client } from "pg";
import {
  type Administration,
  RESTART_MISSING,
  awaitsRestart,
  changeSetting,
} from "../settings/administration.ts";
import { type Check, fail, ok, warning } from "./check.ts";
import { type ServerVersion, findWalLevelFault, majorOf } from "../settings/preflight.ts";
import { quoteIdentifierList } from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";
import { matchingStandbyName } from "../settings/synchronous-standbys.ts";
import { shellQuote } from "../target/target.ts";

const MAJOR_MIN = 14;
const MAJOR_TESTED = 18;
/** Below it an answer is late as soon as the network or this machine has a bad moment. */
const TIMEOUT_MS_MIN = 10_000;

interface Settings {
  readonly version: string;
  readonly slots: readonly string[];
  /** Those of them that are being streamed from. */
  readonly active: readonly string[];
  readonly slots_max: number;
  readonly senders: number;
  readonly senders_max: number;
  /** 0: never. */
  readonly timeout_ms: number;
  readonly timeout: string;
  readonly keep: string;
  readonly idle: string | null;
  readonly synchronous: string;
  readonly in_recovery: boolean;
  /** Walsenders of physical standbys. */
  readonly standbys: readonly string[];
}

function checkVersion(version: ServerVersion, text: string): Check {
  const major = majorOf(version);
  const what = `PostgreSQL ${text}`;
  if (major < MAJOR_MIN) {
    return fail("server_version", `${what}; walctl needs ${MAJOR_MIN} or later`, null);
  }
  if (major <= MAJOR_TESTED) return ok("server_version", what);
  return warning("server_version", `${what}; walctl is tested up to ${MAJOR_TESTED}`, null);
}

/** @param asked slots that a stream is to use; empty: one of its own */
export async function checkServer(
  client: Client,
  administration: Administration,
  version: ServerVersion,
  asked: readonly string[],
): Promise<readonly Check[]> {
  const settings = await readSettings(client);
  return [
    checkVersion(version, settings.version),
    ...checkRecovery(settings, version),
    await checkWalLevel(client, administration, version),
    await checkSlotsLeft(client, settings, administration, asked),
    await checkSendersLeft(client, settings, administration, asked),
    checkSenderTimeout(settings, administration),
    checkKeepSize(settings),
    ...checkIdleTimeout(settings),
    checkSynchronous(settings, administration),
  ];
}

async function readSettings(client: Client): Promise<Settings> {
  const [row] = await queryRows<Settings & Record<string, unknown>>(
    client,
    `SELECT current_setting('server_version') AS version,
       ARRAY(SELECT s.slot_name::text FROM pg_catalog.pg_replication_slots s) AS slots,
       ARRAY(SELECT s.slot_name::text FROM pg_catalog.pg_replication_slots s WHERE s.active) AS active,
       current_setting('max_replication_slots')::int AS slots_max,
       (SELECT count(*)::int FROM pg_catalog.pg_stat_replication) AS senders,
       current_setting('max_wal_senders')::int AS senders_max,
       (SELECT setting::int FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout') AS timeout_ms,
       current_setting('wal_sender_timeout') AS timeout,
       current_setting('max_slot_wal_keep_size') AS keep,
       current_setting('idle_replication_slot_timeout', true) AS idle,
       current_setting('synchronous_standby_names') AS synchronous,
       pg_catalog.pg_is_in_recovery() AS in_recovery,
       ARRAY(SELECT DISTINCT r.application_name FROM pg_catalog.pg_stat_replication r
             WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots s
                               WHERE s.active_pid = r.pid AND s.slot_type = 'logical')
             ORDER BY 1) AS standbys`,
    "read the server's settings",
  );
  if (row === undefined) throw new ProtocolViolation("no row where there is always one");
  return row;
}

function checkRecovery({ in_recovery: standby }: Settings, version: ServerVersion): Check[] {
  if (!standby) return [];
  const name = "recovery";
  return majorOf(version) >= 16
    ? [ok(name, "a standby; it decodes what it has replayed")]
    : [fail(name, "a standby, and only PostgreSQL 16 and later decode on one", null)];
}

async function checkWalLevel(
  client: Client,
  administration: Administration,
  version: ServerVersion,
): Promise<Check> {
  const name = "wal_level";
  const fault = await findWalLevelFault(client, administration.admin, version);
  if (fault === undefined) return ok(name, "logical");
  const waits = await awaitsRestart(client, name, (value) => value === "logical");
  if (waits) return fail(name, `${fault.message}; ${RESTART_MISSING}`, null);
  const { words, fix } = changeSetting(administration, name, "logical", "restart");
  return fail(name, `${fault.message}${words}`, fix);
}

/** A stream takes one, unless it uses one that is there. */
async function checkSlotsLeft(
  client: Client,
  { slots, slots_max: max }: Settings,
  administration: Administration,
  asked: readonly string[],
): Promise<Check> {
  const missing = asked.filter((name) => !slots.includes(name));
  const wanted = asked.length === 0 ? 1 : missing.length;
  const message = `${slots.length} of ${max} slots are taken`;
  const name = "max_replication_slots";
  if (slots.length + wanted <= max) return ok(name, message + (wanted === 0 ? itsOwn(asked) : ""));
  return await noPlaceLeft(client, name, message, max, administration);
}

/** A stream takes one, unless it is there already and its slot in use. */
async function checkSendersLeft(
  client: Client,
  { senders, senders_max: max, active, standbys }: Settings,
  administration: Administration,
  asked: readonly string[],
): Promise<Check> {
  const idle = asked.filter((name) => !active.includes(name));
  const wanted = asked.length === 0 ? 1 : idle.length;
  const message = `${senders} of ${max} WAL senders are taken`;
  const name = "max_wal_senders";
  if (senders + wanted <= max) return ok(name, message + (wanted === 0 ? itsOwn(asked) : ""));
  if (standbys.length === 0) return await noPlaceLeft(client, name, message, max, administration);
  const first = "raise it on the standbys first, which stop replaying where they allow fewer";
  return fail(name, `${message}: no place for another; ${first}; it takes a restart`, null);
}

function itsOwn(asked: readonly string[]): string {
  return `, by ${asked.map((name) => `"${name}"`).join(", ")} too`;
}

async function noPlaceLeft(
  client: Client,
  name: string,
  message: string,
  max: number,
  administration: Administration,
): Promise<Check> {
  const full = `${message}: no place for another`;
  const waits = await awaitsRestart(client, name, (value) => Number(value) > max);
  if (waits) return fail(name, `${full}; ${RESTART_MISSING}`, null);
  const { words, fix } = changeSetting(administration, name, String(max + 10), "restart");
  return fail(name, full + words, fix);
}

function checkSenderTimeout(
  { timeout_ms: ms, timeout }: Settings,
  administration: Administration,
): Check {
  const name = "wal_sender_timeout";
  if (ms >= TIMEOUT_MS_MIN) return ok(name, timeout);
  const { words, fix } = changeSetting(administration, name, "60s", "reload");
  const effect =
    ms === 0
      ? "0: a consumer whose machine vanished holds its slot for hours"
      : `${timeout}: a short stall on the way ends the stream`;
  return warning(name, effect + words, fix);
}

/** No command: any limit gives up the slots that exceed it, with what they hold. */
function checkKeepSize({ keep }: Settings): Check {
  const name = "max_slot_wal_keep_size";
  if (keep !== "-1") return ok(name, `${keep}: a slot that keeps more is given up`);
  return warning(
    name,
    "-1: a slot that nobody reads keeps WAL until the disk is full; with a limit such as 50GB the server invalidates it instead, and what was not read from it is lost",
    null,
  );
}

function checkIdleTimeout({ idle }: Settings): Check[] {
  if (idle === null) return [];
  const name = "idle_replication_slot_timeout";
  const off = idle === "0";
  return [ok(name, off ? "0: off" : `${idle}: a slot that nobody uses for so long is given up`)];
}

/** A walsender of a matching name can become a synchronous standby, and then commits wait for what it confirms. */
function checkSynchronous(
  { synchronous, standbys }: Settings,
  { admin: { applicationName: application } }: Administration,
): Check {
  const name = "synchronous_standby_names";
  const match = matchingStandbyName(synchronous, application);
  if (match === undefined) return ok(name, synchronous === "" ? "none" : synchronous);
  const effect =
    "commits on the server may wait for what walctl confirms, and without --ack that is nothing";
  if (match !== "*") {
    const message = `"${match}" is what walctl calls itself: ${effect}; take another name`;
    return fail(name, message, `export PGAPPNAME=${shellQuote(`${application}_consumer`)}`);
  }
  // No command: the names decide how many copies a commit has, and a standby that is away now is not among them.
  const named = standbys.filter((standby) => standby !== application);
  const example = named.length === 0 ? "" : ` (connected now: ${quoteIdentifierList(named)})`;
  return fail(
    name,
    `* matches every walsender: ${effect}; name the standbys in its place${example}`,
    null,
  );
}
