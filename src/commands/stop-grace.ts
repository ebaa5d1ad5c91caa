import { setTimeout as delay } from "node:timers/promises";
import { aborted } from "../server/connection/within.ts";

/** Within the second in which a signal is answered, and before main.ts gives the command up. */
const STOP_GRACE_MS = 800;

/**
 * What `work` gives, or `late` when a signal came and it is still at it: a reader that stalls, or a network that
 * swallows everything, would keep it for ever. For commands whose end is a signal: of others it would be no truth.
 */
export async function withinStopGrace<Result>(
  work: Promise<Result>,
  stop: AbortSignal,
  late: Result,
): Promise<Result> {
  const over = new AbortController();
  const tooLate = async (): Promise<Result> => {
    await aborted(stop);
    await delay(STOP_GRACE_MS, undefined, { signal: over.signal });
    return late;
  };
  try {
    return await Promise.race([work, tooLate()]);
  } finally {
    over.abort();
  }
}
