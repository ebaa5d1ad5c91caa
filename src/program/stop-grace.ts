import { ExitCode, WalctlError } from "../errors.ts";
import { setTimeout as delay } from "node:timers/promises";
import { aborted } from "../server/connection/within.ts";

/** A command answers a signal within a second, before main.ts exits. */
const STOP_GRACE_MS = 800;

/**
 * The result of `work`, or `late` if `work` has not ended some time after a signal: a stalled reader or a dead network
 * would delay it for ever. Only for commands that a signal ends regularly.
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

/** Ends a command that a signal has interrupted: what it has printed is not all. */
export function inputInterrupted(): never {
  throw new WalctlError("interrupted: not all of the input was read", {
    exitCode: ExitCode.failed,
  });
}

/** As withinStopGrace(), for a command that is done only once it has read all of its input. */
export async function untilInputEnds(
  work: Promise<ExitCode>,
  stop: AbortSignal,
  interrupted: () => ExitCode = inputInterrupted,
): Promise<ExitCode> {
  const status = await withinStopGrace(work, stop, interrupted);
  return stop.aborted && status === ExitCode.done ? interrupted() : status;
}
