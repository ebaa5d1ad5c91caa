import type { Slot } from "../../../src/reports.ts";
import type { SlotSettings } from "../../../src/server/slot/read.ts";

export const SETTINGS: SlotSettings = {
  version: 180_004,
  maxSlotWalKeepSize: "1GB",
  maxWalSize: "512MB",
  idleReplicationSlotTimeout: "1h",
  autovacuumFreezeMaxAge: 200_000_000,
  logicalDecodingWorkMem: "64MB",
  walBytesPerSecond: 1000,
  spills: new Map(),
};

/** A healthy one. */
export const SLOT: Slot = {
  slot: "s",
  time: "2026-01-01T00:00:00.000000Z",
  type: "logical",
  plugin: "pgoutput",
  database: "shop",
  temporary: false,
  wal_status: "reserved",
  active: false,
  active_pid: null,
  application: null,
  inactive_since: null,
  restart_lsn: "0/1",
  confirmed_flush_lsn: "0/2",
  retained_bytes: 10_000_000,
  safe_bytes: 1_000_000_000,
  lag_bytes: 0,
  xmin_age: 10,
  invalidation_reason: null,
  conflicting: null,
  two_phase: false,
  two_phase_at: null,
  failover: null,
  synced: null,
  slotsync_skip_reason: null,
  standby: false,
  server_lsn: "0/989681",
};
