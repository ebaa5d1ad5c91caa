import type { ToUtf8 } from "./disk-reader.ts";

/** Undefined: text of that encoding is sent as it is stored. */
export function toUtf8(encoding: string): ToUtf8 | undefined {
  if (encoding === "UTF8" || encoding === "SQL_ASCII") return undefined;
  return () => undefined;
}
