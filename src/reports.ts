/** What commands report line by line. The keys and their order are the contract's. */

/** One check of doctor. */
export interface Check {
  readonly check: string;
  readonly status: "ok" | "warning" | "fail";
  readonly message: string;
  /** A command to paste; null: nothing needs fixing, or no single command fixes it. */
  readonly fix: string | null;
}

export function ok(check: string, message: string): Check {
  return { check, status: "ok", message, fix: null };
}

/** It works, but there is a trap. */
export function warning(check: string, message: string, fix: string | null): Check {
  return { check, status: "warning", message, fix };
}

/** Something that logical replication needs does not work, or it does harm to others. */
export function fail(check: string, message: string, fix: string | null): Check {
  return { check, status: "fail", message, fix };
}

/**
 * A slot as pg_replication_slots has it, with what follows from that. Null: it does not apply, or the server is too
 * old to tell.
 */
export interface Slot {
  readonly slot: string;
  /** The server's clock. */
  readonly time: string;
  readonly type: "logical" | "physical";
  readonly plugin: string | null;
  readonly database: string | null;
  readonly temporary: boolean;
  /** reserved, extended, unreserved or lost; null: a physical slot that reserves nothing yet. */
  readonly wal_status: string | null;
  readonly active: boolean;
  readonly active_pid: number | null;
  readonly application: string | null;
  /** PostgreSQL 17; null: in use. */
  readonly inactive_since: string | null;
  readonly restart_lsn: string | null;
  /** Null: physical, or still being created. */
  readonly confirmed_flush_lsn: string | null;
  /** From restart_lsn to where the server stands; null: nothing is kept for it, or no longer. */
  readonly retained_bytes: number | null;
  /** What may still be written before it is lost; null: no limit, or lost. */
  readonly safe_bytes: number | null;
  /** From confirmed_flush_lsn to where the server stands. */
  readonly lag_bytes: number | null;
  /** Age, in transactions, of the oldest one whose rows the slot keeps from vacuum; null: none, or lost. */
  readonly xmin_age: number | null;
  /** PostgreSQL 17: wal_removed, rows_removed, wal_level_insufficient, idle_timeout (18). */
  readonly invalidation_reason: string | null;
  /** PostgreSQL 16: lost to a conflict with recovery, on a standby. */
  readonly conflicting: boolean | null;
  readonly two_phase: boolean;
  /** PostgreSQL 18. */
  readonly two_phase_at: string | null;
  /** PostgreSQL 17. */
  readonly failover: boolean | null;
  /** PostgreSQL 17: on a standby, kept as the primary's. */
  readonly synced: boolean | null;
}

export interface SlotFault {
  /** fail: it is lost, or about to be. */
  readonly severity: "warning" | "fail";
  readonly message: string;
  /** A command to paste; null: no command fixes it. */
  readonly fix: string | null;
}

export interface SlotReport extends Slot {
  readonly status: Check["status"];
  readonly faults: readonly SlotFault[];
}

export function slotReport(slot: Slot, faults: readonly SlotFault[]): SlotReport {
  const failed = faults.some(({ severity }) => severity === "fail");
  const status = failed ? "fail" : faults.length > 0 ? "warning" : "ok";
  const { slot: name, time, ...others } = slot;
  return { slot: name, time, status, ...others, faults };
}
