/** What is wrong with a standby's copy of a slot of its primary (manual: Replication Slot Synchronization). */
import type { Slot, SlotFault } from "../../reports.ts";

const CONFIRMS = "once the slot's reader on the primary has confirmed more";

/** slotsync_skip_reason (manual: pg_replication_slots) → why, and what to do. */
const SKIPS: ReadonlyMap<string, string> = new Map([
  [
    "wal_or_rows_removed",
    `this standby has removed WAL or catalogue rows that the primary's slot needs, or may soon; it follows ${CONFIRMS}, and primary_slot_name and hot_standby_feedback = on keep what it needs here`,
  ],
  [
    "wal_not_flushed",
    "the primary's slot is ahead of the WAL that this standby has flushed; see what delays the standby, and synchronized_standby_slots on the primary makes the slot's reader wait for it",
  ],
  [
    "no_consistent_snapshot",
    `this standby has found no consistent snapshot at the slot's restart_lsn; it follows ${CONFIRMS}`,
  ],
  ["slot_invalidated", "the copy is invalidated; its invalidation_reason says why"],
]);

/** A temporary copy becomes a slot of its own once the standby has everything that the primary's slot needs. */
export function synchronizationFault(slot: Slot): SlotFault | undefined {
  const { temporary, slotsync_skip_reason: reason } = slot;
  const parts = [
    ...(temporary
      ? [
          "not yet synchronized from the primary, and dropped if this standby is promoted now: it is ready once its reader there has confirmed enough",
        ]
      : []),
    ...(reason === null ? [] : [skipText(reason)]),
  ];
  if (parts.length === 0) return undefined;
  const each = parts.join("; ");
  return {
    severity: "warning",
    kind: `synchronization, ${temporary}, ${reason}`,
    message: each,
    each: `is ${each}`,
    fix: null,
  };
}

function skipText(reason: string): string {
  const why = SKIPS.get(reason) ?? "the manual describes that under pg_replication_slots";
  return `behind the primary's slot, as its last synchronization was skipped (${reason}): ${why}`;
}
