import type { SlotReport } from "../../reports.ts";
import { jsonLine } from "../bytes/json-line.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";

/** One line a slot. */
export function renderSlotsNdjson(slots: readonly SlotReport[]): string {
  return slots.map((slot) => jsonLine(slot)).join("");
}

/** wal_status, and the reason why the slot is invalidated. */
export function stateOf(slot: SlotReport): string {
  const { wal_status, invalidation_reason, conflicting, restart_lsn } = slot;
  // PostgreSQL 16 sets it for every invalidated logical slot; without restart_lsn the reason is removed WAL.
  const conflict = conflicting === true && restart_lsn !== null;
  const why = invalidation_reason ?? (conflict ? "conflicting" : null);
  const state = wal_status ?? "reserves nothing";
  return why === null ? state : `${state} (${sanitizeLine(why)})`;
}
