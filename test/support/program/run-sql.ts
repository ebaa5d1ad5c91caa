/** SQL run as a user would, and all rows of a database. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { TestServer } from "../server/server.ts";
import { toolPath } from "../tools/tools.ts";

interface SqlRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface SqlOptions {
  readonly database?: string;
  readonly from?: "file" | "pipe";
  /** Without it psql goes on behind an error. */
  readonly stop?: boolean;
}

export function runSql(server: TestServer, sql: string, options: SqlOptions = {}): SqlRun {
  const { database = "postgres", from = "pipe", stop = true } = options;
  const folder = mkdtempSync(join(tmpdir(), "walctl-sql-"));
  const file = join(folder, "changes.sql");
  writeFileSync(file, sql);
  const args = ["-Xq", "-d", database, ...(stop ? ["-v", "ON_ERROR_STOP=1"] : [])];
  const run = spawnSync(toolPath("psql"), from === "file" ? [...args, "-f", file] : args, {
    env: { ...process.env, ...server.env },
    ...(from === "file" ? {} : { input: sql }),
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  rmSync(folder, { recursive: true });
  return run;
}

const TABLES = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'oracle')`;

/** By table, each row as row_to_json prints it. */
export async function contentsOf(
  server: TestServer,
  database = "postgres",
): Promise<Record<string, string[]>> {
  const { host, port } = server;
  const client = new pg.Client({
    host,
    port,
    user: "postgres",
    database,
    ssl: false,
    options: " ",
  });
  await client.connect();
  try {
    await client.query("SET extra_float_digits = 3; SET DateStyle = 'ISO, MDY'");
    const contents: Record<string, string[]> = {};
    for (const { name } of (await client.query<{ name: string }>(TABLES)).rows) {
      const text = `SELECT row_to_json(whole)::text AS row FROM ${name} whole`;
      const { rows } = await client.query<{ row: string }>(text);
      contents[name] = rows.map(({ row }) => row).toSorted();
    }
    return contents;
  } finally {
    await client.end();
  }
}
