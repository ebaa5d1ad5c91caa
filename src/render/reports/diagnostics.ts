import { DecodeError, WalctlError } from "../../errors.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";

/** Passwords in text that the user typed: before the @ of a URI, and after a keyword. */
const PASSWORDS =
  /(?<=\w:)[^\s"]+(?=@)|(?<=(?:password|passwd|pwd)\s*=\s*)(?:'[^']*'?|[^\s"'&;]+)/gi;

const TEXT_MAX = 2000;

/** Formats an error as PostgreSQL's clients do: message, DETAIL, HINT. */
export function renderError(error: unknown, debug: boolean): string {
  if (error instanceof WalctlError) {
    return renderLines("error", error.message, error.detail, error.hint) + trace(error, debug);
  }
  const limit = limitOf(error);
  if (limit !== undefined) {
    return renderLines("error", limit.what, undefined, limit.hint) + trace(error, debug);
  }
  const what = error instanceof Error ? error.message : String(error);
  const where = error instanceof DecodeError ? ` at byte ${error.offset}` : "";
  return (
    renderLines(
      "error",
      `internal error: ${what}${where}`,
      undefined,
      debug
        ? "This is a bug in walctl. Please report it with the lines below."
        : "This is a bug in walctl. Please report it with what WALCTL_DEBUG=1 prints.",
    ) + trace(error, debug)
  );
}

/** Limits of the system, wherever they are met: they are no bug. */
function limitOf(error: unknown): { readonly what: string; readonly hint: string } | undefined {
  const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EMFILE") {
    const hint = "ulimit -n shows how many it may open, and ulimit -n 1024 allows more.";
    return { what: "too many open files in this process (EMFILE)", hint };
  }
  if (code === "ENFILE") {
    return { what: "too many open files on this machine (ENFILE)", hint: "Try again later." };
  }
  return undefined;
}

export function renderWarning(message: string, detail?: string, hint?: string): string {
  return renderLines("warning", message, detail, hint);
}

function renderLines(
  severity: "error" | "warning",
  message: string,
  detail: string | undefined,
  hint: string | undefined,
): string {
  const lines = [`walctl: ${severity}: ${bounded(sanitizeLine(message))}`];
  if (detail !== undefined) lines.push(`DETAIL: ${bounded(sanitizeLine(detail))}`);
  if (hint !== undefined) lines.push(`HINT: ${sanitizeLine(hint)}`);
  return `${lines.join("\n").replace(PASSWORDS, "...")}\n`;
}

/** Names may come from a server or a damaged file. A hint is whole: it is pasted. */
function bounded(text: string): string {
  if (text.length <= TEXT_MAX) return text;
  return `${text.slice(0, TEXT_MAX).replace(/[\ud800-\udbff]$/, "")}…`;
}

function trace(error: unknown, debug: boolean): string {
  return debug && error instanceof Error
    ? `${(error.stack ?? "").replace(PASSWORDS, "...")}\n`
    : "";
}
