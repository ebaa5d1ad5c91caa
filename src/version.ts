import { readFileSync } from "node:fs";

/** walctl's own version. The path works for this file and for the bundle: both are two folders below package.json. */
export function readVersion(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
