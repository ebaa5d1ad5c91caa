/** inspect against pg_waldump of the same version, on the same files. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROGRAM } from "../support/program/cli.ts";
import { type ServerVersion, startServer } from "../support/server/server.ts";
import { toolPath } from "../support/tools/tools.ts";
import { waldumpOf } from "../wal/support/oracles.ts";
import { run } from "./measure.ts";
import { type Contender, type Result, inTurn } from "./rounds.ts";

const GIGABYTE = 1024 ** 3;
const START = "0/1000028";
const SETTINGS = {
  wal_level: "replica",
  full_page_writes: "on",
  synchronous_commit: "off",
  max_wal_size: "32GB",
  wal_keep_size: "32GB",
  checkpoint_timeout: "1h",
  shared_buffers: "256MB",
};

interface Log {
  readonly folder: string;
  /** The start of its last record. */
  readonly end: string;
}

export interface WalBenchOptions {
  readonly version: ServerVersion;
  /** 1: a gigabyte. */
  readonly scale: number;
  readonly rounds: number;
  readonly against: string | undefined;
  readonly wanted: (tool: string) => boolean;
}

export async function benchWal(options: WalBenchOptions): Promise<readonly Result[]> {
  const { version, scale, rounds, against, wanted } = options;
  const waldump = waldumpOf(version);
  if (waldump === undefined) {
    console.log(`inspect is left out: there is no pg_waldump ${version}.`);
    return [];
  }
  const root = mkdtempSync(join(tmpdir(), "walctl-bench-wal-"));
  try {
    const log = await write(version, scale * GIGABYTE, join(root, "pg_wal"));
    const dump = [waldump, "-p", log.folder, "-s", START, "-e", log.end];
    const inspect = (program: string): readonly string[] => [
      process.execPath,
      program,
      "inspect",
      "-q",
      log.folder,
    ];
    const programs = [
      ["inspect", PROGRAM],
      ...(against === undefined ? [] : [["inspect-against", against]]),
    ] as const;
    const contenders: Contender[] = [
      contender("pg_waldump --stats", "pg_waldump --stats", [...dump, "--stats=record"]),
      ...programs.map(([name = "", program = ""]) =>
        contender(`${name} --stats`, "pg_waldump --stats", [...inspect(program), "--stats"]),
      ),
      contender("pg_waldump", "pg_waldump", dump),
      ...programs.map(([name = "", program = ""]) =>
        contender(name, "pg_waldump", inspect(program)),
      ),
    ];
    const chosen = contenders.filter(({ name }) => wanted(name));
    return chosen.length === 0 ? [] : await inTurn("WAL", chosen, rounds);
  } finally {
    rmSync(root, { recursive: true });
  }
}

function contender(name: string, reference: string, argv: readonly string[]): Contender {
  return { name, reference, run: async () => await run({ argv }) };
}

/** pgbench until there is as much of it. */
async function write(version: ServerVersion, bytes: number, folder: string): Promise<Log> {
  const server = await startServer({ version, settings: SETTINGS });
  try {
    const env = { ...process.env, ...server.env };
    const pgbench = (...args: readonly string[]): void => {
      execFileSync(toolPath("pgbench"), args, { env, stdio: "ignore" });
    };
    pgbench("-i", "-s", "10", "-q");
    for (let written = 0; written < bytes;) {
      pgbench("-c", "4", "-t", "5000", "-n");
      const [row] = await server.sql<{ bytes: string }>(
        "SELECT pg_current_wal_lsn() - '0/0' AS bytes",
      );
      written = Number(row?.bytes);
    }
    const [row] = await server.sql<{ end: string }>(
      "SELECT pg_current_wal_flush_lsn()::text AS end",
    );
    await server.stop();
    cpSync(join(server.host, "data", "pg_wal"), folder, { recursive: true });
    return { folder, end: row?.end ?? "" };
  } finally {
    await server.dispose();
  }
}
