/** Doctor's checks of everything that a stream uses: the connection, the publications, the slots. Data → checks. */
import {
  type Check,
  type Slot,
  fail,
  groupFaults,
  ok,
  slotReport,
  someOf,
  warning,
  worstFirst,
} from "../../reports.ts";
import type { IdentityFault } from "../publication/replica-identity.ts";
import { LOCK_TIMEOUT } from "../publication/resolve.ts";
import { quoteIdentifier, quoteQualified } from "../query/sql.ts";
import { SqlState } from "../query/sqlstate.ts";
import { type Administration, mayReplicateSql } from "../settings/administration.ts";
import { nameBeside } from "../slot/beside.ts";
import { slotFaults } from "../slot/faults.ts";
import { PLUGIN } from "../slot/slot.ts";
import { psqlCommand, walctlCommand } from "../target/paste.ts";
import { type ConnectionTarget, hostOf, portOf, targetAt } from "../target/target.ts";
import {
  type ConnectionFacts,
  HBA_FAULTS,
  type PublicationFacts,
  type PublicationsFacts,
  type Scope,
  type SlotsFacts,
} from "./inspect-stream.ts";
import { suggestionText } from "../publication/suggestion.ts";

/** @param inUse the stream's slots are named, and all of them already have a reader */
export function connectionFindings(
  facts: ConnectionFacts,
  target: ConnectionTarget,
  administration: Administration,
  inUse: boolean,
): readonly Check[] {
  return [
    checkPooler(facts, target),
    checkReplication(facts, target, administration, inUse),
    ...checkHbaFile(facts, administration),
  ];
}

function checkPooler(facts: ConnectionFacts, target: ConnectionTarget): Check {
  if (!facts.pooled) return ok("pooler", "none between here and the server");
  return warning(
    "pooler",
    "a pooler or proxy stands between here and the server: a stream needs one that passes replication connections, or none",
    directly(facts, target),
  );
}

function checkReplication(
  facts: ConnectionFacts,
  target: ConnectionTarget,
  { admin, service }: Administration,
  inUse: boolean,
): Check {
  const name = "replication_connection";
  if (facts.refusal === undefined) {
    return ok(name, `accepted for database ${quoteIdentifier(target.database)}`);
  }
  const { sqlState, message, hint } = facts.refusal;
  // A pooler may not know the startup parameter `replication`, or drop it: IDENTIFY_SYSTEM is then invalid SQL.
  if (sqlState === SqlState.protocolViolation || sqlState === SqlState.syntaxError) {
    const poolers =
      "what answers here does not speak the replication protocol, as poolers do not; connect to the server itself";
    return fail(name, poolers, directly(facts, target));
  }
  if (sqlState === SqlState.insufficientPrivilege) {
    const sql = mayReplicateSql(service, target.user);
    return fail(name, `${message}; an administrator can grant it`, psqlCommand(sql, admin));
  }
  if (sqlState === SqlState.tooManyConnections && inUse) {
    return ok(name, "not tried: all WAL senders are in use, by these slots too");
  }
  return fail(name, hint === undefined ? message : `${message}; ${hint}`, null);
}

/** The command with the server's own address; null if it has none, or the user is connected to it. */
function directly({ host, port }: ConnectionFacts, target: ConnectionTarget): string | null {
  if (host === null || port === null) return null;
  if (host === hostOf(target) && String(port) === portOf(target)) return null;
  return walctlCommand(["doctor"], targetAt(target, { host, hostaddr: undefined, port }));
}

/** If a line has an error, the server keeps using the previous version of the file. */
function checkHbaFile({ hbaFaults }: ConnectionFacts, { admin }: Administration): readonly Check[] {
  if (hbaFaults === undefined) return [];
  const [first] = hbaFaults;
  if (first === undefined) return [ok("pg_hba", "no line is at fault")];
  const message = `line ${first.line_number}: ${first.error}; the server still uses the file as it was before`;
  return [warning("pg_hba", message, psqlCommand(HBA_FAULTS, admin))];
}

/** @param administration its admin may alter and grant */
export function publicationFindings(
  facts: PublicationsFacts,
  target: ConnectionTarget,
  { admin }: Administration,
): readonly Check[] {
  if ("command" in facts) {
    const message = `there is none in database ${quoteIdentifier(target.database)}: nothing can be streamed. ${facts.words}`;
    return [warning("publication", message, facts.command)];
  }
  return facts.flatMap((publication) => [
    checkPublication(publication),
    ...checkIdentities(publication, admin),
    ...checkReadable(publication, target.user, admin),
  ]);
}

function checkPublication({ name, state, tables, suggestion }: PublicationFacts): Check {
  const who = `publication ${quoteIdentifier(name)}`;
  if (suggestion === undefined) {
    if (tables.length === 0) {
      return warning("publication", `${who} publishes no tables yet: there are none`, null);
    }
    const count = tables.length === 1 ? "1 table" : `${tables.length} tables`;
    return ok("publication", `${who}: ${count}`);
  }
  const { words, command } = suggestion;
  if (state === undefined) return fail("publication", `${who} does not exist. ${words}`, command);
  // No command to paste: a subscription to the publication stops at a table that it does not have.
  const message = `${who} publishes no tables, so nothing is streamed. ${suggestionText(suggestion)}`;
  return warning("publication", message, null);
}

/** Nobody should wait for ever behind ALTER TABLE. */
const LOCK_TIMEOUT_SQL = `SET lock_timeout = '${LOCK_TIMEOUT}'`;

function checkIdentities(
  { identityFaults }: PublicationFacts,
  admin: ConnectionTarget,
): readonly Check[] {
  const isAlike = ({ missing, fix }: IdentityFault): boolean => missing && fix !== undefined;
  const alike = identityFaults.filter(isAlike);
  const others =
    alike.length > 1 ? identityFaults.filter((each) => !isAlike(each)) : identityFaults;
  return [
    ...(alike.length > 1 ? [checkKeyless(alike, admin)] : []),
    ...others.map(({ message, hint, fix }) =>
      fix === undefined
        ? fail("replica_identity", `${message}. ${hint}`, null)
        : fail("replica_identity", message, psqlCommand([LOCK_TIMEOUT_SQL, fix], admin)),
    ),
  ];
}

/** Thirty tables without a key are one finding, with one command. */
function checkKeyless(faults: readonly IdentityFault[], admin: ConnectionTarget): Check {
  const some = someOf(faults.map(({ table }) => table));
  const rejected = (faults[0]?.rejected ?? []).join(" and ");
  const message = `${faults.length} tables have no replica identity (${some}): the server rejects ${rejected} of them from every program while they are published`;
  const fixes = faults.flatMap(({ fix }) => fix ?? []);
  return fail("replica_identity", message, psqlCommand([LOCK_TIMEOUT_SQL, ...fixes], admin));
}

/** Streaming needs only REPLICATION, but copying the tables first needs SELECT. */
function checkReadable(
  { name, tables }: PublicationFacts,
  user: string,
  admin: ConnectionTarget,
): readonly Check[] {
  const unreadable = tables.filter(({ readable }) => !readable);
  if (unreadable.length === 0) return [];
  const hidden = unreadable.map(({ schema, table }) => quoteQualified(schema, table));
  const some = someOf(hidden);
  const schemas = [...new Set(unreadable.map(({ schema }) => schema))];
  const role = quoteIdentifier(user);
  const usage = `GRANT USAGE ON SCHEMA ${schemas.map(quoteIdentifier).join(", ")} TO ${role}`;
  const select = `GRANT SELECT ON ${hidden.join(", ")} TO ${role}`;
  return [
    warning(
      "role_select",
      `publication ${quoteIdentifier(name)}: the role may not read ${some}; streaming works, copying the tables first does not`,
      psqlCommand(`${usage}; ${select}`, admin),
    ),
  ];
}

/** @param only the slots to check; empty: all slots of the server */
export function slotFindings(
  facts: SlotsFacts,
  { slots: only }: Scope,
  target: ConnectionTarget,
  administration: Administration,
): readonly Check[] {
  const { slots: all, settings } = facts;
  const names = all.map(({ slot }) => slot);
  const slots = only.length === 0 ? all : all.filter(({ slot }) => only.includes(slot));
  const missing = only.filter((name) => !names.includes(name));
  const around = { settings, administration, names };
  const reports = worstFirst(
    slots.map((slot) => slotReport(slot, slotFaults(slot, around, target))),
  );
  const faults = [
    ...missing.map((name) =>
      fail("slot", `slot "${name}" does not exist`, walctlCommand(["create-slot", name], target)),
    ),
    ...groupFaults(reports).map(({ slots: found, severity, message, fixes }): Check => {
      const who = found.map((slot) => `"${slot}"`).join(", ");
      const what = found.length === 1 ? `slot ${who}: ` : `${found.length} slots (${who}), each `;
      const fix = fixes.length === 0 ? null : fixes.join(" && ");
      return { check: "slot", status: severity, message: `${what}${message}`, fix };
    }),
  ];
  const count = slots.length === 1 ? "1 slot" : `${slots.length} slots`;
  const sound = ok("slot", slots.length === 0 ? "there is none yet" : `${count}, none at fault`);
  return [...(faults.length > 0 ? faults : [sound]), ...checkOrder(facts, target, names)];
}

function checkOrder(
  { slots, inDoubt }: SlotsFacts,
  target: ConnectionTarget,
  names: readonly string[],
): readonly Check[] {
  const usable = ({ plugin, database, wal_status: state }: Slot): boolean =>
    plugin === PLUGIN && database === target.database && state !== "lost";
  const pairs = inDoubt.filter((pair) =>
    slots.some((slot) => slot.slot === pair.slot && usable(slot)),
  );
  return pairs.map(({ slot, publication }) => {
    const what = `publication ${quoteIdentifier(publication)} may be newer than the position of slot "${slot}"; what committed before a publication cannot be decoded for it, and stays in the slot`;
    // A second slot does not affect the reader of the first one.
    const beside = nameBeside(slot, []);
    if (names.includes(beside)) {
      return warning("slot_order", `${what}; slot "${beside}" exists too`, null);
    }
    const another = walctlCommand(["create-slot", beside], target);
    return warning(
      "slot_order",
      `${what}; if a stream fails because of that, a second slot sees the publication from now on`,
      another,
    );
  });
}
