import { jsonLine } from "../bytes/json-line.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";

/** A slot's line of NDJSON; the keys and their order are the contract's. */
export interface SlotReport {
  readonly slot: string;
  readonly time: string;
  readonly status: "ok" | "warning" | "fail";
  readonly type: "logical" | "physical";
  readonly plugin: string | null;
  readonly database: string | null;
  readonly temporary: boolean;
  readonly wal_status: string | null;
  readonly active: boolean;
  readonly active_pid: number | null;
  readonly application: string | null;
  readonly inactive_since: string | null;
  readonly restart_lsn: string | null;
  readonly confirmed_flush_lsn: string | null;
  readonly retained_bytes: number | null;
  readonly safe_bytes: number | null;
  readonly lag_bytes: number | null;
  readonly xmin_age: number | null;
  readonly invalidation_reason: string | null;
  readonly conflicting: boolean | null;
  readonly two_phase: boolean;
  readonly two_phase_at: string | null;
  readonly failover: boolean | null;
  readonly synced: boolean | null;
  readonly faults: ReadonlyArray<{
    readonly severity: "warning" | "fail";
    readonly message: string;
    readonly fix: string | null;
  }>;
}

const KEYS = [
  ...["slot", "time", "status", "type", "plugin", "database", "temporary", "wal_status"],
  ...["active", "active_pid", "application", "inactive_since", "restart_lsn"],
  ...["confirmed_flush_lsn", "retained_bytes", "safe_bytes", "lag_bytes", "xmin_age"],
  ...["invalidation_reason", "conflicting", "two_phase", "two_phase_at", "failover", "synced"],
  "faults",
] as const;

/** One line a slot. */
export function renderSlotsNdjson(slots: readonly SlotReport[]): string {
  return slots.map((slot) => jsonLine(slot, [...KEYS, ...FAULT_KEYS])).join("");
}

const FAULT_KEYS = ["severity", "message", "fix"];

/** What each slot's faults are called in its line of the table. */
export function stateOf(slot: SlotReport): string {
  const { wal_status, invalidation_reason, conflicting, restart_lsn } = slot;
  // PostgreSQL 16 says so of every lost logical slot; one that has no restart_lsn has lost its WAL.
  const conflict = conflicting === true && restart_lsn !== null;
  const why = invalidation_reason ?? (conflict ? "conflicting" : null);
  const state = wal_status ?? "reserves nothing";
  return why === null ? state : `${state} (${sanitizeLine(why)})`;
}
