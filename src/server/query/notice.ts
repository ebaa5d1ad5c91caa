import { SqlState } from "./sqlstate.ts";

/** A NoticeResponse, as pg parses it. */
export interface Notice {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
}

/** SQLSTATE's class of warnings: the severity comes in the server's language. */
export function isWarning({ code }: Notice): boolean {
  return code?.startsWith("01") === true;
}

export function noticeText({ message, code }: Notice): string {
  return `server: ${message ?? ""} (SQLSTATE ${code ?? SqlState.successfulCompletion})`;
}
