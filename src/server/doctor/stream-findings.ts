/** Doctor's checks of everything that a stream uses: the connection, the publications, the slots. Data → checks. */
import {
  type Check,
  type Slot,
  fail,
  groupFaults,
  isSynchronized,
  notKnown,
  ok,
  slotReport,
  someOf,
  warning,
  withoutName,
  worstFirst,
} from "../../reports.ts";
import { didYouMean } from "../../errors.ts";
import { type IdentityFault, effectOf } from "../publication/replica-identity.ts";
import { LOCK_TIMEOUT } from "../publication/resolve.ts";
import { quoteIdentifier, quoteIdentifierList, quoteQualified } from "../query/sql.ts";
import { SqlState } from "../query/sqlstate.ts";
import { type Administration, mayReplicateSql } from "../settings/administration.ts";
import { nameBeside } from "../slot/beside.ts";
import { slotFaults } from "../slot/faults.ts";
import { PLUGIN, SYNCHRONIZED } from "../slot/slot.ts";
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
  return fail(name, hint === undefined ? message : `${message}. ${hint}`, null);
}

/** The command with the server's own address; null if it has none, or the user is connected to it. */
function directly({ host, port }: ConnectionFacts, target: ConnectionTarget): string | null {
  if (host === null || port === null) return null;
  if (host === hostOf(target) && String(port) === portOf(target)) return null;
  return walctlCommand(["doctor"], targetAt(target, { host, hostaddr: undefined, port }));
}

/** If a line has an error, the server keeps using the previous version of the file. */
function checkHbaFile({ hbaFaults }: ConnectionFacts, { admin }: Administration): readonly Check[] {
  const name = "pg_hba";
  if (hbaFaults === undefined) {
    return [notKnown(name, "by default only superusers may read pg_hba.conf")];
  }
  const [first] = hbaFaults;
  if (first === undefined) return [ok(name, "no line is at fault")];
  const message = `line ${first.line_number}: ${first.error}; the server still uses the file as it was before`;
  return [warning(name, message, psqlCommand(HBA_FAULTS, admin))];
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
  return [
    ...facts.map(checkPublication),
    ...checkIdentities(facts, admin),
    ...checkReadable(facts, target.user, admin),
  ];
}

function checkPublication({ name, state, existing, tables, suggestion }: PublicationFacts): Check {
  const who = `publication ${quoteIdentifier(name)}`;
  if (suggestion === undefined) {
    if (tables.length === 0) {
      return warning("publication", `${who} publishes no tables yet: there are none`, null);
    }
    const count = tables.length === 1 ? "1 table" : `${tables.length} tables`;
    return ok("publication", `${who}: ${count}`);
  }
  const { words, command } = suggestion;
  if (state === undefined) {
    const unnamed = withoutName("publication", who);
    if (unnamed !== undefined) return unnamed;
    const others =
      existing.length === 0 ? "" : `; the database has ${quoteIdentifierList(existing)}`;
    return fail(
      "publication",
      `${who} does not exist${others}. ${didYouMean(name, existing, words)}`,
      command,
    );
  }
  // No command to paste: a subscription to the publication stops at a table that it does not have.
  const message = `${who} publishes no tables, so nothing is streamed. ${suggestionText(suggestion)}`;
  return warning("publication", message, null);
}

/** Nobody should wait for ever behind ALTER TABLE. */
const LOCK_TIMEOUT_SQL = `SET lock_timeout = '${LOCK_TIMEOUT}'`;

interface SharedFault extends IdentityFault {
  readonly publications: readonly string[];
}

/** A table's fault is one, however many publications it is in. */
function sharedFaults(facts: readonly PublicationFacts[]): readonly SharedFault[] {
  const faults = new Map<string, SharedFault>();
  for (const { name, identityFaults } of facts) {
    for (const fault of identityFaults) {
      const key = `${fault.cause}\n${fault.fix ?? fault.hint}`;
      const known = faults.get(key);
      const rejected = new Set([...(known?.rejected ?? []), ...fault.rejected]);
      faults.set(key, {
        ...fault,
        rejected: ["UPDATE", "DELETE"].filter((each) => rejected.has(each)),
        publications: [...(known?.publications ?? []), name],
      });
    }
  }
  return [...faults.values()];
}

function checkIdentities(
  facts: readonly PublicationFacts[],
  admin: ConnectionTarget,
): readonly Check[] {
  const groups = new Map<string, SharedFault[]>();
  for (const fault of sharedFaults(facts)) {
    const isAlike = fault.missing && fault.fix !== undefined;
    const key = isAlike ? fault.rejected.join() : `${fault.cause}\n${fault.hint}`;
    groups.set(key, [...(groups.get(key) ?? []), fault]);
  }
  return [...groups.values()].flatMap((group) => checkIdentity(group, admin));
}

/** Thirty tables without a key are one finding, with one command. */
function checkIdentity(
  [first, ...others]: readonly SharedFault[],
  admin: ConnectionTarget,
): readonly Check[] {
  if (first === undefined) return [];
  const faults = [first, ...others];
  const some = someOf(faults.map(({ table }) => table));
  const cause =
    faults.length === 1
      ? first.cause
      : `${faults.length} tables have no replica identity (${some})`;
  const by = publicationsText(faults.flatMap(({ publications }) => publications));
  const message = `${cause}: ${effectOf(first.rejected, faults.length)} (by ${by})`;
  const fixes = faults.flatMap(({ fix }) => fix ?? []);
  return [
    fixes.length === 0
      ? fail("replica_identity", `${message}. ${first.hint}`, null)
      : fail("replica_identity", message, psqlCommand([LOCK_TIMEOUT_SQL, ...fixes], admin)),
  ];
}

function publicationsText(names: readonly string[]): string {
  const different = [...new Set(names)];
  const word = different.length === 1 ? "publication" : "publications";
  return `${word} ${someOf(different.map(quoteIdentifier))}`;
}

/** Streaming needs only REPLICATION, but copying the tables first needs SELECT. */
function checkReadable(
  facts: readonly PublicationFacts[],
  user: string,
  admin: ConnectionTarget,
): readonly Check[] {
  const found = facts.flatMap(({ name, tables }) =>
    tables.filter(({ readable }) => !readable).map((table) => ({ name, ...table })),
  );
  if (found.length === 0) return [];
  const hidden = [...new Set(found.map(({ schema, table }) => quoteQualified(schema, table)))];
  const schemas = [...new Set(found.map(({ schema }) => schema))];
  const role = quoteIdentifier(user);
  const usage = `GRANT USAGE ON SCHEMA ${schemas.map(quoteIdentifier).join(", ")} TO ${role}`;
  const select = `GRANT SELECT ON ${hidden.join(", ")} TO ${role}`;
  const who = publicationsText(found.map(({ name }) => name));
  return [
    warning(
      "role_select",
      `${who}: the role may not read ${someOf(hidden)}; streaming works, copying the tables first does not`,
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
    ...missing.map((name) => {
      const meant = didYouMean(name, names);
      const message = `slot "${name}" does not exist${meant === undefined ? "" : `. ${meant}`}`;
      return fail("slot", message, walctlCommand(["create-slot", name], target));
    }),
    ...(only.length === 0 ? [] : slots.filter(isSynchronized)).map(({ slot }) =>
      fail("slot", `slot "${slot}" ${SYNCHRONIZED}`, null),
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
    const beside = nameBeside(slot, [], names);
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
