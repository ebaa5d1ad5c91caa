/**
 * A PostgreSQL server in a temporary folder. It shares nothing with other servers on this machine and leaves nothing
 * behind.
 */
import { appendFile, rm } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { serverAccount } from "./account.ts";
import type { PostgresBinaries } from "./binaries.ts";
import { Postmaster, type StopMode } from "./postmaster.ts";
import { freePort, initialise, makeFolder, spawnOptions, usableBinaries } from "./preparation.ts";
import { Watchdog } from "./watchdog.ts";

export interface ServerOptions {
  readonly binaries: PostgresBinaries;
  /** Settings for postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Also listens on 127.0.0.1; the port number is then the socket's too. */
  readonly tcp?: boolean;
  /** Default: initdb creates the data directory. */
  readonly makeData?: typeof initialise;
  /** Aborts the set-up. */
  readonly signal?: AbortSignal;
}

const SETTINGS: Readonly<Record<string, string>> = {
  wal_level: "logical",
  // This server does not have to survive a power cut.
  fsync: "off",
  full_page_writes: "off",
  shared_buffers: "32MB",
  timezone: "UTC",
};

/** @throws WalctlError if it cannot be set up or started; nothing is left behind then */
export async function startPostgres(options: ServerOptions): Promise<PostgresServer> {
  const account = serverAccount();
  const folder = await makeFolder(account);
  const watchdog = new Watchdog(folder);
  try {
    const binaries = await usableBinaries(options.binaries, folder, account);
    const initdb = spawnOptions(binaries, folder, account);
    if (options.signal !== undefined) initdb.signal = options.signal;
    const data = await (options.makeData ?? initialise)(binaries.initdb, folder, initdb);
    options.signal?.throwIfAborted();
    const port = options.tcp === true ? await freePort() : 5432;
    const settings = {
      ...SETTINGS,
      listen_addresses: options.tcp === true ? "127.0.0.1" : "",
      port: String(port),
      unix_socket_directories: folder,
      ...options.settings,
    };
    await appendFile(join(data, "postgresql.conf"), configuration(settings));
    const postmaster = new Postmaster(
      folder,
      binaries.postgres,
      spawnOptions(binaries, folder, account),
    );
    const server = new PostgresServer(folder, port, postmaster, watchdog);
    await server.start();
    return server;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    await watchdog.end();
    throw error;
  }
}

/** `name = 'value'` lines (manual: Setting Parameters). If a name occurs more than once, the last line counts. */
function configuration(settings: Readonly<Record<string, string>>): string {
  const line = ([name, value]: [string, string]): string =>
    `${name} = '${value.replaceAll("'", "''")}'\n`;
  return Object.entries(settings).map(line).join("");
}

export class PostgresServer {
  /** The folder of all its files, including its socket. */
  readonly folder: string;
  readonly port: number;
  readonly #postmaster: Postmaster;
  readonly #watchdog: Watchdog;

  constructor(folder: string, port: number, postmaster: Postmaster, watchdog: Watchdog) {
    this.folder = folder;
    this.port = port;
    this.#postmaster = postmaster;
    this.#watchdog = watchdog;
  }

  /** The postmaster's process id; undefined if it is not running. */
  get pid(): number | undefined {
    return this.#postmaster.pid;
  }

  /** Connects as its superuser; the caller ends the connection. */
  async connect(): Promise<pg.Client> {
    const client = new pg.Client({
      host: this.folder,
      port: this.port,
      user: "postgres",
      database: "postgres",
      // Without these pg reads PGSSLMODE and PGOPTIONS, which are for other servers.
      ssl: false,
      options: " ",
    });
    // When the server goes away, the next statement fails. Without a listener the process would end.
    client.on("error", () => {});
    await client.connect();
    return client;
  }

  /** Starts the server if it is not running, and waits until it accepts connections. */
  async start(): Promise<void> {
    await this.#postmaster.start((pid) => this.#watchdog.watch(pid));
  }

  /** Waits until the server has ended. A smart stop waits for its clients to leave, a fast one disconnects them. */
  async stop(mode: StopMode = "fast"): Promise<void> {
    await this.#postmaster.stop(mode);
  }

  async restart(mode: StopMode = "fast"): Promise<void> {
    await this.stop(mode);
    await this.start();
  }

  /** Simulates a crash: kills all its processes at once. */
  async kill(): Promise<void> {
    await this.#postmaster.kill();
  }

  /** Ends the server and removes its folder. */
  async dispose(): Promise<void> {
    await this.#postmaster.stop("immediate");
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
    await this.#watchdog.end();
  }

  /** Leaves the server running when this process ends. */
  async leave(): Promise<void> {
    await this.#watchdog.release();
  }
}
