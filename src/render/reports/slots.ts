import type { SlotReport } from "../../reports.ts";
import { jsonLine } from "../bytes/json-line.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";

/** One line a slot. */
export function renderSlotsNdjson(slots: readonly SlotReport[]): string {
  return slots.map((slot) => jsonLine(slot)).join("");
}

/** What each slot's faults are called in its line of the table. */
export function stateOf(slot: SlotReport): string {
  const { wal_status, invalidation_reason, conflicting, restart_lsn } = slot;
  // PostgreSQL 16 says so of every lost logical slot; one that has no restart_lsn has lost its WAL.
  const conflict = conflicting === true && restart_lsn !== null;
  const why = invalidation_reason ?? (conflict ? "conflicting" : null);
  const state = wal_status ?? "reserves nothing";
  return why === null ? state : `${state} (${sanitizeLine(why)})`;
}
