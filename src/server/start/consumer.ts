import type { Lsn } from "../../lsn.ts";
import type { OtherMessage, RowChange } from "../../pgoutput/messages.ts";

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

/** Where messages go. flush() and sync() do all its input and output: what else throws is a DecodeError or a bug. */
export interface StreamConsumer {
  /** What it views lives as long as the call. */
  message(message: OtherMessage): void;
  /** A relation or a type that was passed on before: to be known, not printed. */
  announce(message: OtherMessage): void;
  /** The same for a row. Returns whether it is printed: only these count for a limit. */
  change(change: RowChange): boolean;
  /**
   * Undefined: the message can be taken now. Else nothing else is handed over until the promise is fulfilled,
   * and then this message.
   */
  prepare(message: OtherMessage): Promise<void> | undefined;
  /** The same for a row in a stream block, which may hold what was done long after the block's first row. */
  prepareStreamed(change: RowChange): Promise<void> | undefined;
  /** The server is further, and has nothing for us. */
  idle?(): void;
  /**
   * Writes what came since the last flush. Undefined: written. Until a promise is fulfilled nothing else is
   * handed over. Throws or rejects when it cannot be written.
   */
  flush(): Promise<void> | undefined;
  /**
   * Makes durable what has been flushed, which is all up to `position`. Gives what of it may be confirmed now: an output
   * that has to note that down before may want to do so less often.
   */
  sync(position: Lsn): Promise<Lsn> | Lsn;
  /** A frame of the stream as it came, before its message is handed over: a capture wants it. */
  readonly frame: ((payload: Uint8Array) => void) | undefined;
}
