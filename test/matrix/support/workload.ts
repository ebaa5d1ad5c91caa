import type { TestServer } from "../../support/server/server.ts";
import type { Fates, Transaction } from "./fates.ts";
import type { StreamLine } from "./stream-line.ts";

/** SQL to run on a real server, and what only this SQL can tell of its lines. */
export interface Workload {
  /** Also the schema of its tables: the search_path while it is set up and run. */
  readonly name: string;
  /** The first major version that can do it. */
  readonly since?: number;
  /** Before the slots: tables and a publication whose name starts with `matrix`. */
  readonly setup: readonly string[] | ((version: number) => readonly string[]);
  /** Each text is sent by itself: several statements in one are one transaction. */
  readonly steps: readonly string[] | ((server: TestServer) => Promise<void>);
  /** Of tables whose rows are filtered, which ones a subscriber has, by `schema.table`. */
  readonly where?: Readonly<Record<string, string>>;
  /** Other schemas that its tables are in. */
  readonly schemas?: readonly string[];
  /** At least so many rows are compared with the server's own row_to_json. */
  readonly rows?: number;
  readonly check?: (outcome: Outcome) => void;
}

export interface Outcome {
  readonly version: number;
  /** The changes to the workload's own tables; messages are everybody's. */
  readonly transactions: readonly Transaction[];
  /** All lines of all workloads. */
  readonly lines: readonly StreamLine[];
  readonly fates: Fates;
}

function schemasOf(workload: Workload): readonly string[] {
  return [workload.name, ...(workload.schemas ?? [])];
}

export function tablesOf(workload: Workload): (table: string) => boolean {
  return (table) => schemasOf(workload).some((schema) => table.startsWith(`${schema}.`));
}

export async function setUp(server: TestServer, workload: Workload): Promise<void> {
  for (const schema of schemasOf(workload)) await server.sql(`CREATE SCHEMA ${quote(schema)}`);
  await enter(server, workload);
  const sql = workload.setup;
  for (const text of typeof sql === "function" ? sql(server.version) : sql) await server.sql(text);
}

export async function perform(server: TestServer, workload: Workload): Promise<void> {
  await enter(server, workload);
  const { steps } = workload;
  if (typeof steps === "function") return await steps(server);
  for (const text of steps) await server.sql(text);
}

async function enter(server: TestServer, { name }: Workload): Promise<void> {
  await server.sql(`SET search_path = ${quote(name)}, public`);
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
