/** Doctor's checks of the settings that only a restart changes: what they are, and what a restart brings. Data → checks. */
import { type Check, fail, ok, someOf, warning } from "../../reports.ts";
import {
  type Administration,
  RESTART_MISSING,
  awaitsRestart,
  changeSetting,
} from "../settings/administration.ts";
import {
  LOG_ON_PRIMARY,
  decodesAt,
  firstSlotText,
  lowestLevel,
  walLevelFault,
} from "../settings/preflight.ts";
import type { ServerFacts } from "./inspect-server.ts";

export function checkWalLevel(facts: ServerFacts, administration: Administration): Check {
  const name = "wal_level";
  const { version } = facts;
  const fault = walLevelFault(version, facts);
  if (fault === undefined) return checkNextWalLevel(facts, administration);
  const suffices = (level: string): boolean => decodesAt(version, level);
  if (suffices(facts.wal_level)) return fail(name, `${fault}; ${LOG_ON_PRIMARY}`, null);
  return afterRestart(name, fault, facts, suffices, administration, lowestLevel(version));
}

/** Decoding is possible. A server does not start with a lower level if something that needs more is there. */
function checkNextWalLevel(facts: ServerFacts, administration: Administration): Check {
  const name = "wal_level";
  const level = levelText(facts);
  const next = nextValue(name, facts);
  if (next === undefined) return ok(name, level);
  const brings = `${level}; the configuration has ${next.text}, which a restart brings`;
  if (next.value === undefined && decodesAt(facts.version, "")) {
    return warning(name, `${brings}: if that is minimal, logical decoding ends then`, null);
  }
  if (decodesAt(facts.version, next.value ?? "")) return ok(name, level);
  const isMinimal = next.value?.toLowerCase() === "minimal";
  const { durable_logical: logical, durable_physical: physical, configured } = facts;
  const senders = configured.get("max_wal_senders")?.value || facts.max_wal_senders;
  const blockers = [
    logical.length === 0 ? "" : `logical ${slotsText(logical)}`,
    !isMinimal || physical.length === 0 ? "" : `physical ${slotsText(physical)}`,
    !isMinimal || Number(senders) === 0 ? "" : `max_wal_senders (${senders})`,
  ].filter(Boolean);
  const { words, fix } = changeSetting(administration, name, facts.wal_level, "reload");
  if (blockers.length === 0) {
    const effect = "logical decoding ends then; set it back if that is not wanted";
    return warning(name, `${brings}: ${effect}${words}`, fix);
  }
  const or = logical.length + physical.length > 0 ? ", or drop the slots first" : "";
  const effect = `the server will not start then, because of ${blockers.join(" and ")}`;
  return fail(name, `${brings}: ${effect}; set it back${or}${words}`, fix);
}

/** From PostgreSQL 19 on the setting alone does not say what the server logs. */
function levelText(facts: ServerFacts): string {
  const { wal_level: level } = facts;
  if (decodesAt(facts.version, "")) {
    if (facts.in_recovery) {
      return `${level}; on a standby the primary's level counts, and that is logical in effect`;
    }
    if (facts.effective_wal_level === "logical" && level !== "logical") {
      return `${level}, and logical in effect until some time after the last logical slot is gone`;
    }
    const cost = firstSlotText(facts);
    if (cost !== undefined) return `${level}: ${cost}`;
  }
  return level;
}

function slotsText(names: readonly string[]): string {
  return `${names.length === 1 ? "slot" : "slots"} ${someOf(names.map((name) => `"${name}"`))}`;
}

/** A stream needs one slot, unless it uses an existing one. */
export function checkSlotsLeft(
  facts: ServerFacts,
  administration: Administration,
  asked: readonly string[],
): Check {
  const { slots, max_replication_slots: max } = facts;
  const missing = asked.filter((name) => !slots.includes(name));
  const wanted = asked.length === 0 ? 1 : missing.length;
  const message = `${slots.length} of ${max} slots are taken${repackText(facts)}`;
  const name = "max_replication_slots";
  const suffices = (value: string): boolean => Number(value) >= slots.length + wanted;
  const next = nextValue(name, facts);
  const durable = facts.durable_logical.length + facts.durable_physical.length;
  if (next?.value && Number(next.value) < durable) {
    const { words, fix } = changeSetting(administration, name, String(max), "reload");
    const effect = `the configuration has ${next.text}, with which the server will not start after it was stopped; set it back, or drop slots first`;
    return fail(name, `${message}; ${effect}${words}`, fix);
  }
  if (suffices(String(max))) {
    return sound(name, message + (wanted === 0 ? itsOwn(asked) : ""), facts, suffices);
  }
  return noPlaceLeft(name, message, max, facts, administration);
}

function repackText({
  repack_slots: taken,
  max_repack_replication_slots: max,
}: ServerFacts): string {
  return taken === 0 || max === null ? "" : `, and ${taken} of REPACK's own ${max}`;
}

/** A stream needs one WAL sender, unless it is already running and uses its slot. */
export function checkSendersLeft(
  facts: ServerFacts,
  administration: Administration,
  asked: readonly string[],
): Check {
  const { senders, max_wal_senders: max, active, standbys } = facts;
  const idle = asked.filter((name) => !active.includes(name));
  const wanted = asked.length === 0 ? 1 : idle.length;
  const message = `${senders} of ${max} WAL senders are taken`;
  const name = "max_wal_senders";
  const suffices = (value: string): boolean => Number(value) >= senders + wanted;
  if (suffices(String(max))) {
    return sound(name, message + (wanted === 0 ? itsOwn(asked) : ""), facts, suffices);
  }
  if (standbys.length === 0) return noPlaceLeft(name, message, max, facts, administration);
  const first = "raise it on the standbys first, which stop replaying where they allow fewer";
  return fail(name, `${message}: no place for another; ${first}; it takes a restart`, null);
}

/** In order now, but the configuration holds another value, which a restart brings. */
function sound(
  name: string,
  message: string,
  facts: ServerFacts,
  suffices: (value: string) => boolean,
): Check {
  const next = nextValue(name, facts);
  if (next === undefined || (next.value !== undefined && suffices(next.value))) {
    return ok(name, message);
  }
  const advice = "see that this is what is wanted before the server is restarted";
  return warning(
    name,
    `${message}; the configuration has ${next.text}, which a restart brings: ${advice}`,
    null,
  );
}

/** What a restart brings, if it brings another value; its value is undefined if the role may not read it. */
function nextValue(
  name: string,
  { configured }: ServerFacts,
): { readonly value: string | undefined; readonly text: string } | undefined {
  const { pending = false, value } = configured.get(name) ?? {};
  if (!pending) return undefined;
  const text = value === undefined ? "another value" : value === "" ? "no value" : `"${value}"`;
  return { value, text };
}

function itsOwn(asked: readonly string[]): string {
  return `, by ${asked.map((name) => `"${name}"`).join(", ")} too`;
}

function noPlaceLeft(
  name: string,
  message: string,
  max: number,
  facts: ServerFacts,
  administration: Administration,
): Check {
  const full = `${message}: no place for another`;
  const suffices = (value: string): boolean => Number(value) > max;
  return afterRestart(name, full, facts, suffices, administration, String(max + 10));
}

/** The setting has to be changed, or it was changed and the server has to be restarted. */
function afterRestart(
  name: string,
  fault: string,
  { configured }: ServerFacts,
  suffices: (value: string) => boolean,
  administration: Administration,
  value: string,
): Check {
  const waits = awaitsRestart(configured.get(name), suffices);
  if (waits) return fail(name, `${fault}; ${RESTART_MISSING}`, null);
  const { words, fix } = changeSetting(administration, name, value, "restart");
  return fail(name, fault + words, fix);
}
