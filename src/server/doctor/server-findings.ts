/** Doctor's checks of the server's version and settings, its checkpoints and the role's rights: data → checks. */
import { type Check, fail, notKnown, ok, warning } from "../../reports.ts";
import { isDenied } from "../query/denied.ts";
import { quoteIdentifier, quoteIdentifierList } from "../query/sql.ts";
import {
  type Administration,
  changeSetting,
  lookAtWal,
  mayReplicateSql,
} from "../settings/administration.ts";
import { majorOf, untestedText } from "../settings/preflight.ts";
import { matchingStandbyName } from "../settings/synchronous-standbys.ts";
import { psqlCommand } from "../target/paste.ts";
import { PLUGIN } from "../slot/slot.ts";
import { shellQuote } from "../target/target.ts";
import type { CheckpointFacts, RoleFacts, ServerFacts } from "./inspect-server.ts";
import { checkSendersLeft, checkSlotsLeft, checkWalLevel } from "./restart-findings.ts";

const MAJOR_MIN = 14;
/** With a shorter timeout, a short delay of the network or this machine makes an answer late. */
const TIMEOUT_MS_MIN = 10_000;

/** @param asked the slots that a stream will use; empty: one of its own */
export function serverFindings(
  facts: ServerFacts,
  administration: Administration,
  asked: readonly string[],
): readonly Check[] {
  return [
    ...known("server_version", () => checkVersion(facts)),
    ...known("recovery", () => checkRecovery(facts)),
    ...known("wal_level", () => checkWalLevel(facts, administration)),
    ...known("max_replication_slots", () => checkSlotsLeft(facts, administration, asked)),
    ...known("max_wal_senders", () => checkSendersLeft(facts, administration, asked)),
    ...known("wal_sender_timeout", () => checkSenderTimeout(facts, administration)),
    ...known("max_slot_wal_keep_size", () => checkKeepSize(facts)),
    ...known("idle_replication_slot_timeout", () => checkIdleTimeout(facts)),
    ...checkOutputPlugins(facts, administration),
    ...known("synchronous_standby_names", () => checkSynchronous(facts, administration)),
  ];
}

function known(check: string, find: () => Check | readonly Check[]): readonly Check[] {
  try {
    return [find()].flat();
  } catch (error) {
    return unlessDenied(check)(error);
  }
}

/** For a question that the role may not ask. @throws any other error */
export function unlessDenied(check: string): (error: unknown) => readonly Check[] {
  return (error) => {
    if (!isDenied(error) || !(error instanceof Error)) throw error;
    return [notKnown(check, error.message)];
  };
}

function checkVersion({ version, server_version: text }: ServerFacts): Check {
  const major = majorOf(version);
  const what = `PostgreSQL ${text}`;
  if (major < MAJOR_MIN) {
    return fail("server_version", `${what}; walctl needs ${MAJOR_MIN} or later`, null);
  }
  const untested = untestedText(version);
  if (untested === undefined) return ok("server_version", what);
  return warning("server_version", untested, null);
}

function checkRecovery({ in_recovery: standby, version }: ServerFacts): Check[] {
  if (!standby) return [];
  const name = "recovery";
  return majorOf(version) >= 16
    ? [ok(name, "a standby; it decodes what it has replayed")]
    : [fail(name, "a standby, and only PostgreSQL 16 and later decode on one", null)];
}

function checkSenderTimeout(
  { wal_sender_timeout_ms: ms, wal_sender_timeout: timeout }: ServerFacts,
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

/** No command: any limit immediately invalidates the slots that already exceed it. */
function checkKeepSize({ max_slot_wal_keep_size: keep }: ServerFacts): Check {
  const name = "max_slot_wal_keep_size";
  if (keep !== "-1") return ok(name, `${keep}: a slot that retains more is invalidated`);
  return warning(
    name,
    "-1: a slot that nobody reads retains WAL until the disk is full; with a limit such as 50GB the server invalidates it instead, and what was not read from it is lost",
    null,
  );
}

function checkIdleTimeout({ idle_replication_slot_timeout: idle }: ServerFacts): Check[] {
  if (idle === null) return [];
  const name = "idle_replication_slot_timeout";
  const off = idle === "0";
  return [ok(name, off ? "0: off" : `${idle}: a slot that is inactive for longer is invalidated`)];
}

/** A walsender with a matching name can become a synchronous standby, and commits then wait for what it confirms. */
function checkSynchronous(
  { synchronous_standby_names: setting, standbys }: ServerFacts,
  { admin: { applicationName: application } }: Administration,
): Check {
  const name = "synchronous_standby_names";
  const match = matchingStandbyName(setting, application);
  if (match === undefined) return ok(name, setting === "" ? "none" : setting);
  const effect =
    "commits on the server may wait for what walctl confirms, and without --ack that is nothing";
  if (match !== "*") {
    const message = `"${match}" is what walctl calls itself: ${effect}; take another name`;
    return fail(name, message, `export PGAPPNAME=${shellQuote(`${application}_consumer`)}`);
  }
  // No command: the names decide how many copies a commit has, and a standby that is disconnected now is missing here.
  const named = standbys.filter((standby) => standby !== application && standby !== "");
  const example = named.length === 0 ? "" : ` (connected now: ${quoteIdentifierList(named)})`;
  return fail(
    name,
    `* matches every walsender: ${effect}; name the standbys in its place${example}`,
    null,
  );
}

/** Minor releases from 2026 on can restrict which libraries a slot may load. */
function checkOutputPlugins(facts: ServerFacts, administration: Administration): Check[] {
  const name = "output_plugin_libraries";
  let list: string | null;
  try {
    list = facts[name];
  } catch (error) {
    if (!isDenied(error)) throw error;
    const who = "only members of pg_read_all_settings may read it";
    return [notKnown(name, `${who}; by default it allows ${PLUGIN}`)];
  }
  if (list === null) return [];
  const words = list.match(/"[^"]*"|[^",\s]+/g) ?? [];
  const allowed = words.map((word) => word.replaceAll('"', ""));
  if (allowed.includes(PLUGIN)) return [ok(name, list)];
  const change = changeSetting(administration, name, [...allowed, PLUGIN], "reload");
  const what = `${PLUGIN} is not in it (${list}), so no slot may use it`;
  return [fail(name, what + change.words, change.fix)];
}

/** Fewer checkpoints say nothing about the usual rate. */
const REQUESTED_MIN = 5;
/** A checkpoint caused by volume follows at least a third of max_wal_size; manual ones follow less. */
const VOLUME_SHARE_MIN = 0.25;

/**
 * Whether checkpoints come too often, so that pages are logged as full-page images again and again. There is no check
 * if all is well. The statistics do not distinguish checkpoints caused by volume from manual ones; the amount of WAL
 * between them does.
 */
export function checkpointFindings(
  facts: CheckpointFacts | undefined,
  administration: Administration,
): readonly Check[] {
  if (facts === undefined) return [];
  const { requested, timed, max_wal_size: max } = facts;
  const byVolume = facts.wal_bytes >= requested * facts.max_wal_size_bytes * VOLUME_SHARE_MIN;
  if (requested < REQUESTED_MIN || requested <= timed || !byVolume) return [];
  const all = requested + timed;
  const often = `${requested} of ${all} checkpoints were requested before their time, most of them because max_wal_size (${max} now) was reached, by the WAL between them`;
  const every = `one every ${Math.round(facts.seconds / all)} s`;
  const effect = "after each, every page is logged whole at its first change";
  const { words, fix } = lookAtWal(administration, null, null);
  return [warning("checkpoints", `${often}, ${every}; ${effect}${words}`, fix)];
}

/** @param user the role that logged in */
export function roleFindings(
  facts: RoleFacts,
  administration: Administration,
  user: string,
): readonly Check[] {
  return [
    checkReplication(facts, administration),
    checkCreate(facts, administration),
    ...(facts.md5 === true ? [checkPassword(user)] : []),
  ];
}

/** No command: other programs may log in with that password too. */
function checkPassword(user: string): Check {
  return warning(
    "role_password",
    `role ${quoteIdentifier(user)} has an MD5 password, which a later version of PostgreSQL will not take; \\password in psql sets one anew, as password_encryption says: scram-sha-256`,
    null,
  );
}

function checkReplication(
  { role, superuser, replication }: RoleFacts,
  { admin, service }: Administration,
): Check {
  const name = "role_replication";
  const who = `role ${quoteIdentifier(role)}`;
  if (superuser) return ok(name, `${who} is a superuser`);
  if (replication) return ok(name, `${who} has REPLICATION`);
  const giver = service === undefined ? "a superuser" : `a member of ${service.role}`;
  return fail(
    name,
    `${who} has no REPLICATION: it can neither create slots nor stream; ${giver} can grant it`,
    psqlCommand(mayReplicateSql(service, role), admin),
  );
}

/** Only setup-publication and --bootstrap need it. */
function checkCreate({ role, superuser, create }: RoleFacts, { admin }: Administration): Check {
  const name = "role_create";
  const database = quoteIdentifier(admin.database);
  if (superuser || create) return ok(name, `it may create publications in database ${database}`);
  return warning(
    name,
    `it may not create publications in database ${database}: streaming works, setup-publication does not; the database's owner can grant that`,
    psqlCommand(`GRANT CREATE ON DATABASE ${database} TO ${quoteIdentifier(role)}`, admin),
  );
}
