import type { Client } from "pg";
import { WalctlError } from "../../errors.ts";
import { connectBeside, disconnect } from "../connection/connect.ts";
import { sqlStateOf } from "../query/server-errors.ts";
import { queryRows } from "../query/statement.ts";
import { reasonOf } from "./errors.ts";
import type { ConnectionTarget } from "../target/target.ts";
import { SqlState } from "../query/sqlstate.ts";

/** A shorter pause in reading is no stall. During a stall the server is asked this often. */
const LOOK_MS = 1000;
/** A walsender that has not been seen for so long may be in any state. */
const UNSEEN_MS = 2500;

/** The wait event of a walsender that sends its last message. While it streams, it is WalSenderWriteData. */
const LAST_WORDS = "ClientWrite";
/** The server is stopping, or has crashed. */
const STOPPING: ReadonlySet<string> = new Set([
  SqlState.adminShutdown,
  SqlState.crashShutdown,
  SqlState.cannotConnectNow,
]);
const NO_PLACE = SqlState.tooManyConnections;

interface WatchedStream {
  readonly target: ConnectionTarget;
  /** The walsender's. */
  readonly pid: number;
  /** The server waits for us to read. */
  readonly onServerWaits: (reason: string) => void;
  /** The walsender cannot be seen, so it is not known whether the server waits. Called again while that lasts. */
  readonly onUnseen: (reason: string) => void;
}

/**
 * Watches the server while the stream's socket is not read. A walsender that has to end (pg_terminate_backend, a
 * checkpoint that has to invalidate the slot) sends its last message first, and waits for ever to do so, since our
 * feedback keeps it from giving us up; a server that stops waits until we have received all that it sent. The socket
 * shows neither, so another connection asks.
 *
 * That one is a replication connection too: idle, it is sent away when the server stops, where an ordinary one would
 * hold up a smart stop. Where max_wal_senders allows no more, it is an ordinary one that is closed after each question.
 */
export class StallWatch {
  readonly #stream: WatchedStream;
  #timer: NodeJS.Timeout | undefined;
  #client: Client | undefined;
  #looking = false;
  #seenMs = 0;
  #unseenBecause = "it does not answer";

  constructor(stream: WatchedStream) {
    this.#stream = stream;
  }

  /** The socket is not read from now on. */
  begin(): void {
    if (this.#timer !== undefined) return;
    this.#seenMs = performance.now();
    this.#timer = setInterval(() => this.#tick(), LOOK_MS);
  }

  /** It is read again. */
  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#close();
  }

  #tick(): void {
    if (performance.now() - this.#seenMs >= UNSEEN_MS) this.#stream.onUnseen(this.#unseenBecause);
    void this.#look();
  }

  async #look(): Promise<void> {
    if (this.#looking || this.#timer === undefined) return;
    this.#looking = true;
    const stall = this.#timer;
    const { onServerWaits } = this.#stream;
    try {
      const waitsFor = await this.#ask();
      if (this.#timer !== stall) return;
      if (waitsFor === LAST_WORDS) onServerWaits("it has ended the session");
      else this.#seenMs = performance.now();
    } catch (error) {
      if (this.#timer !== stall) return;
      this.#unseenBecause = reasonOf(error);
      if (STOPPING.has(sqlStateOf(error) ?? "")) onServerWaits("it is stopping");
    } finally {
      this.#looking = false;
      // It may have been opened after the stall was over.
      if (this.#timer === undefined) this.#close();
    }
  }

  /**
   * What the walsender waits for; null: for nothing.
   * @throws when there is no answer, or none about our walsender
   */
  async #ask(): Promise<string | null> {
    const client = this.#client ?? (await this.#open());
    try {
      return await readWaitEvent(client, this.#stream.pid);
    } finally {
      if (client !== this.#client) await disconnect(client);
    }
  }

  async #open(): Promise<Client> {
    const { target } = this.#stream;
    let client: Client;
    try {
      client = await connectBeside(target, "logical");
    } catch (error) {
      if (sqlStateOf(error) !== NO_PLACE) throw error;
      return await connectBeside(target, "ordinary");
    }
    client.once("end", () => {
      if (this.#client !== client) return;
      this.#client = undefined;
      // A stopping server sends it away, and tells the next one why.
      void this.#look();
    });
    this.#client = client;
    return client;
  }

  #close(): void {
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) void disconnect(client);
  }
}

async function readWaitEvent(client: Client, pid: number): Promise<string | null> {
  // state is null for sessions that the role may not see.
  const [row] = await queryRows<{ wait_event: string | null }>(
    client,
    `SELECT wait_event FROM pg_catalog.pg_stat_activity WHERE pid = ${pid} AND state IS NOT NULL`,
    "see what the walsender waits for",
  );
  if (row === undefined) throw new WalctlError(`pg_stat_activity does not show process ${pid}`);
  return row.wait_event;
}
