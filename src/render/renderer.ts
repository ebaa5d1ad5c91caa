import type { PgoutputMessage } from "../postgres/messages/messages.ts";

/** Turns messages into bytes to print. NDJSON and tables each have one. */
export interface Renderer {
  /** What the message views need not live longer than the call. */
  render(message: PgoutputMessage): void;
  /** The output since the last call. The next render() may overwrite the bytes, unless keep() is called. */
  take(): Uint8Array;
  /** What take() returned last stays as it is until take() was called again. Undefined: it cannot. */
  keep?(): void;
  /** The number of bytes that take() would return, where there is keep(). */
  readonly waiting?: number;
  /** A filter left the message out. */
  leftOut?(message: PgoutputMessage): void;
  /** Damaged bytes were skipped: the open transaction and the types may not be known any more. */
  skipped?(): void;
}
