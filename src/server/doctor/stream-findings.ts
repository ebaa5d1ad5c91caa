/** Doctor's checks of the connection and the slots that a stream uses: data → checks. */
import {
  type Check,
  type Slot,
  fail,
  groupFaults,
  isSynchronized,
  notKnown,
  ok,
  slotReport,
  warning,
  worstFirst,
} from "../../reports.ts";
import { didYouMean } from "../../errors.ts";
import { quoteIdentifier } from "../query/sql.ts";
import { SqlState } from "../query/sqlstate.ts";
import { type Administration, mayReplicateSql } from "../settings/administration.ts";
import { nameBeside } from "../slot/beside.ts";
import { slotFaults } from "../slot/faults.ts";
import { PLUGIN, SYNCHRONIZED } from "../slot/slot.ts";
import { psqlCommand, walctlCommand } from "../target/paste.ts";
import { type ConnectionTarget, hostOf, portOf, targetAt } from "../target/target.ts";
import { type ConnectionFacts, HBA_FAULTS, type Scope, type SlotsFacts } from "./inspect-stream.ts";

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
