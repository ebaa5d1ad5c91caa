import type { Client } from "pg";
import { Feedback } from "../delivery/feedback.ts";
import { Ledger } from "../delivery/ledger.ts";
import { Limits } from "./limits.ts";
import { Resume } from "./resume.ts";
import type { Confirmed, SessionOptions } from "./options.ts";
import { readCurrentLsn } from "./position.ts";
import type { StreamConsumer } from "./consumer.ts";

/** State that is kept across connections. */
export interface StreamState {
  readonly consumer: StreamConsumer;
  readonly ledger: Ledger;
  readonly feedback: Feedback;
  readonly resume: Resume;
  readonly limits: Limits;
  /** With --ack-from: the consumer's confirmations count, instead of what was written. */
  readonly confirmed: Confirmed | undefined;
}

/** Creates the state before the first connection streams. `now` becomes the current position. */
export async function openState(
  client: Client,
  { consumer, acknowledge, endpos, until, limit }: SessionOptions,
): Promise<StreamState> {
  const last = endpos === "now" ? await readCurrentLsn(client) : endpos;
  return {
    consumer,
    ledger: new Ledger(),
    feedback: new Feedback(acknowledge !== false),
    confirmed: typeof acknowledge === "boolean" ? undefined : acknowledge,
    resume: new Resume(),
    limits: new Limits(last, until, limit),
  };
}

/** For a server without the log that was received: what is remembered of that log would hide what this one sends. */
export function forgetStream(state: StreamState): StreamState {
  state.confirmed?.confirmations.forget();
  return { ...state, ledger: new Ledger(), resume: new Resume() };
}
