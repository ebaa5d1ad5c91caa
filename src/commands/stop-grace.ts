import { setTimeout as delay } from "node:timers/promises";
import { aborted } from "../server/connection/within.ts";

/** A command answers a signal within a second, before main.ts exits. */
const STOP_GRACE_MS = 800;

/**
 * The result of `work`, or `late` if `work` has not ended some time after a signal: a stalled reader or a dead network
 * would delay it for ever. Only for commands that a signal ends regularly: others would report success without having
 * finished.
 */
export async function withinStopGrace<Result>(
  work: Promise<Result>,
  stop: AbortSignal,
  late: () => Result,
): Promise<Result> {
  const over = new AbortController();
  const tooLate = async (): Promise<Result> => {
    await aborted(stop);
    await delay(STOP_GRACE_MS, undefined, { signal: over.signal });
    return late();
  };
  try {
    return await Promise.race([work, tooLate()]);
  } finally {
    over.abort();
  }
}
