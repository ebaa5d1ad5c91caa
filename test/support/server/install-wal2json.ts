/** Brings wal2json, where Debian has it, and the server that it is for, into caches of this user's. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findTool } from "../tools/tools.ts";
import { findWal2json, wal2jsonFolder } from "./wal2json-plugin.ts";

/** Of Debian 13 and of Debian 12. */
const VERSIONS = [17, 15];

/** Without it the tests compare with what it printed on another machine, so that it may fail. */
export function installWal2json(): void {
  if (findWal2json() !== undefined) return;
  if (findTool("apt-get") === undefined || findTool("dpkg-deb") === undefined) return;
  const isFound =
    VERSIONS.some(unpack) || (run("apt-get", ["update", "-qq"]) && VERSIONS.some(unpack));
  if (!isFound)
    console.error("wal2json is not to be had here: the tests compare with its goldens only.");
}

function unpack(version: number): boolean {
  const folder = wal2jsonFolder(version);
  mkdirSync(folder, { recursive: true });
  // Unpacked and not installed: what is on the machine stays as it is.
  if (!run("apt-get", ["download", "-qq", `postgresql-${version}-wal2json`], folder)) return false;
  const archive = readdirSync(folder).find((name) => name.endsWith(".deb"));
  if (archive === undefined || !run("dpkg-deb", ["-x", join(folder, archive), folder]))
    return false;
  const installer = fileURLToPath(new URL("install-postgres.js", import.meta.url));
  const env = { ...process.env, WALCTL_TEST_VERSIONS: String(version) };
  return run(process.execPath, [installer], undefined, env);
}

function run(
  program: string,
  args: readonly string[],
  cwd?: string,
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  // Standard output is the tests'.
  return spawnSync(program, args, { cwd, env, stdio: ["ignore", 2, 2] }).status === 0;
}
