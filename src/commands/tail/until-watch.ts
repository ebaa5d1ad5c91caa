import type { Lsn } from "../../lsn.ts";
import { type PgTime, unixMsFromPgTime } from "../../pg-time.ts";
import { pause } from "../../server/connection/within.ts";
import { isPast, readCurrentLsn } from "../../server/start/position.ts";
import type { ConnectionTarget } from "../../server/target/target.ts";
import { withConnection } from "../connection.ts";

const ASK_INTERVAL_MS = 1000;
/** A clock may be set meanwhile, and a timer has an upper limit. */
const SLEEP_MAX_MS = 3_600_000;

interface UntilWatchParts {
  readonly until: PgTime;
  readonly target: ConnectionTarget;
  readonly ended: AbortSignal;
  /** The stream has begun, and can be ended. */
  readonly isStarted: () => boolean;
  readonly endAt: (position: Lsn) => void;
}

/**
 * With --until a later commit ends the stream; where none comes, the server's clock does: once it is past the time, all
 * that is wanted was written before the server's position.
 */
export async function watchUntil(parts: UntilWatchParts): Promise<void> {
  const { until, target, ended, isStarted, endAt } = parts;
  for (;;) {
    const leftMs = unixMsFromPgTime(until) - Date.now();
    await pause(Math.min(Math.max(leftMs, ASK_INTERVAL_MS), SLEEP_MAX_MS), ended);
    if (ended.aborted) return;
    if (Date.now() < unixMsFromPgTime(until) || !isStarted()) continue;
    // Without an answer the next commit, or the next attempt, ends the stream.
    const position = await withConnection(target, "ordinary", ended, async (client) =>
      (await isPast(client, until)) ? await readCurrentLsn(client) : undefined,
    ).catch(() => undefined);
    if (position === undefined) continue;
    endAt(position);
    return;
  }
}
