/** What commands report line by line. The keys and their order are part of the contract. */

/** Of what was examined. */
export type Status = "ok" | "warning" | "fail";

/** One check of doctor. */
export interface Check {
  readonly check: string;
  /** unknown: the server does not tell it to the role, or its name is not UTF-8. */
  readonly status: Status | "unknown";
  readonly message: string;
  /** A command to paste; null if nothing needs fixing, or no single command fixes it. */
  readonly fix: string | null;
}

export function ok(check: string, message: string): Check {
  return { check, status: "ok", message, fix: null };
}

/** It works, but may cause a problem. */
export function warning(check: string, message: string, fix: string | null): Check {
  return faulty(check, "warning", message, fix);
}

/** Something that logical replication needs does not work, or harms others. */
export function fail(check: string, message: string, fix: string | null): Check {
  return faulty(check, "fail", message, fix);
}

/** In place of the bytes of a name that is not UTF-8 (server_encoding SQL_ASCII). */
const NO_NAME = "\ufffd";

/** Without a command that would name something else. */
function faulty(check: string, status: Status, message: string, fix: string | null): Check {
  if (fix?.includes(NO_NAME) !== true) return { check, status, message, fix };
  const why = "a name in it is not UTF-8, so there is no command to paste";
  return { check, status, message: `${message}; ${why}`, fix: null };
}

/** A question that the role may not ask: it says neither that all is well nor that something is not. */
export function notKnown(check: string, why: string): Check {
  return { check, status: "unknown", message: `not known to this role: ${why}`, fix: null };
}

/** Walctl cannot ask for it by a name that is not UTF-8. Undefined: it can. */
export function withoutName(check: string, who: string): Check | undefined {
  if (!who.includes(NO_NAME)) return undefined;
  const message = `${who} cannot be examined: its name is not UTF-8`;
  return { check, status: "unknown", message, fix: null };
}

/** How many names a message contains. */
const NAMES_MAX = 3;

export function someOf(names: readonly string[], comma = ", "): string {
  return names.slice(0, NAMES_MAX).join(comma) + (names.length > NAMES_MAX ? `${comma}…` : "");
}

/**
 * A slot as in pg_replication_slots, with what follows from its columns. Null: the value does not apply, or the server
 * is too old to report it.
 */
export interface Slot {
  readonly slot: string;
  /** The server's clock. */
  readonly time: string;
  readonly type: "logical" | "physical";
  readonly plugin: string | null;
  readonly database: string | null;
  readonly temporary: boolean;
  /** reserved, extended, unreserved or lost; null for a physical slot that reserves no WAL yet. */
  readonly wal_status: string | null;
  readonly active: boolean;
  readonly active_pid: number | null;
  readonly application: string | null;
  /** From PostgreSQL 17; null while the slot is in use. */
  readonly inactive_since: string | null;
  readonly restart_lsn: string | null;
  /** Null if the slot is physical or still being created. */
  readonly confirmed_flush_lsn: string | null;
  /** Bytes of WAL from restart_lsn to the server's current position; null if no WAL is retained for it (any more). */
  readonly retained_bytes: number | null;
  /** How many bytes of WAL may still be written before the slot is lost; null if there is no limit, or it is lost. */
  readonly safe_bytes: number | null;
  /** Bytes of WAL from confirmed_flush_lsn to the server's current position. */
  readonly lag_bytes: number | null;
  /**
   * Age, in transactions, of the slot's xmin or catalog_xmin, which holds back vacuum; null if it has none, or is lost.
   */
  readonly xmin_age: number | null;
  /** From PostgreSQL 17: wal_removed, rows_removed, wal_level_insufficient, idle_timeout (18). */
  readonly invalidation_reason: string | null;
  /** From PostgreSQL 16: invalidated by a conflict with recovery, on a standby. */
  readonly conflicting: boolean | null;
  readonly two_phase: boolean;
  /** From PostgreSQL 18. */
  readonly two_phase_at: string | null;
  /** From PostgreSQL 17. */
  readonly failover: boolean | null;
  /** From PostgreSQL 17: on a standby, a copy of the primary's slot. It stays true after the standby's promotion. */
  readonly synced: boolean | null;
  /** From PostgreSQL 19: on a standby, why the last synchronization of this copy was skipped; null: it was not. */
  readonly slotsync_skip_reason: string | null;
  /** The server is a standby; not in NDJSON. */
  readonly standby: boolean;
  /** Where the server stands. NDJSON has the distances from it instead. */
  readonly server_lsn: string;
}

/** A copy of the primary's slot: the standby's own server moves it, and nobody can read it before the promotion. */
export function isSynchronized({ synced, standby }: Slot): boolean {
  return standby && synced === true;
}

/** The output plugin of REPACK (CONCURRENTLY), whose temporary slots end with it (PostgreSQL 19). */
export const REPACK_PLUGIN = "pgrepack";

export function isOfRepack({ plugin, temporary }: Slot): boolean {
  return temporary && plugin === REPACK_PLUGIN;
}

/** The slot with which the server itself keeps dead rows for subscriptions with retain_dead_tuples (PostgreSQL 19). */
export const CONFLICT_DETECTION = "pg_conflict_detection";

/** Before PostgreSQL 19 the name is free; but a slot that somebody reads from reserves WAL. */
export function isConflictDetection({ slot, type, restart_lsn: restart }: Slot): boolean {
  return slot === CONFLICT_DETECTION && type === "physical" && restart === null;
}

export interface SlotFault {
  /** fail: the slot is lost, or about to be. */
  readonly severity: "warning" | "fail";
  readonly message: string;
  /** A command to paste; null if no command fixes it. */
  readonly fix: string | null;
  /** Faults of one kind can be told together: `each` goes on after the names. */
  readonly kind: string;
  readonly each: string;
  /** The command of the slot that retains most serves all of that kind. */
  readonly fixServesAll?: true;
}

export interface SlotReport extends Slot {
  readonly status: Status;
  readonly faults: readonly SlotFault[];
  /** With --watch, from the second reading on. */
  readonly pace?: SlotPace;
}

/**
 * How fast a slot and its server moved of late. Null: not known (the times: after less than ten seconds), or it does not
 * come to that.
 */
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

/** A loss that is this near counts as a warning. */
const SOON_SECONDS = 3600;

/** At the pace of late. */
export function isLostSoon({ pace }: SlotReport): boolean {
  const { lost_in_seconds: lost = null, caught_up_in_seconds: caught = null } = pace ?? {};
  return lost !== null && lost < SOON_SECONDS && (caught === null || lost <= caught);
}

/** The status, with what --watch sees coming. */
export function outlookOf(slot: SlotReport): Status {
  return slot.status === "ok" && isLostSoon(slot) ? "warning" : slot.status;
}

const RANKS = { fail: 0, warning: 1, ok: 2 } as const;

/** Of a segment of WAL, unless the cluster has another size. The server keeps some without any slot too. */
export const SEGMENT_BYTES = 16 * 2 ** 20;

/** The worst first: of one status what is lost soonest, then what retains most segments, then by name. */
export function worstFirst(slots: readonly SlotReport[]): readonly SlotReport[] {
  const lossOf = (slot: SlotReport): number =>
    isLostSoon(slot) ? (slot.pace?.lost_in_seconds ?? SOON_SECONDS) : SOON_SECONDS;
  const segments = (slot: SlotReport): number =>
    Math.floor((slot.retained_bytes ?? 0) / SEGMENT_BYTES);
  const byName = new Intl.Collator("en", { numeric: true });
  return slots.toSorted(
    (a, b) =>
      RANKS[outlookOf(a)] - RANKS[outlookOf(b)] ||
      lossOf(a) - lossOf(b) ||
      segments(b) - segments(a) ||
      byName.compare(a.slot, b.slot),
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
