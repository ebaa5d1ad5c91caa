import { unpadded } from "../../lsn.ts";
import type { SlotPace, SlotReport } from "../../reports.ts";
import { jsonLine } from "../bytes/json-line.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";

const PACE_UNKNOWN: Readonly<Record<keyof SlotPace, null>> = {
  wal_bytes_per_second: null,
  consumed_bytes_per_second: null,
  caught_up_in_seconds: null,
  lost_in_seconds: null,
};

/** One line a slot, with --watch with its pace. */
export function renderSlotsNdjson(slots: readonly SlotReport[], watching = false): string {
  return slots
    .map(({ server_lsn: _position, standby: _standby, pace, faults, ...slot }) =>
      jsonLine({
        ...slot,
        restart_lsn: printed(slot.restart_lsn),
        confirmed_flush_lsn: printed(slot.confirmed_flush_lsn),
        two_phase_at: printed(slot.two_phase_at),
        ...(watching ? (pace ?? PACE_UNKNOWN) : {}),
        faults: faults.map(({ severity, message, fix }) => ({ severity, message, fix })),
      }),
    )
    .join("");
}

function printed(lsn: string | null): string | null {
  return lsn === null ? null : unpadded(lsn);
}

/** wal_status, and the reason why the slot is invalidated. */
export function stateOf(slot: SlotReport): string {
  const { wal_status, invalidation_reason, conflicting, restart_lsn } = slot;
  // PostgreSQL 16 sets conflicting for every invalidated logical slot; without restart_lsn the reason is removed WAL.
  const conflict = conflicting === true && restart_lsn !== null;
  const why = invalidation_reason ?? (conflict ? "conflicting" : null);
  const state = wal_status ?? "reserves nothing";
  return why === null ? state : `${state} (${sanitizeLine(why)})`;
}
