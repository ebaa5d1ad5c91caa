import type { PgoutputMessage } from "../pgoutput/messages.ts";

/** Turns messages into bytes to print. NDJSON and tables each have one. */
export interface Renderer {
  /** What the message views need not live longer than the call. */
  render(message: PgoutputMessage): void;
  /** The output since the last call. The next render() may overwrite the bytes. */
  take(): Uint8Array;
  /** Damaged bytes were skipped: the open transaction and the types may not be known any more. */
  skipped?(): void;
}
