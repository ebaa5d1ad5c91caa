/** What is wrong with a slot, and the next thing to do. */
import { formatByteCount } from "../byte-count.ts";
import { psqlCommand, walctlCommand } from "./paste.ts";
import { PLUGIN } from "./slot.ts";
import { renewCommand } from "./slot-loss.ts";
import { quoteLiteral } from "./sql.ts";
import type { SlotHealth, SlotSettings } from "./slot-health.ts";
import type { ConnectionTarget } from "./target.ts";

export interface SlotFault {
  /** fail: it is lost, or about to be. */
  readonly severity: "warning" | "fail";
  readonly message: string;
  /** A command to paste; null: none mends it. */
  readonly fix: string | null;
}

/** safe_wal_size below this share of what the slot holds already is a warning. */
const SAFE_SHARE_MIN = 0.1;

/** The worst first. */
export function slotFaults(
  slot: SlotHealth,
  settings: SlotSettings,
  target: ConnectionTarget,
): readonly SlotFault[] {
  const fault = lossOf(slot, settings, target);
  if (fault !== undefined) return [fault];
  const all = [
    walFault(slot, settings, target),
    creationFault(slot, target),
    vacuumFault(slot, settings, target),
  ];
  return all.filter((each) => each !== undefined);
}

/** By invalidation_reason (PostgreSQL 17), else by what older servers tell. */
function lossOf(
  slot: SlotHealth,
  settings: SlotSettings,
  target: ConnectionTarget,
): SlotFault | undefined {
  const conflicting = slot.conflicting === true;
  if (slot.invalidation_reason === null && slot.wal_status !== "lost" && !conflicting) {
    return undefined;
  }
  const why = reasonOf(slot, settings);
  const synced = slot.synced === true;
  const next = synced
    ? "it is a copy of the primary's: look there"
    : "what was not read from it cannot be had any more, and only a new slot helps";
  return {
    severity: "fail",
    message: `invalidated: ${why}; ${next}`,
    fix: synced ? null : renewal(slot, target),
  };
}

function reasonOf(slot: SlotHealth, settings: SlotSettings): string {
  switch (slot.invalidation_reason) {
    case "rows_removed":
      return "vacuum removed catalogue rows that it needed (on the standby, hot_standby_feedback = on keeps them)";
    case "wal_level_insufficient":
      return "wal_level was lowered below logical";
    case "idle_timeout":
      return `nobody used it for idle_replication_slot_timeout (${settings.idleReplicationSlotTimeout ?? "?"})`;
    default:
      // 14 to 16 tell only of the loss, and 16 of a conflict.
      return slot.conflicting === true
        ? "recovery on this standby was in conflict with it"
        : `the server removed WAL that it needed (max_slot_wal_keep_size is ${settings.maxSlotWalKeepSize})`;
  }
}

/** A slot that is not ours to make again is only dropped. */
function renewal(slot: SlotHealth, target: ConnectionTarget): string {
  if (slot.plugin !== PLUGIN || slot.temporary) return dropping(slot, target);
  const { slot: name, database, two_phase: twoPhase, failover } = slot;
  return renewCommand({ name, database, twoPhase, failover: failover === true }, target);
}

function dropping(slot: SlotHealth, target: ConnectionTarget): string {
  return walctlCommand(["drop-slot", slot.slot], target, slot.database ?? target.database);
}

/** wal_status (manual: pg_replication_slots), and how near the limit is. */
function walFault(
  slot: SlotHealth,
  settings: SlotSettings,
  target: ConnectionTarget,
): SlotFault | undefined {
  // A physical slot that nobody used yet keeps nothing.
  if (slot.wal_status === null) return undefined;
  const kept = slot.retained_bytes ?? 0;
  const [held, fix] = slot.active
    ? [`${holderOf(slot)} streams from it but does not confirm`, endHolder(slot, target)]
    : [`nobody streams from it${sinceText(slot)}`, dropping(slot, target)];
  const next = nextStep(slot);
  if (slot.wal_status === "unreserved") {
    const limit = `max_slot_wal_keep_size (${settings.maxSlotWalKeepSize})`;
    return {
      severity: "fail",
      message: `${held}, and it has outgrown ${limit}: the next checkpoint may remove WAL that it needs; raise the limit, and ${next}`,
      fix: settingCommand("max_slot_wal_keep_size", suggestedLimit(kept), {
        ...target,
        user: settings.superuser,
      }),
    };
  }
  if (slot.wal_status === "extended") {
    const message = `${held}, and it keeps ${formatByteCount(kept)} of WAL, more than max_wal_size (${settings.maxWalSize})${limitText(slot)}; ${next}`;
    return { severity: "warning", message, fix };
  }
  if (slot.safe_bytes !== null && slot.safe_bytes < kept * SAFE_SHARE_MIN) {
    return { severity: "warning", message: `${held}${limitText(slot)}; ${next}`, fix };
  }
  return undefined;
}

function nextStep({ active, plugin }: SlotHealth): string {
  if (!active) return "start its consumer, or drop it if nobody needs it";
  const ours = plugin === PLUGIN ? " (walctl tail confirms with --ack only)" : "";
  return `see what holds that program up${ours}, or end it`;
}

function limitText({ safe_bytes: safe }: SlotHealth): string {
  if (safe === null) return ", and no limit ends that";
  return `, and is lost after ${formatByteCount(Math.max(safe, 0))} more`;
}

function sinceText({ inactive_since: since }: SlotHealth): string {
  return since === null ? "" : ` since ${since.slice(0, 19)}Z`;
}

function holderOf({ active_pid: pid, application }: SlotHealth): string {
  return application === null ? `pid ${pid}` : `"${application}" (pid ${pid})`;
}

function endHolder({ active_pid: pid }: SlotHealth, target: ConnectionTarget): string {
  return psqlCommand(`SELECT pg_terminate_backend(${pid})`, target);
}

/** ALTER SYSTEM and the reload, each a statement by itself: it cannot run in a transaction. */
export function settingCommand(name: string, value: string, target: ConnectionTarget): string {
  return `${psqlCommand(`ALTER SYSTEM SET ${name} = ${quoteLiteral(value)}`, target)} -c "SELECT pg_reload_conf()"`;
}

/** Twice what it keeps, in whole gigabytes. */
function suggestedLimit(keptBytes: number): string {
  return `${Math.ceil((2 * keptBytes) / 2 ** 30)}GB`;
}

/** While the server waits for running transactions there is no position yet (CREATE_REPLICATION_SLOT). */
function creationFault(slot: SlotHealth, target: ConnectionTarget): SlotFault | undefined {
  if (slot.type !== "logical" || slot.confirmed_flush_lsn !== null || !slot.active)
    return undefined;
  const blockers = `SELECT pid, usename, application_name, state, xact_start FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids(${slot.active_pid}))`;
  return {
    severity: "warning",
    message: `${holderOf(slot)} is still creating it: the server waits for transactions that were open before; see which`,
    fix: psqlCommand(blockers, target),
  };
}

function vacuumFault(
  slot: SlotHealth,
  { autovacuumFreezeMaxAge }: SlotSettings,
  target: ConnectionTarget,
): SlotFault | undefined {
  if (slot.xmin_age === null || slot.xmin_age <= autovacuumFreezeMaxAge) return undefined;
  return {
    severity: "warning",
    message: `it holds up vacuum: rows of ${slot.xmin_age} transactions ago have to stay, more than autovacuum_freeze_max_age; let its consumer confirm, or drop it`,
    fix: slot.active ? endHolder(slot, target) : dropping(slot, target),
  };
}
