import { WalctlError } from "../../errors.ts";
import type { MessageKind } from "../../pgoutput/messages.ts";

/** For formats in which what was printed cannot be taken back, nor be told to wait. */
export function committedOnly(format: string, kind: MessageKind): WalctlError {
  const what =
    kind === "abort" ? "rolled-back" : kind.startsWith("stream") ? "streamed" : "prepared";
  return new WalctlError(`${format} has no form for ${what} transactions`, {
    detail: "Its consumers take every row for committed, and these may still be rolled back.",
    hint: "--format ndjson shows what becomes of them.",
  });
}
