import { setTimeout as delay } from "node:timers/promises";

/** Node.js fires a longer timer after 1 ms. PostgreSQL's settings have the same limit (INT_MAX, 24 days). */
export const TIMER_MS_MAX = 2 ** 31 - 1;

/** A promise and what settles it. */
export interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

/** Its rejection is no fault of the process while nobody awaits it. */
export function deferred<Value = void>(): Deferred<Value> {
  let settle!: Omit<Deferred<Value>, "promise">;
  const promise = new Promise<Value>((resolve, reject) => (settle = { resolve, reject }));
  promise.catch(() => {});
  return { promise, ...settle };
}

/** Waits for the promise, at most `ms` milliseconds. */
export async function within(promise: Promise<unknown> | undefined, ms: number): Promise<void> {
  if (promise === undefined) return;
  const timer = new AbortController();
  try {
    await Promise.race([promise, delay(ms, undefined, { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
}

/** Waits `ms` milliseconds, or until the signal is aborted. */
export async function pause(ms: number, stop: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal: stop }).catch(() => {});
}

/** Waits for the promise, or until the signal is aborted. It leaves no listener behind, however often it is called. */
export async function unlessAborted(
  promise: Promise<unknown> | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (promise === undefined || signal.aborted) return;
  const abort = deferred<unknown>();
  signal.addEventListener("abort", abort.resolve, { once: true });
  try {
    await Promise.race([promise, abort.promise]);
  } finally {
    signal.removeEventListener("abort", abort.resolve);
  }
}

/** Fulfilled when the signal is aborted. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
