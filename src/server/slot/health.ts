import { ProtocolViolation } from "../connection/backend-messages.ts";
import type { Client } from "pg";
import { queryRows } from "../query/statement.ts";

/**
 * A slot as pg_replication_slots has it, with what can be reckoned from that; the names are those of the
 * NDJSON form. What the server's version does not tell yet, and what does not apply, is null.
 */
export interface SlotHealth {
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
  /** How many transaction ids ago the oldest is that vacuum has to keep rows for; null: none, or lost. */
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

/** Settings that decide what becomes of a slot, as the server prints them. */
export interface SlotSettings {
  readonly maxSlotWalKeepSize: string;
  readonly maxWalSize: string;
  /** PostgreSQL 18. */
  readonly idleReplicationSlotTimeout: string | null;
  readonly autovacuumFreezeMaxAge: number;
  /** Null: the role is not told. */
  readonly dataDirectory: string | null;
}

/** `current_setting` would be refused where the role may not read it. */
export const DATA_DIRECTORY =
  "(SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory')";

const ISO_UTC = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;

/** All slots of the server, by name. Any role may read them. */
export async function readSlots(client: Client): Promise<readonly SlotHealth[]> {
  return await queryRows<SlotHealth & Record<string, unknown>>(
    client,
    // Columns that older servers lack are read through JSON, where they are just missing. On a standby
    // what is replayed is what can be decoded.
    `WITH server AS (
       SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
              ELSE pg_catalog.pg_current_wal_lsn() END AS lsn)
     SELECT s.slot_name::text AS slot, to_char(clock_timestamp() AT TIME ZONE 'UTC', ${ISO_UTC}) AS time,
       s.slot_type AS type, s.plugin::text, s.database::text, s.temporary, s.wal_status,
       s.active, s.active_pid, nullif(a.application_name, '') AS application,
       to_char((j ->> 'inactive_since')::timestamptz AT TIME ZONE 'UTC', ${ISO_UTC}) AS inactive_since,
       s.restart_lsn::text, s.confirmed_flush_lsn::text,
       (CASE WHEN s.wal_status = 'lost' THEN NULL WHEN server.lsn > s.restart_lsn THEN server.lsn - s.restart_lsn
         WHEN s.restart_lsn IS NOT NULL THEN 0 END)::float8 AS retained_bytes,
       s.safe_wal_size::float8 AS safe_bytes,
       (CASE WHEN server.lsn > s.confirmed_flush_lsn THEN server.lsn - s.confirmed_flush_lsn
         WHEN s.confirmed_flush_lsn IS NOT NULL THEN 0 END)::float8 AS lag_bytes,
       CASE WHEN s.wal_status IS DISTINCT FROM 'lost'
         THEN greatest(age(s.xmin), age(s.catalog_xmin)) END AS xmin_age,
       j ->> 'invalidation_reason' AS invalidation_reason, (j ->> 'conflicting')::bool AS conflicting,
       s.two_phase, j ->> 'two_phase_at' AS two_phase_at,
       (j ->> 'failover')::bool AS failover, (j ->> 'synced')::bool AS synced
     FROM server, pg_catalog.pg_replication_slots s
     CROSS JOIN LATERAL to_jsonb(s) AS j
     LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = s.active_pid
     ORDER BY s.slot_name`,
    "read the slots",
  );
}

export async function readSlotSettings(client: Client): Promise<SlotSettings> {
  const [row] = await queryRows<SlotSettings & Record<string, unknown>>(
    client,
    `SELECT current_setting('max_slot_wal_keep_size') AS "maxSlotWalKeepSize",
       current_setting('max_wal_size') AS "maxWalSize",
       current_setting('idle_replication_slot_timeout', true) AS "idleReplicationSlotTimeout",
       current_setting('autovacuum_freeze_max_age')::int AS "autovacuumFreezeMaxAge",
       ${DATA_DIRECTORY} AS "dataDirectory"`,
    "read the settings that concern slots",
  );
  if (row === undefined) throw new ProtocolViolation("no row where there is always one");
  return row;
}

/** The names alone. */
export async function readSlotNames(client: Client): Promise<readonly string[]> {
  const rows = await queryRows<{ name: string }>(
    client,
    "SELECT slot_name::text AS name FROM pg_catalog.pg_replication_slots ORDER BY slot_name",
    "list the slots",
  );
  return rows.map(({ name }) => name);
}
