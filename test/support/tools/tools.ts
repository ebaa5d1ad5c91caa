/** Programs that are not npm's: psql, pg_recvlogical, pgbench, tmux, jq. */
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Debian's own programs come before what is on the PATH there, a script that looks for the right version. */
export function findTool(program: string): string | undefined {
  const folders = versionFolders().concat(
    (process.env["PATH"] ?? "").split(delimiter),
    "/usr/sbin",
  );
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

/** The path of a tool that `npm test` has seen to. */
export function toolPath(program: string): string {
  const path = findTool(program);
  if (path === undefined) throw new Error(`${program} is missing; npm run pretest brings it`);
  return path;
}

function versionFolders(): string[] {
  const root = "/usr/lib/postgresql";
  if (!existsSync(root)) return [];
  const newestFirst = readdirSync(root).toSorted((a, b) => Number(b) - Number(a));
  return newestFirst.map((version) => join(root, version, "bin"));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
