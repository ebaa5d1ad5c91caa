import type { Lsn } from "../../lsn.ts";
import type { OtherMessage, RowChange } from "../../postgres/messages/messages.ts";
import { Interruption } from "../query/causes.ts";
import type { RolledBack } from "./transaction.ts";

/**
 * A failure of the consumer, with its `cause`. It is never treated as the server's, whatever its code: a network file
 * system can time out too.
 */
export class ConsumerError extends Interruption {
  constructor(cause: unknown) {
    super("consumer", "the consumer failed", { cause });
  }
}

/** Returns the call's result. An exception or a rejection becomes a ConsumerError. */
export function ofConsumer<Result>(call: () => Result): Result {
  try {
    const result = call();
    return result instanceof Promise ? (result.catch(throwAsConsumers) as Result) : result;
  } catch (error) {
    return throwAsConsumers(error);
  }
}

function throwAsConsumers(cause: unknown): never {
  throw new ConsumerError(cause);
}

/** What the server does not send after a reconnection, although every reader of its frames has to know it. */
export type StreamNote =
  /** The next Stream Start of this transaction is not the first: what came before the reconnection is still valid. */
  | { readonly stream_continues: number }
  /** These subtransactions were rolled back. */
  | { readonly rolled_back: readonly RolledBack[] };

/** Receives messages. Only flush() and sync() do input and output: other methods throw only DecodeErrors and bugs. */
export interface StreamConsumer {
  /** The bytes that the message refers to are valid during the call. */
  message(message: OtherMessage): void;
  /** Takes a relation or a type that was passed on before: it has to be remembered and not printed. */
  announce(message: OtherMessage): void;
  /** Takes a row. Returns whether it is printed: only printed rows count for a limit. */
  change(change: RowChange): boolean;
  /**
   * Undefined if the message can be passed on now. Otherwise it is passed on when the promise is fulfilled, and nothing
   * before it. Rejects with the server's error if the server could not be queried.
   */
  prepare(message: OtherMessage): Promise<void> | undefined;
  /** Like prepare(), for a row in a stream block: much time may pass between the rows of a block. */
  prepareStreamed(change: RowChange): Promise<void> | undefined;
  /** The server has advanced and had nothing to send. */
  idle?(): void;
  /**
   * Writes what was passed on since the last flush. Undefined if it is written. It is not called again, and unless
   * `goesOn` nothing else is passed on, until the promise is fulfilled. Throws or rejects if it cannot be written.
   * @param goesOn only if `ahead` is not undefined
   */
  flush(goesOn?: boolean): Promise<void> | undefined;
  /** How many bytes the next flush would write. Undefined: nothing may be passed on while a write is pending. */
  readonly ahead?: number | undefined;
  /**
   * Makes durable what was flushed, which is everything up to `position`. Returns the position up to which it may be
   * confirmed now: an output that stores this position itself may do so less often.
   */
  sync(position: Lsn): Promise<Lsn> | Lsn;
  /** Takes a frame as received, for a capture, before its message is passed on. Undefined if not wanted. */
  readonly frame: ((payload: Uint8Array) => void) | undefined;
  /** Takes, for the same capture, what follows from frames of earlier connections. Undefined if not wanted. */
  readonly note: ((note: StreamNote) => void) | undefined;
}
