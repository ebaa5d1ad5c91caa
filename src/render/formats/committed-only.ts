import { WalctlError } from "../../errors.ts";
import type { MessageKind } from "../../postgres/messages/messages.ts";

type UncommittedKind = Extract<
  MessageKind,
  `stream_${string}` | `${string}prepare` | `${string}_prepared` | "abort"
>;

/** The error of formats that can neither take a printed row back nor mark it as uncommitted. */
export function committedOnly(format: string, kind: UncommittedKind): WalctlError {
  const what =
    kind === "abort" ? "rolled-back" : kind.startsWith("stream") ? "streamed" : "prepared";
  return new WalctlError(`${format} has no form for ${what} transactions`, {
    detail: "Its consumers take every row for committed, and these may still be rolled back.",
    hint: "--format ndjson shows what becomes of them.",
  });
}
