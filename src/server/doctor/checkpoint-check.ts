/** doctor: whether checkpoints come too often, which makes WAL of pages that were logged whole before. */
import type { Client } from "pg";
import { type Administration, lookAtWal } from "../settings/administration.ts";
import { type Check, warning } from "./check.ts";
import { type ServerVersion, majorOf } from "../settings/preflight.ts";
import { DATA_DIRECTORY } from "../slot/health.ts";
import { queryRows } from "../query/statement.ts";

const PG_STAT_WAL = 14;
/** Fewer say nothing about how it goes on. */
const REQUESTED_MIN = 5;
/** A checkpoint by volume comes after a third of max_wal_size at least; those by hand come after less. */
const VOLUME_SHARE_MIN = 0.25;

interface Checkpoints {
  readonly requested: number;
  readonly timed: number;
  /** Since the counters began. */
  readonly seconds: number;
  /** Of WAL. */
  readonly bytes: number;
  readonly max_bytes: number;
  readonly max: string;
  readonly data_directory: string | null;
}

/** No line where they are as they should be. The statistics do not tell checkpoints by volume from those by hand; the WAL between them does. */
export async function checkCheckpoints(
  client: Client,
  administration: Administration,
  version: ServerVersion,
): Promise<readonly Check[]> {
  if (majorOf(version) < PG_STAT_WAL) return [];
  const counters =
    majorOf(version) >= 17
      ? "SELECT num_requested AS req, num_timed AS timed, stats_reset FROM pg_catalog.pg_stat_checkpointer"
      : "SELECT checkpoints_req AS req, checkpoints_timed AS timed, stats_reset FROM pg_catalog.pg_stat_bgwriter";
  const [row] = await queryRows<Checkpoints & Record<string, unknown>>(
    client,
    `SELECT c.req::float8 AS requested, c.timed::float8, w.wal_bytes::float8 AS bytes,
       extract(epoch FROM clock_timestamp() - c.stats_reset)::float8 AS seconds,
       (SELECT setting::float8 * 1048576 FROM pg_catalog.pg_settings WHERE name = 'max_wal_size') AS max_bytes,
       current_setting('max_wal_size') AS max, ${DATA_DIRECTORY} AS data_directory
     FROM (${counters}) AS c, pg_catalog.pg_stat_wal w`,
    "read the statistics of checkpoints",
  );
  if (row === undefined) return [];
  const { requested, timed, seconds, bytes, max_bytes: maxBytes, max } = row;
  const byVolume = bytes >= requested * maxBytes * VOLUME_SHARE_MIN;
  if (requested < REQUESTED_MIN || requested <= timed || !byVolume) return [];
  const all = requested + timed;
  const often = `${requested} of ${all} checkpoints came before their time, since max_wal_size (${max}) was reached`;
  const every = `one every ${Math.round(seconds / all)} s`;
  const effect = "after each, every page is logged whole at its first change";
  const { words, fix } = lookAtWal(administration, row.data_directory, null, null);
  return [warning("checkpoints", `${often}, ${every}; ${effect}${words}`, fix)];
}
