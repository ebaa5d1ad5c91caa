import { ProtocolViolation } from "../connection/backend-messages.ts";
import type { Client } from "pg";
import { REPACK_PLUGIN, type Slot } from "../../reports.ts";
import { quoteLiteral } from "../query/sql.ts";
import { isDenied } from "../query/denied.ts";
import type { ServerVersion } from "../settings/preflight.ts";
import { queryRows } from "../query/statement.ts";

/** Settings that affect slots, as the server prints them. */
export interface SlotSettings {
  readonly version: ServerVersion;
  readonly maxSlotWalKeepSize: string;
  readonly maxWalSize: string;
  /** PostgreSQL 18. */
  readonly idleReplicationSlotTimeout: string | null;
  readonly autovacuumFreezeMaxAge: number;
  readonly logicalDecodingWorkMem: string;
  /** Since the server's statistics were reset; null: not known, or the server has not run for an hour since. */
  readonly walBytesPerSecond: number | null;
  /** The slots for which the server has written changes to disk while it decoded them (PostgreSQL 19). */
  readonly spills: ReadonlyMap<string, Spills>;
}

/** Since the slot's statistics were reset. */
export interface Spills {
  /** How often decoding needed more than logical_decoding_work_mem. */
  readonly exceeded: number;
  readonly bytes: number;
}

/** SQL: a slot of REPACK (CONCURRENTLY). */
export const REPACK_SLOT = `s.temporary AND s.plugin IS NOT DISTINCT FROM '${REPACK_PLUGIN}'`;

const ISO_UTC = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;

/** The slots of the server, or the one of that name. Any role may read them, also as a walsender. */
export async function readSlots(client: Client, name?: string): Promise<readonly Slot[]> {
  try {
    return await querySlots(client, name, "pg_catalog.pg_stat_activity");
  } catch (error) {
    // Administrators may deny that view, which only names the readers' programs.
    if (!isDenied(error)) throw error;
    const nobody = "(SELECT NULL::int AS pid, NULL::text AS application_name)";
    return await querySlots(client, name, nobody);
  }
}

async function querySlots(
  client: Client,
  name: string | undefined,
  sessions: string,
): Promise<readonly Slot[]> {
  const only = name === undefined ? "" : `WHERE s.slot_name = ${quoteLiteral(name)}`;
  return await queryRows<Slot & Record<string, unknown>>(
    client,
    // The columns are in the order of Slot. Columns that older servers lack are read through JSON, where they are just
    // missing. A standby decodes what it has replayed.
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
       (j ->> 'failover')::bool AS failover, (j ->> 'synced')::bool AS synced,
       j ->> 'slotsync_skip_reason' AS slotsync_skip_reason,
       pg_catalog.pg_is_in_recovery() AS standby,
       server.lsn::text AS server_lsn
     FROM server, pg_catalog.pg_replication_slots s
     CROSS JOIN LATERAL to_jsonb(s) AS j
     LEFT JOIN ${sessions} a ON a.pid = s.active_pid
     ${only} ORDER BY s.slot_name`,
    name === undefined ? "read the slots" : `read slot "${name}"`,
  );
}

export async function readSlotSettings(client: Client): Promise<SlotSettings> {
  const [row] = await queryRows<Omit<SlotSettings, "walBytesPerSecond" | "spills">>(
    client,
    `SELECT current_setting('server_version_num')::int AS version,
       current_setting('max_slot_wal_keep_size') AS "maxSlotWalKeepSize",
       current_setting('max_wal_size') AS "maxWalSize",
       current_setting('idle_replication_slot_timeout', true) AS "idleReplicationSlotTimeout",
       current_setting('autovacuum_freeze_max_age')::int AS "autovacuumFreezeMaxAge",
       current_setting('logical_decoding_work_mem') AS "logicalDecodingWorkMem"`,
    "read the settings that concern slots",
  );
  if (row === undefined) throw new ProtocolViolation("no row where there is always one");
  const [wal] = await queryRows<{ rate: number | null }>(
    client,
    `SELECT (wal_bytes / extract(epoch FROM clock_timestamp() - stats_reset))::float8 AS rate
     FROM pg_catalog.pg_stat_wal
     WHERE clock_timestamp() - greatest(stats_reset, pg_catalog.pg_postmaster_start_time()) >= '1 hour'`,
    "see how much WAL the server writes",
  ).catch((error: unknown) => {
    if (isDenied(error)) return [];
    throw error;
  });
  return { ...row, walBytesPerSecond: wal?.rate ?? null, spills: await readSpills(client) };
}

async function readSpills(client: Client): Promise<SlotSettings["spills"]> {
  const rows = await queryRows<Spills & { readonly slot: string }>(
    client,
    `SELECT s.slot_name AS slot, (j ->> 'mem_exceeded_count')::float8 AS exceeded, s.spill_bytes::float8 AS bytes
     FROM pg_catalog.pg_stat_replication_slots s CROSS JOIN LATERAL to_jsonb(s) AS j
     WHERE (j ->> 'mem_exceeded_count')::int8 > 0 AND s.spill_bytes > 0`,
    "see what decoding has written to disk",
  ).catch((error: unknown) => {
    if (isDenied(error)) return [];
    throw error;
  });
  return new Map(rows.map(({ slot, exceeded, bytes }) => [slot, { exceeded, bytes }]));
}

export async function readSlotNames(client: Client): Promise<readonly string[]> {
  const rows = await queryRows<{ name: string }>(
    client,
    "SELECT slot_name::text AS name FROM pg_catalog.pg_replication_slots ORDER BY slot_name",
    "list the slots",
  );
  return rows.map(({ name }) => name);
}
