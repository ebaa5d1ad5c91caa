/** The server that is measured, with the workloads in its log, each behind a slot of its own. */
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { formatLsn } from "../../src/lsn.ts";
import { PgoutputDecoder } from "../../src/postgres/messages/decoder.ts";
import { PROGRAM } from "../support/program/cli.ts";
import { type ServerVersion, type TestServer, startServer } from "../support/server/server.ts";
import { type Workload, scaled } from "./workloads.ts";

/** Its row is the last of each workload, so that every tool can tell where to end. */
export const END_TABLE = "bench_end";

/** From when a walsender has let go of its slot to when the postmaster has heard of its end: more than enough. */
const WALSENDER_END_MS = 100;
const SEGMENT = /^[0-9A-F]{24}$/;

/** A workload that is in the log. */
export interface Prepared {
  readonly workload: Workload;
  readonly publication: string;
  /** Where the last commit ends. */
  readonly endLsn: string;
  readonly slot: string;
  /** Undefined: the server has no wal2json. */
  readonly wal2jsonSlot: string | undefined;
  /** The arguments with which decode-file reads the same transactions out of WAL. */
  readonly fromWal: readonly string[];
}

export interface BenchServerOptions {
  readonly version: ServerVersion;
  /** A folder with wal2json.so in it; the server's own is always looked into. */
  readonly wal2jsonFolder: string | undefined;
}

export class BenchServer {
  readonly server: TestServer;
  /** The server has the plugin. */
  readonly wal2json: boolean;
  #copies = 0;

  private constructor(server: TestServer, wal2json: boolean) {
    this.server = server;
    this.wal2json = wal2json;
  }

  static async start({ version, wal2jsonFolder }: BenchServerOptions): Promise<BenchServer> {
    const server = await startServer({
      version,
      tcp: true,
      settings: {
        max_wal_size: "32GB",
        checkpoint_timeout: "1h",
        max_replication_slots: "64",
        max_wal_senders: "16",
        autovacuum: "off",
        shared_buffers: "256MB",
        ...(wal2jsonFolder === undefined
          ? {}
          : { dynamic_library_path: `${wal2jsonFolder}:$libdir` }),
      },
    });
    await server.sql(`CREATE TABLE ${END_TABLE} (id bigint PRIMARY KEY)`);
    return new BenchServer(server, await hasPlugin(server, "wal2json"));
  }

  /** The libpq environment of a client that comes over TCP, or over the socket. */
  env(transport: "unix" | "tcp"): Readonly<Record<string, string>> {
    const { env } = this.server;
    return transport === "unix" ? env : { ...env, PGHOST: "127.0.0.1", PGSSLMODE: "disable" };
  }

  async prepare(workload: Workload, scale: number): Promise<Prepared> {
    const { server } = this;
    const name = workload.name.toLowerCase();
    const publication = `bench_${name}`;
    const size = scaled(workload, scale);
    await server.sql(workload.setup(size));
    await server.sql(`CREATE PUBLICATION ${publication} FOR TABLE ${name}, ${END_TABLE}`);
    await this.#createSlot(publication, "pgoutput");
    const wal2jsonSlot = this.wal2json ? `${publication}_wal2json` : undefined;
    if (wal2jsonSlot !== undefined) await this.#createSlot(wal2jsonSlot, "wal2json");
    await server.sql("SET synchronous_commit = off");
    await server.sql(workload.fill(size));
    await server.sql("SET synchronous_commit = on");
    const endLsn = await this.#markEnd(publication);
    const fromWal = await this.#fromWal(publication, endLsn);
    return { workload, publication, endLsn, slot: publication, wal2jsonSlot, fromWal };
  }

  /** Gives `body` a copy of the slot to use up, and tells what CPU time the server took meanwhile, in seconds. */
  async withCopy<Result>(
    slot: string,
    body: (copy: string) => Promise<Result>,
  ): Promise<{ result: Result; serverCpuS: number }> {
    const copy = `bench_copy_${++this.#copies}`;
    await this.server.sql(`SELECT pg_copy_logical_replication_slot('${slot}', '${copy}')`);
    const before = this.#endedChildrenCpuS();
    try {
      const result = await body(copy);
      await this.#untilFree(copy);
      await sleep(WALSENDER_END_MS);
      return { result, serverCpuS: this.#endedChildrenCpuS() - before };
    } finally {
      await this.#untilFree(copy);
      await this.server.sql(`SELECT pg_drop_replication_slot('${copy}')`);
    }
  }

  async dispose(): Promise<void> {
    await this.server.dispose();
  }

  /** From the slot's position on, by a catalogue of now. */
  async #fromWal(slot: string, endLsn: string): Promise<readonly string[]> {
    const { server } = this;
    const catalog = join(server.host, `${slot}.catalog`);
    const env = { ...process.env, ...server.env };
    execFileSync(process.execPath, [PROGRAM, "catalog", "-q", "-o", catalog], { env });
    const [row] = await server.sql<{ start: string; segment: string }>(
      `SELECT confirmed_flush_lsn::text AS start, pg_walfile_name(restart_lsn) AS segment
         FROM pg_replication_slots WHERE slot_name = '${slot}'`,
    );
    const { segment = "", start = "" } = row ?? {};
    const folder = join(server.host, "data", "pg_wal");
    const segments = readdirSync(folder).filter((name) => SEGMENT.test(name) && name >= segment);
    const paths = segments.map((name) => join(folder, name));
    return ["--catalog", catalog, "--startpos", start, "--endpos", endLsn, ...paths];
  }

  async #createSlot(name: string, plugin: string): Promise<void> {
    await this.server.sql(`SELECT pg_create_logical_replication_slot('${name}', '${plugin}')`);
  }

  /** Commits the end row, and learns from a slot that is made for nothing else where that commit ends. */
  async #markEnd(publication: string): Promise<string> {
    const { server } = this;
    await this.#createSlot("bench_mark", "pgoutput");
    await server.sql(`INSERT INTO ${END_TABLE} SELECT coalesce(max(id), 0) + 1 FROM ${END_TABLE}`);
    const messages = await server.sql<{ data: Buffer }>(
      `SELECT data FROM pg_logical_slot_peek_binary_changes('bench_mark', NULL, NULL,
         'proto_version', '1', 'publication_names', '${publication}')`,
    );
    await server.sql("SELECT pg_drop_replication_slot('bench_mark')");
    const decoder = new PgoutputDecoder();
    for (const { data } of messages) {
      const message = decoder.decode(data);
      if (message.kind === "commit") return formatLsn(message.endLsn);
    }
    throw new Error("the end row did not come");
  }

  async #untilFree(slot: string): Promise<void> {
    for (;;) {
      const [row] = await this.server.sql<{ active: boolean }>(
        `SELECT active FROM pg_replication_slots WHERE slot_name = '${slot}'`,
      );
      if (row?.active !== true) return;
      await sleep(20);
    }
  }

  /** A walsender's CPU time is added to the postmaster's once it has ended (proc(5), cutime and cstime). */
  #endedChildrenCpuS(): number {
    try {
      const text = readFileSync(`/proc/${this.server.pid}/stat`, "utf8");
      const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
      return (Number(fields[13]) + Number(fields[14])) / 100;
    } catch {
      return Number.NaN;
    }
  }
}

async function hasPlugin(server: TestServer, plugin: string): Promise<boolean> {
  try {
    await server.sql(`SELECT pg_create_logical_replication_slot('probe', '${plugin}', true)`);
    await server.sql("SELECT pg_drop_replication_slot('probe')");
    return true;
  } catch {
    return false;
  }
}
