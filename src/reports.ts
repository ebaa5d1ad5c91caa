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
  /** Where the server stands. NDJSON has the distances from it instead. */
  readonly server_lsn: string;
}

export interface SlotFault {
  /** fail: it is lost, or about to be. */
  readonly severity: "warning" | "fail";
  readonly message: string;
  /** A command to paste; null: no command fixes it. */
  readonly fix: string | null;
  /** Faults of one kind can be told together: `each` goes on after the names. */
  readonly kind: string;
  readonly each: string;
  /** The command of the slot that retains most serves all of that kind. */
  readonly fixServesAll?: true;
}

export interface SlotReport extends Slot {
  readonly status: Check["status"];
  readonly faults: readonly SlotFault[];
  /** With --watch, from the second reading on. */
  readonly pace?: SlotPace;
}

/** How fast a slot and its server moved of late. Null: not known, or it does not come to that. */
export interface SlotPace {
  readonly wal_bytes_per_second: number;
  readonly consumed_bytes_per_second: number | null;
  readonly caught_up_in_seconds: number | null;
  readonly lost_in_seconds: number | null;
}

export function slotReport(slot: Slot, faults: readonly SlotFault[]): SlotReport {
  const failed = faults.some(({ severity }) => severity === "fail");
  const status = failed ? "fail" : faults.length > 0 ? "warning" : "ok";
  const { slot: name, time, ...others } = slot;
  return { slot: name, time, status, ...others, faults };
}

const RANKS = { fail: 0, warning: 1, ok: 2 } as const;

/** The worst first, and of these what retains most. */
export function worstFirst(slots: readonly SlotReport[]): readonly SlotReport[] {
  return slots.toSorted(
    (a, b) =>
      RANKS[a.status] - RANKS[b.status] ||
      (a.status === "ok" ? 0 : (b.retained_bytes ?? 0) - (a.retained_bytes ?? 0)),
  );
}

/** Slots with a fault of one kind, in the order in which they come. */
export interface FaultGroup {
  readonly slots: readonly string[];
  readonly severity: SlotFault["severity"];
  /** The fault's own message where only one slot has it. */
  readonly message: string;
  readonly fixes: readonly string[];
}

export function groupFaults(
  slots: ReadonlyArray<Pick<SlotReport, "slot" | "faults">>,
): readonly FaultGroup[] {
  const groups = new Map<string, Array<{ readonly slot: string; readonly fault: SlotFault }>>();
  for (const { slot, faults } of slots) {
    for (const fault of faults) {
      groups.set(fault.kind, [...(groups.get(fault.kind) ?? []), { slot, fault }]);
    }
  }
  return [...groups.values()].map((group) => {
    const fault = group[0]?.fault;
    return {
      slots: group.map(({ slot }) => slot),
      severity: fault?.severity ?? "warning",
      message: (group.length === 1 ? fault?.message : fault?.each) ?? "",
      fixes: [
        ...new Set(
          (fault?.fixServesAll === true ? group.slice(0, 1) : group).flatMap(
            (each) => each.fault.fix ?? [],
          ),
        ),
      ],
    };
  });
}
