import type { Client } from "pg";
import { WalctlError } from "../../errors.ts";
import { type Lsn, formatLsn } from "../../lsn.ts";
import { type PgTime, formatPgTime } from "../../pg-time.ts";
import type { SessionNews } from "./options.ts";
import { quoteLiteral } from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";

/**
 * The start position for --startpos. Warns if it is before the slot's.
 * @param confirmed the slot's confirmed_flush_lsn
 * @throws WalctlError for a position that the server has not reached
 */
export async function chooseStart(
  client: Client,
  asked: Lsn,
  confirmed: Lsn,
  news: SessionNews,
): Promise<Lsn> {
  const current = await readCurrentLsn(client);
  if (asked > current) {
    // The server would wait silently, and leave out everything that commits meanwhile.
    throw new WalctlError(
      `the start position ${formatLsn(asked)} is beyond the server's own, ${formatLsn(current)}`,
      { hint: "Is it another server's? Leave --startpos out." },
    );
  }
  if (asked < confirmed) {
    news.warn({
      message: `the slot has been advanced to ${formatLsn(confirmed)}, beyond the start position ${formatLsn(asked)}`,
      detail:
        "The server does not send again what was confirmed: the stream starts where the slot stands.",
    });
  }
  return asked;
}

export async function readCurrentLsn(client: Client): Promise<Lsn> {
  // A standby can decode what it has replayed.
  const rows = await queryRows<{ lsn: string }>(
    client,
    `SELECT (CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
      ELSE pg_catalog.pg_current_wal_lsn() END - '0/0') AS lsn`,
    "read the server's position",
  );
  return BigInt(rows[0]?.lsn ?? "0") as Lsn;
}

/**
 * Whether everything that commits from now on does so after `time`. A commit record is written a moment after the time
 * that it holds; a standby is as far as what it has replayed.
 */
export async function isPast(client: Client, time: PgTime): Promise<boolean> {
  const rows = await queryRows<{ past: boolean | null }>(
    client,
    `SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_xact_replay_timestamp()
      ELSE pg_catalog.clock_timestamp() - '1 s'::interval END > ${quoteLiteral(formatPgTime(time))}::timestamptz AS past`,
    "read the server's clock",
  );
  return rows[0]?.past ?? false;
}

export async function isInRecovery(client: Client): Promise<boolean> {
  const rows = await queryRows<{ recovering: boolean }>(
    client,
    "SELECT pg_catalog.pg_is_in_recovery() AS recovering",
    "see whether the server is a standby",
  );
  return rows[0]?.recovering ?? false;
}
