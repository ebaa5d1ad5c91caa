import { psqlCommand, walctlCommand } from "./paste.ts";
import type { ConnectionTarget } from "./target.ts";

/** What of a slot its loss is told by, and what a new one is to be like. */
interface LostSlot {
  readonly name: string;
  readonly database: string | null;
  readonly invalidationReason: string | null;
  readonly twoPhase: boolean;
  readonly failover: boolean;
}

interface Loss {
  readonly reason: string;
  /** What keeps it from happening again. */
  readonly setting: { readonly name: string; readonly example: string; readonly advice: string };
}

const LOSSES: ReadonlyMap<string, Loss> = new Map([
  [
    "wal_removed",
    {
      reason: "the server has removed WAL that it needed",
      setting: {
        name: "max_slot_wal_keep_size",
        example: "10GB",
        advice: "to let it keep more",
      },
    },
  ],
  [
    "idle_timeout",
    {
      reason: "nobody used it for longer than idle_replication_slot_timeout",
      setting: {
        name: "idle_replication_slot_timeout",
        example: "7d",
        advice: "to let it rest for longer",
      },
    },
  ],
  [
    "rows_removed",
    {
      reason: "vacuum on the primary has removed catalogue rows that it needed",
      setting: {
        name: "hot_standby_feedback",
        example: "on",
        advice: "to keep them (on the standby)",
      },
    },
  ],
  [
    "wal_level_insufficient",
    {
      reason: "wal_level was lowered below logical",
      setting: {
        name: "wal_level",
        example: "logical",
        advice: "to raise it again (and restart the server)",
      },
    },
  ],
]);

/** Why an invalidated slot is lost. Before PostgreSQL 17 the server does not tell; then it was the WAL. */
export function lostDetail(slot: LostSlot): string {
  const { invalidationReason } = slot;
  const told = invalidationReason === null ? "" : ` (${invalidationReason})`;
  const loss = lossOf(slot);
  const why = loss === undefined ? "" : `: ${loss.reason}`;
  return `Its wal_status is lost${told}${why}. What was not read from it is gone for good.`;
}

/** A new slot, and the setting that keeps that one from the same end. */
export function lostHint(slot: LostSlot, target: ConnectionTarget): string {
  const renew = renewCommand(slot, target);
  const loss = lossOf(slot);
  if (loss === undefined) return `To start anew: ${renew}`;
  const { name, example, advice } = loss.setting;
  const raise = `${psqlCommand(`ALTER SYSTEM SET ${name} = '${example}'`, target)} -c "SELECT pg_reload_conf()"`;
  return `The setting ${name} decides that; ${advice}: ${raise}; to start anew: ${renew}`;
}

/** Drops it and creates one like it. */
export function renewCommand(
  slot: Omit<LostSlot, "invalidationReason">,
  target: ConnectionTarget,
): string {
  const database = slot.database ?? target.database;
  const flags = [
    ...(slot.twoPhase ? ["--two-phase"] : []),
    ...(slot.failover ? ["--failover"] : []),
  ];
  const drop = walctlCommand(["drop-slot", slot.name], target, database);
  return `${drop} && ${walctlCommand(["create-slot", slot.name, ...flags], target, database)}`;
}

function lossOf({ invalidationReason }: LostSlot): Loss | undefined {
  return LOSSES.get(invalidationReason ?? "wal_removed");
}
