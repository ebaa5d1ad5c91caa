import type { Client } from "pg";
import { DecodeError, WalctlError } from "../../errors.ts";
import { Interruption } from "../query/causes.ts";
import { NO_WALSENDER, serverError, sqlStateOf } from "../query/server-errors.ts";
import { ConsumerError } from "../start/consumer.ts";
import { createBeside } from "../slot/beside.ts";
import { slotInUseError } from "../slot/slot.ts";
import type { ConnectionTarget } from "../target/target.ts";
import { SqlState } from "../query/sqlstate.ts";

const STREAM_HINTS = {
  [SqlState.syntaxError]: NO_WALSENDER,
  // A type without a send function, such as aclitem.
  [SqlState.undefinedFunction]:
    "Some type of a published table has no binary form: leave out --binary.",
};

/** The reason for a warning, in one line. */
export function reasonOf(error: unknown): string {
  const state = sqlStateOf(error);
  const message = error instanceof Error ? error.message : String(error);
  return state === undefined || error instanceof WalctlError
    ? message
    : `${message} (SQLSTATE ${state})`;
}

/**
 * The error for the user.
 * @throws the error itself if it is not the server's: the consumer's, or a bug
 */
export function explainStreamError(error: unknown): WalctlError {
  if (error instanceof ConsumerError) throw error;
  if (error instanceof DecodeError) {
    return new WalctlError(`the server sent a message that cannot be decoded: ${error.message}`, {
      detail: "All before it has been printed, and the slot was not advanced past that.",
      cause: error,
    });
  }
  if (error instanceof Interruption) return new WalctlError(error.message, { cause: error });
  return serverError(error, "stream the changes", STREAM_HINTS);
}

/** Adds facts from the server to its error, over the connection that received it. */
export async function explainRefusal(
  client: Client,
  target: ConnectionTarget,
  { slotName, temporary }: { readonly slotName: string; readonly temporary: boolean },
  error: unknown,
): Promise<unknown> {
  switch (sqlStateOf(error)) {
    case SqlState.objectInUse:
      return await slotInUseError(client, slotName, error, "--wait");
    case SqlState.undefinedObject:
      return temporary ? error : await olderSlotError(client, target, slotName, error);
    default:
      return error;
  }
}

/** The decoder uses the catalogue as of the time of the change. */
async function olderSlotError(
  client: Client,
  target: ConnectionTarget,
  slot: string,
  error: unknown,
): Promise<WalctlError> {
  const beside = await createBeside(client, target, slot).catch(() => undefined);
  const another = beside === undefined ? "" : `, beside this one: ${beside}`;
  return serverError(error, "stream the changes", {
    [SqlState.undefinedObject]: `A slot sees a publication only from when that was created. What "${slot}" holds from before can only be decoded for publications of that time, and stays there. If the publication is there now, it takes a slot that sees it${another}`,
  });
}
