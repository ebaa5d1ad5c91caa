import type { Client } from "pg";
import { HORIZON, type Horizon, parseHorizon } from "../start/horizon.ts";
import { queryRows } from "../query/statement.ts";

/** What the stream needs to know about its walsender. */
export interface StreamPace {
  readonly pid: number;
  /** How often to send a status. */
  readonly statusIntervalMs: number;
  /** 0: the server waits for us for ever. */
  readonly walSenderTimeoutMs: number;
  /** The horizon before the stream starts. */
  readonly horizon: Horizon;
}

/** Feedback is sent at least three times within wal_sender_timeout. */
const TIMEOUT_SHARE = 3;

/**
 * How often the server expects feedback, or the requested interval if that is shorter. From here on the connection
 * waits for locks without limit: the decoder reads the catalogue, and a role's lock_timeout would end the stream
 * (55P03).
 */
export async function readStreamPace(client: Client, askedIntervalMs: number): Promise<StreamPace> {
  const [row] = await queryRows<{ pid: number; timeout: number; horizon: string }>(
    client,
    // A setting's units are an interval's. pg_settings may be revoked.
    `SELECT pg_catalog.pg_backend_pid() AS pid, ${HORIZON} AS horizon,
       (extract(epoch FROM pg_catalog.current_setting('wal_sender_timeout')::interval) * 1000)::int AS timeout,
       pg_catalog.set_config('lock_timeout', '0', false)`,
    "read wal_sender_timeout",
  );
  const walSenderTimeoutMs = row?.timeout ?? 0;
  const shareMs = walSenderTimeoutMs > 0 ? walSenderTimeoutMs / TIMEOUT_SHARE : Infinity;
  return {
    pid: row?.pid ?? 0,
    walSenderTimeoutMs,
    statusIntervalMs: Math.min(askedIntervalMs, shareMs),
    horizon: parseHorizon(row?.horizon),
  };
}
