import type { Lsn } from "../../lsn.ts";
import type { OtherMessage, RowChange } from "../../pgoutput/messages.ts";
import type { RolledBack } from "./unfinished.ts";

/** The consumer's failure, in `cause`. It is never the server's, whatever its code: a network file system times out too. */
export class ConsumerError extends Error {
  override readonly name = "ConsumerError";

  constructor(cause: unknown) {
    super("the consumer failed", { cause });
  }
}

/** What the call gives. What it throws, or its promise rejects with, becomes a ConsumerError. */
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

/** What the server does not send after a reconnection, and whoever reads its frames has to know. */
export type StreamNote =
  /** The next Stream Start of this transaction is not the first: what came before the reconnection stands. */
  | { readonly stream_continues: number }
  /** What came of these subtransactions was rolled back. */
  | { readonly rolled_back: readonly RolledBack[] };

/** Where messages go. flush() and sync() do all its input and output: what else throws is a DecodeError or a bug. */
export interface StreamConsumer {
  /** The bytes that the message refers to are valid during the call. */
  message(message: OtherMessage): void;
  /** A relation or a type that was passed on before: remember it, and do not print it. */
  announce(message: OtherMessage): void;
  /** The same for a row. Returns whether it is printed: only these count for a limit. */
  change(change: RowChange): boolean;
  /**
   * Undefined: the message can be passed on now. Otherwise it is passed on when the promise is fulfilled, and nothing
   * before it. Rejects with the server's error, when it was the server that could not be asked.
   */
  prepare(message: OtherMessage): Promise<void> | undefined;
  /** The same for a row in a stream block: much time may pass between the rows of one block. */
  prepareStreamed(change: RowChange): Promise<void> | undefined;
  /** The server has moved on and had nothing to send. */
  idle?(): void;
  /**
   * Writes what was passed on since the last flush. Undefined: written. Until a promise is fulfilled, nothing else is
   * passed on. Throws or rejects when it cannot be written.
   */
  flush(): Promise<void> | undefined;
  /**
   * Makes durable what has been flushed, which is all up to `position`. Returns up to where it may be confirmed now:
   * an output that stores this position itself may do so less often.
   */
  sync(position: Lsn): Promise<Lsn> | Lsn;
  /** Takes a frame as it was received, for a capture, before its message is passed on. Undefined: not wanted. */
  readonly frame: ((payload: Uint8Array) => void) | undefined;
  /** Takes, for the same capture, what follows from the frames before this connection. Undefined: not wanted. */
  readonly note: ((note: StreamNote) => void) | undefined;
}
