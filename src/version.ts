import { readFileSync } from "node:fs";

/** Ours. The manifest is as far from here as from the bundle that is made of it. */
export function readVersion(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
