import type { PgoutputMessage } from "../pgoutput/messages.ts";

/** Messages in, bytes to print out. NDJSON and tables are two of these. */
export interface Renderer {
  /** What the message views need not live longer than the call. */
  render(message: PgoutputMessage): void;
  /** What was rendered since the last call. The bytes may be overwritten by the next render(). */
  take(): Uint8Array;
  /** Something damaged was passed over: which transaction is open, and what types are, may not be known any more. */
  skipped?(): void;
}
