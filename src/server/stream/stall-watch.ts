import type { Client } from "pg";
import { WalctlError } from "../../errors.ts";
import { connectBeside, disconnect } from "../connection/connect.ts";
import { causeOf } from "../query/causes.ts";
import { sqlStateOf } from "../query/server-errors.ts";
import { queryRows } from "../query/statement.ts";
import { reasonOf } from "./errors.ts";
import type { ConnectionTarget } from "../target/target.ts";
import { SqlState } from "../query/sqlstate.ts";

/** A shorter pause in reading is not a stall. During a stall the server is queried this often. */
const LOOK_MS = 1000;
/** A walsender that was not seen for this long may be in any state. */
const UNSEEN_MS = 2500;

/** The wait event of a walsender that sends its last message. While it streams, the event is WalSenderWriteData. */
const SENDS_LAST_MESSAGE = "ClientWrite";
const NO_PLACE = SqlState.tooManyConnections;

interface WatchedStream {
  readonly target: ConnectionTarget;
  /** The walsender's process id. */
  readonly pid: number;
  /** Called when the server waits for us to read. */
  readonly onServerWaits: (reason: string) => void;
  /**
   * Called when the walsender cannot be seen, so it is not known whether the server waits. Repeated while that lasts.
   */
  readonly onUnseen: (reason: string) => void;
}

/**
 * Watches the server while the stream's socket is not read. A walsender that has to end (pg_terminate_backend, or a
 * checkpoint that invalidates its slot) first sends its last message, and waits for ever to do so, since our feedback
 * keeps its timeout from expiring. A server that stops waits until we have received everything it sent. The socket
 * shows neither, so another connection queries the walsender's state.
 *
 * That connection is a replication connection too: when the server stops, it ends an idle replication connection, while
 * an ordinary one would delay a smart shutdown. If max_wal_senders allows no more, an ordinary one is used and closed
 * after each query.
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

  /** Call it when reading of the socket pauses. */
  begin(): void {
    if (this.#timer !== undefined) return;
    this.#seenMs = performance.now();
    this.#timer = setInterval(() => this.#tick(), LOOK_MS);
  }

  /** Call it when the socket is read again. */
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
      if (waitsFor === SENDS_LAST_MESSAGE) onServerWaits("it has ended the session");
      else this.#seenMs = performance.now();
    } catch (error) {
      if (this.#timer !== stall) return;
      this.#unseenBecause = reasonOf(error);
      if (causeOf(error) === "stopping") onServerWaits("it is stopping");
    } finally {
      this.#looking = false;
      // It may have been opened after the stall was over.
      if (this.#timer === undefined) this.#close();
    }
  }

  /**
   * The walsender's wait event; null if it waits for nothing.
   * @throws if there is no answer, or none about our walsender
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
      // A stopping server ended the connection; it tells the next one why.
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
