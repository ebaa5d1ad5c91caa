/** Why the server invalidated a slot (manual: pg_replication_slots), and how to prevent that for the next one. */
import type { Slot } from "../../reports.ts";

interface Loss {
  readonly reason: string;
  /** A sentence. */
  readonly advice: string;
  /** The setting that caused it, if its value is of interest. */
  readonly setting?: "max_slot_wal_keep_size" | "idle_replication_slot_timeout";
}

const KEEPS_ROWS = "On the standby hot_standby_feedback = on keeps such rows.";

const LOSSES: ReadonlyMap<string, Loss> = new Map<string, Loss>([
  [
    "wal_removed",
    {
      reason: "the server has removed WAL that it needed",
      advice: "A larger max_slot_wal_keep_size lets a slot retain more.",
      setting: "max_slot_wal_keep_size",
    },
  ],
  [
    "idle_timeout",
    {
      reason: "nobody used it for longer than idle_replication_slot_timeout",
      advice: "A larger idle_replication_slot_timeout lets a slot be inactive for longer.",
      setting: "idle_replication_slot_timeout",
    },
  ],
  [
    "rows_removed",
    {
      reason: "vacuum on the primary has removed catalogue rows that it needed",
      advice: KEEPS_ROWS,
    },
  ],
  [
    "wal_level_insufficient",
    {
      reason: "the standby's primary no longer logged as at wal_level = logical",
      advice:
        "On the primary wal_level has to be logical; from PostgreSQL 19 on a logical slot there is enough.",
    },
  ],
  [
    "conflict",
    {
      reason: "recovery conflicted with it, while the server was a standby",
      advice: `${KEEPS_ROWS} On the primary wal_level has to stay logical.`,
    },
  ],
]);

/** Undefined if the slot is not invalidated. */
export function lossOf(slot: Slot): Loss | undefined {
  const { wal_status: state, invalidation_reason: told, conflicting } = slot;
  if (state !== "lost" && told === null && conflicting !== true) return undefined;
  const reason = told ?? reasonBefore17(slot);
  return (
    LOSSES.get(reason) ?? { reason, advice: "The manual describes it under pg_replication_slots." }
  );
}

/**
 * PostgreSQL 16 marks every invalidated logical slot as conflicting. A slot whose WAL was removed has no restart_lsn
 * any more; a conflict keeps it. In 14 and 15 removed WAL is the only reason.
 */
function reasonBefore17({ conflicting, restart_lsn: restartLsn }: Slot): string {
  return conflicting === true && restartLsn !== null ? "conflict" : "wal_removed";
}

/** What an invalidation costs, and what dropping the slot would cost. */
export const LOSS = {
  effect: "What was not read from it is lost.",
  drop: "drop-slot frees its name and discards its reader's position",
} as const;
