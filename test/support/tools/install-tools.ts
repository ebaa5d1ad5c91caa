/**
 * Brings what the tests need and npm cannot. Run before the tests; does nothing when all is there.
 */
import { spawnSync } from "node:child_process";
import { installWal2json } from "../server/install-wal2json.ts";
import { findTool } from "./tools.ts";

interface Tool {
  readonly program: string;
  readonly debianPackage: string;
}

const TOOLS: readonly Tool[] = [
  { program: "tmux", debianPackage: "tmux" },
  { program: "script", debianPackage: "bsdutils" },
  { program: "jq", debianPackage: "jq" },
  { program: "sqlite3", debianPackage: "sqlite3" },
  { program: "kcat", debianPackage: "kcat" },
  { program: "zstd", debianPackage: "zstd" },
  { program: "lz4", debianPackage: "lz4" },
  { program: "logrotate", debianPackage: "logrotate" },
  { program: "systemd-analyze", debianPackage: "systemd" },
  { program: "psql", debianPackage: "postgresql-client" },
  { program: "pg_recvlogical", debianPackage: "postgresql-client" },
  { program: "pgbench", debianPackage: "postgresql-client" },
  // And with it a server that can compress with lz4 and zstd.
  { program: "pg_waldump", debianPackage: "postgresql" },
];

function missingTools(): readonly Tool[] {
  return TOOLS.filter(({ program }) => findTool(program) === undefined);
}

function apt(...args: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  // Standard output is the tests'.
  return spawnSync("apt-get", args, { env, stdio: ["ignore", 2, 2] }).status === 0;
}

function install(missing: readonly Tool[]): void {
  if (process.getuid?.() !== 0 || findTool("apt-get") === undefined) return;
  const packages = [...new Set(missing.map(({ debianPackage }) => debianPackage))];
  console.error(`Installing for the tests: ${packages.join(" ")}`);
  apt("update", "-qq");
  apt("install", "-y", "-qq", "--no-install-recommends", ...packages);
}

function main(): number {
  installWal2json();
  const missing = missingTools();
  if (missing.length === 0) return 0;
  install(missing);
  const left = missingTools();
  for (const { program, debianPackage } of left) {
    console.error(`The tests need ${program}, which is not here (Debian: ${debianPackage}).`);
  }
  return left.length === 0 ? 0 : 1;
}

process.exitCode = main();
