/** doctor: the server's version and settings. */
import type { Client } from "pg";
import { type Check, fail, ok, warning } from "./check.ts";
import { psqlCommand } from "./paste.ts";
import { type ServerVersion, findWalLevelFault, majorOf } from "./preflight.ts";
import { settingCommand } from "./slot-faults.ts";
import { quoteIdentifierList } from "./sql.ts";
import { queryRows } from "./statement.ts";
import { matchingStandbyName } from "./synchronous-standbys.ts";
import { type ConnectionTarget, shellQuote } from "./target.ts";

const MAJOR_MIN = 14;
const MAJOR_TESTED = 18;
/** Below it an answer is late as soon as the network or this machine has a bad moment. */
const TIMEOUT_MS_MIN = 10_000;

interface Settings {
  readonly version: string;
  readonly slots: number;
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

export async function checkServer(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
): Promise<readonly Check[]> {
  const settings = await readSettings(client);
  const checks = [
    checkVersion(version, settings.version),
    ...checkRecovery(settings, version),
    await checkWalLevel(client, target, version),
    checkSlotsLeft(settings, target),
    checkSendersLeft(settings, target),
    checkSenderTimeout(settings, target),
    checkKeepSize(settings, target),
    ...checkIdleTimeout(settings),
    checkSynchronous(settings, target),
  ];
  return checks;
}

async function readSettings(client: Client): Promise<Settings> {
  const [row] = await queryRows<Settings & Record<string, unknown>>(
    client,
    `SELECT current_setting('server_version') AS version,
       (SELECT count(*)::int FROM pg_catalog.pg_replication_slots) AS slots,
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
  if (row === undefined) throw new Error("a SELECT without FROM gave no row");
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
  target: ConnectionTarget,
  version: ServerVersion,
): Promise<Check> {
  const fault = await findWalLevelFault(client, target, version);
  if (fault === undefined) return ok("wal_level", "logical");
  const fix = psqlCommand("ALTER SYSTEM SET wal_level = 'logical'", target);
  return fail("wal_level", `${fault.message}; it takes a restart of the server`, fix);
}

function checkSlotsLeft({ slots, slots_max: max }: Settings, target: ConnectionTarget): Check {
  return checkLeft("max_replication_slots", "slots", slots, max, target);
}

function checkSendersLeft(
  { senders, senders_max: max }: Settings,
  target: ConnectionTarget,
): Check {
  return checkLeft("max_wal_senders", "WAL senders", senders, max, target);
}

/** A stream takes one of each, and a slot that is made for it while it waits takes no more. */
function checkLeft(
  setting: string,
  what: string,
  used: number,
  max: number,
  target: ConnectionTarget,
): Check {
  const message = `${used} of ${max} ${what} are taken`;
  if (used < max) return ok(setting, message);
  const fix = psqlCommand(`ALTER SYSTEM SET ${setting} = ${max + 10}`, target);
  return fail(setting, `${message}: no place for another; raising it takes a restart`, fix);
}

function checkSenderTimeout(
  { timeout_ms: ms, timeout }: Settings,
  target: ConnectionTarget,
): Check {
  const name = "wal_sender_timeout";
  const fix = settingCommand(name, "60s", target);
  if (ms === 0) {
    return warning(name, "0: a consumer whose machine vanished holds its slot for hours", fix);
  }
  if (ms >= TIMEOUT_MS_MIN) return ok(name, timeout);
  return warning(name, `${timeout}: a short stall on the way ends the stream`, fix);
}

function checkKeepSize({ keep }: Settings, target: ConnectionTarget): Check {
  const name = "max_slot_wal_keep_size";
  if (keep !== "-1") return ok(name, `${keep}: a slot that keeps more is given up`);
  const message = "-1: a slot that nobody reads keeps WAL until the disk is full";
  return warning(name, message, settingCommand(name, "50GB", target));
}

function checkIdleTimeout({ idle }: Settings): Check[] {
  if (idle === null) return [];
  const name = "idle_replication_slot_timeout";
  const off = idle === "0";
  return [ok(name, off ? "0: off" : `${idle}: a slot that nobody uses for so long is given up`)];
}

/** A walsender of a matching name can become a synchronous standby, and then commits wait for what it confirms. */
function checkSynchronous({ synchronous, standbys }: Settings, target: ConnectionTarget): Check {
  const name = "synchronous_standby_names";
  const application = target.applicationName;
  const match = matchingStandbyName(synchronous, application);
  if (match === undefined) return ok(name, synchronous === "" ? "none" : synchronous);
  const effect =
    "commits on the server may wait for what walctl confirms, and without --ack that is nothing";
  if (match !== "*") {
    const message = `"${match}" is what walctl calls itself: ${effect}; take another name`;
    return fail(name, message, `export PGAPPNAME=${shellQuote(`${application}_consumer`)}`);
  }
  const named = standbys.filter((standby) => standby !== application);
  const fix = named.length === 0 ? null : settingCommand(name, quoteIdentifierList(named), target);
  return fail(name, `* matches every walsender: ${effect}; name the standbys`, fix);
}
