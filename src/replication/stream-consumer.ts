import type { OtherMessage, RowChange } from "../pgoutput/messages.ts";

/** Where messages go. */
export interface StreamConsumer {
  /** What it views lives as long as the call. */
  message(message: OtherMessage): void;
  /** The same for a row. Returns whether it is printed: only these count for a limit. */
  change(change: RowChange): boolean;
  /**
   * Undefined: the message can be taken now. Else nothing else is handed over until the promise is fulfilled,
   * and then this message.
   */
  prepare(message: OtherMessage): Promise<void> | undefined;
  /** The server is further, and has nothing for us. */
  idle?(): void;
  /**
   * Writes what came since the last flush. Undefined: written. Until a promise is fulfilled nothing else is
   * handed over. Throws or rejects when it cannot be written.
   */
  flush(): Promise<void> | undefined;
  /** Makes durable what has been flushed. Undefined: there is nothing to be done for that. */
  sync(): Promise<void> | undefined;
  /** A frame of the stream as it came, before its message is handed over: a capture wants it. */
  readonly frame: ((payload: Uint8Array) => void) | undefined;
}
