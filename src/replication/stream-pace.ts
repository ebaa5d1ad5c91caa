import type { Client } from "pg";
import { queryRows } from "./statement.ts";

/** How often something should be heard. */
export interface StreamPace {
  readonly statusIntervalMs: number;
  /** 0: the server waits for us for ever. */
  readonly walSenderTimeoutMs: number;
}

/** Feedback comes at least three times within wal_sender_timeout. */
const TIMEOUT_SHARE = 3;

/** How often the server wants to hear of us, or more often, as asked. */
export async function readStreamPace(client: Client, askedIntervalMs: number): Promise<StreamPace> {
  const rows = await queryRows<{ setting: string }>(
    client,
    "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'",
    "read wal_sender_timeout",
  );
  const walSenderTimeoutMs = Number(rows[0]?.setting ?? 0);
  const shareMs = walSenderTimeoutMs > 0 ? walSenderTimeoutMs / TIMEOUT_SHARE : Infinity;
  return { walSenderTimeoutMs, statusIntervalMs: Math.min(askedIntervalMs, shareMs) };
}
