import { setTimeout as delay } from "node:timers/promises";
import { aborted } from "../server/connection/within.ts";

/** A signal is answered within a second, and before main.ts exits. */
const STOP_GRACE_MS = 800;

/**
 * The result of `work`, or `late` when `work` has not ended some time after a signal: a stalled reader or a dead network
 * would keep it for ever. Only for commands that end by a signal: others would report success without having done it.
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
