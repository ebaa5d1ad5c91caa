/** Finds what is wrong with a slot, and the next thing to do. */
import { formatByteCount } from "../../byte-count.ts";
import {
  SEGMENT_BYTES,
  type Slot,
  type SlotFault,
  isConflictDetection,
  isOfRepack,
  isSynchronized,
} from "../../reports.ts";
import { type Administration, changeSetting, lookAtWal } from "../settings/administration.ts";
import { psqlCommand, walctlCommand } from "../target/paste.ts";
import { PLUGIN } from "./slot.ts";
import { createSlotWords, nameBeside, optionsOf } from "./beside.ts";
import { LOSS, lossOf } from "./loss.ts";
import { spillFault } from "./spills.ts";
import { synchronizationFault } from "./synchronization.ts";
import type { SlotSettings } from "./read.ts";
import type { ConnectionTarget } from "../target/target.ts";

/** Warn when safe_wal_size falls below this share of what the slot may retain. */
const SAFE_SHARE_MIN = 0.25;

/** A reader that lacks the last transactions is no fault; one that lacks so much confirms too little, or nothing. */
const LAG_BYTES_MAX = 16 * SEGMENT_BYTES;

/** The facts that matter, besides the slot itself. */
export interface SlotSurroundings {
  readonly settings: SlotSettings;
  readonly administration: Administration;
  /** The names of all slots of the server. */
  readonly names: readonly string[];
}

/** The most severe first. */
export function slotFaults(
  slot: Slot,
  around: SlotSurroundings,
  target: ConnectionTarget,
): readonly SlotFault[] {
  // It goes with its REPACK, which reads it and reports its own errors.
  if (isOfRepack(slot)) return [];
  const fault = invalidation(slot, around, target);
  if (fault !== undefined) return [fault];
  const all = [
    walFault(slot, around, target),
    isSynchronized(slot) ? synchronizationFault(slot) : creationFault(slot, target),
    vacuumFault(slot, around.settings, target),
    spillFault(slot, around.settings),
  ];
  return all.filter((each) => each !== undefined);
}

function invalidation(
  slot: Slot,
  { settings, names }: SlotSurroundings,
  target: ConnectionTarget,
): SlotFault | undefined {
  const loss = lossOf(slot);
  if (loss === undefined) return undefined;
  const message = `invalidated: ${loss.reason}${settingText(loss.setting, settings)}`;
  const lost = { severity: "fail", kind: `lost, ${loss.reason}` } as const;
  if (isSynchronized(slot)) {
    const next = `${message}; it is synchronized from the primary: look there`;
    return { ...lost, kind: `synced, ${loss.reason}`, message: next, each: next, fix: null };
  }
  // The limit was another one when the slot was lost: no limit is larger than none.
  const isLifted =
    loss.setting === "max_slot_wal_keep_size" && settings.maxSlotWalKeepSize === "-1";
  const gone = `${message}. ${LOSS.effect} ${isLifted ? "" : `${loss.advice} `}${LOSS.drop}`;
  if (slot.plugin !== PLUGIN || slot.temporary) {
    return { ...lost, message: gone, each: gone, fix: null };
  }
  // One is enough: each slot that nobody reads retains WAL.
  const beside = nameBeside(slot.slot, [], names);
  if (names.includes(beside)) {
    return { ...lost, message: `${gone}; slot "${beside}" is there, too`, each: gone, fix: null };
  }
  return {
    ...lost,
    message: `${gone}; another slot starts from now on`,
    each: gone,
    fix: walctlCommand(
      createSlotWords(beside, optionsOf(slot)),
      target,
      slot.database ?? target.database,
    ),
  };
}

function settingText(
  setting: "max_slot_wal_keep_size" | "idle_replication_slot_timeout" | undefined,
  { maxSlotWalKeepSize, idleReplicationSlotTimeout }: SlotSettings,
): string {
  if (setting === "max_slot_wal_keep_size") return ` (${setting} is ${maxSlotWalKeepSize})`;
  if (setting === undefined || idleReplicationSlotTimeout === null) return "";
  return ` (${idleReplicationSlotTimeout})`;
}

/** Judges wal_status (manual: pg_replication_slots) and the distance to the limit. */
function walFault(
  slot: Slot,
  { settings, administration }: SlotSurroundings,
  target: ConnectionTarget,
): SlotFault | undefined {
  // A physical slot that was never used retains nothing.
  if (slot.wal_status === null) return undefined;
  const kept = slot.retained_bytes ?? 0;
  const held = holdText(slot, kept);
  const next = nextStep(slot);
  if (slot.wal_status === "unreserved") {
    const name = "max_slot_wal_keep_size";
    const limit = `${name} (${settings.maxSlotWalKeepSize})`;
    const raise = changeSetting(administration, name, suggestedLimit(kept), "reload");
    const excess = `retains more than ${limit}: the next checkpoint may remove WAL that it needs; ${next}, and raise the limit as far as the disk has room${raise.words}`;
    return {
      severity: "fail",
      kind: `unreserved, ${slot.active}`,
      message: `${held}, and it ${excess}`,
      each: `${unread(slot)}${excess}`,
      fix: raise.fix,
      fixServesAll: true,
    };
  }
  const extended = slot.wal_status === "extended";
  const { safe_bytes: safe } = slot;
  const near = safe !== null && safe < (kept + safe) * SAFE_SHARE_MIN;
  if (!extended && !near) return unboundedFault(slot, kept, settings);
  const size = extended
    ? `, and it retains ${formatByteCount(kept)} of WAL, more than max_wal_size (${settings.maxWalSize})`
    : "";
  const reader = slot.active && !isSynchronized(slot) ? lookAtReader(slot, target) : null;
  const { words, fix } = lookAtWal(administration, slot.restart_lsn, reader);
  const excess = extended
    ? `retains more than max_wal_size (${settings.maxWalSize})`
    : "retains WAL";
  const limit = safe === null ? ", without a limit" : near ? ", and is near its limit" : "";
  return {
    severity: "warning",
    kind: `${excess}${limit}, ${slot.active}`,
    message: `${held}${size}${limitText(slot)}; ${next}${words}`,
    fix,
    each: `${unread(slot)}${excess}${limit}; ${next}${words}`,
    ...(slot.active ? {} : { fixServesAll: true }),
  };
}

/** It will fill the disk, if slowly. */
function unboundedFault(
  slot: Slot,
  kept: number,
  { walBytesPerSecond: rate }: SlotSettings,
): SlotFault | undefined {
  if (isSynchronized(slot) || slot.safe_bytes !== null) return undefined;
  const { active } = slot;
  if (active ? (slot.lag_bytes ?? 0) <= LAG_BYTES_MAX : kept <= SEGMENT_BYTES) return undefined;
  const pace = rate === null ? "" : `, on average ${formatByteCount(rate * 3600)} an hour`;
  const grows = `without a limit; that grows by all WAL that the server writes${pace}`;
  const retains = active ? "retains" : "has no reader and retains";
  return {
    severity: "warning",
    kind: `no limit, ${active}`,
    fix: null,
    message: `${holdText(slot, kept)}, and it retains ${formatByteCount(kept)} of WAL, ${grows}; ${nextStep(slot)}`,
    each: `${retains} WAL ${grows}; ${nextStep(slot)}`,
  };
}

/** For what is said of several slots, of which all are in use or none is. */
function unread(slot: Slot): string {
  if (isSynchronized(slot)) return "follows the primary's slot and ";
  return slot.active ? "" : "has no reader and ";
}

function holdText(slot: Slot, kept: number): string {
  if (isSynchronized(slot)) return "it follows the primary's slot";
  return slot.active ? heldBy(slot, kept) : `nobody streams from it${sinceText(slot)}`;
}

/** restart_lsn may be far behind what was confirmed: transactions that were open then hold it back. */
function heldBy(slot: Slot, kept: number): string {
  const { lag_bytes: lag } = slot;
  if (lag === null) return `${holderOf(slot)} uses it`;
  const rest = lag === 0 ? "everything" : `all but ${formatByteCount(lag)}`;
  const confirmed = `${holderOf(slot)} uses it and has confirmed ${rest}`;
  return lag < kept / 2 ? `${confirmed} (a long transaction may retain the rest)` : confirmed;
}

const DROPPING = "drop-slot drops it, and what it retains is lost";

function nextStep(slot: Slot): string {
  const { active, plugin } = slot;
  if (isSynchronized(slot)) return "see on the primary what holds its reader up";
  if (!active) return `start its reader; if nobody needs it, ${DROPPING}`;
  const ours = plugin === PLUGIN ? " (walctl tail confirms with --ack only)" : "";
  return `see what holds its reader up${ours}`;
}

function limitText({ safe_bytes: safe }: Slot): string {
  if (safe === null) return ", without a limit";
  return `, and is invalidated after ${formatByteCount(Math.max(safe, 0))} more`;
}

function sinceText({ inactive_since: since }: Slot): string {
  return since === null ? "" : ` since ${since.slice(0, 19)}Z`;
}

function holderOf({ active_pid: pid, application }: Slot): string {
  return application === null ? `pid ${pid}` : `"${application}" (pid ${pid})`;
}

function lookAtReader({ active_pid: pid }: Slot, target: ConnectionTarget): string {
  const columns = "pid, usename, application_name, client_addr, state, wait_event, query";
  return psqlCommand(
    `SELECT ${columns} FROM pg_catalog.pg_stat_activity WHERE pid OPERATOR(pg_catalog.=) ${pid}`,
    target,
  );
}

/** Twice what the slot retains, in whole gigabytes. */
function suggestedLimit(keptBytes: number): string {
  return `${Math.ceil((2 * keptBytes) / 2 ** 30)}GB`;
}

/** While the server waits for running transactions there is no position yet (CREATE_REPLICATION_SLOT). */
function creationFault(slot: Slot, target: ConnectionTarget): SlotFault | undefined {
  if (slot.type !== "logical" || slot.confirmed_flush_lsn !== null || !slot.active)
    return undefined;
  const blockers = `SELECT pid, usename, application_name, state, xact_start FROM pg_catalog.pg_stat_activity WHERE pid OPERATOR(pg_catalog.=) ANY (pg_catalog.pg_blocking_pids(${slot.active_pid}))`;
  const waiting =
    "the server waits for transactions that were open before; see which (doctor names the prepared ones)";
  return {
    severity: "warning",
    kind: "creation",
    message: `${holderOf(slot)} is still creating it: ${waiting}`,
    each: `is still being created: ${waiting}`,
    fix: psqlCommand(blockers, target),
  };
}

function vacuumFault(
  slot: Slot,
  { autovacuumFreezeMaxAge }: SlotSettings,
  target: ConnectionTarget,
): SlotFault | undefined {
  if (slot.xmin_age === null || slot.xmin_age <= autovacuumFreezeMaxAge) return undefined;
  const age = `xmin is ${slot.xmin_age} transactions old, more than autovacuum_freeze_max_age`;
  if (isConflictDetection(slot)) {
    const why = `it holds back vacuum for the subscriptions with retain_dead_tuples: ${age}; see whether they are enabled and keep up`;
    return { severity: "warning", kind: "retained", message: why, each: why, fix: null };
  }
  return {
    severity: "warning",
    kind: `vacuum, ${slot.active}`,
    message: `it holds back vacuum: ${age}; ${nextStep(slot)}`,
    each: `${unread(slot)}holds back vacuum: xmin is older than autovacuum_freeze_max_age; ${nextStep(slot)}`,
    fix: slot.active && !isSynchronized(slot) ? lookAtReader(slot, target) : null,
  };
}
