import type { Lsn } from "../../lsn.ts";
import { pgTimeFromUnixMs } from "../../pg-time.ts";
import { encodeStandbyStatusUpdate } from "../delivery/frame.ts";
import { ofConsumer } from "../start/consumer.ts";
import type { StreamState } from "../start/state.ts";

interface Connection {
  readonly send: (statusUpdate: Uint8Array) => void;
  readonly fail: (error: unknown) => void;
}

/** Reports what was received, written and made durable (StandbyStatusUpdate), even while a write is blocked. */
export class Acknowledger {
  readonly #state: StreamState;
  readonly #connection: Connection;
  #syncing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #askForReply = false;
  #closed = false;

  constructor(state: StreamState, connection: Connection) {
    this.#state = state;
    this.#connection = connection;
  }

  /** Call it when everything up to the mark is written. */
  written(mark: Lsn, ends: number): void {
    const { feedback, ledger } = this.#state;
    ledger.write(mark, ends);
    if (this.#closed || this.#timer !== undefined) return;
    const dueInMs = feedback.dueInMs(ledger.written, performance.now());
    if (dueInMs === 0) this.confirm();
    else if (dueInMs !== undefined) this.#timer = setTimeout(() => this.confirm(), dueInMs);
  }

  /** Makes the next status ask the server for a reply. */
  askForReply(): void {
    this.#askForReply = true;
  }

  /** Makes durable what was written, then sends a status that confirms it. */
  confirm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#syncing !== undefined) return;
    const { confirmed, consumer, ledger } = this.#state;
    if (confirmed !== undefined) return this.sendStatus();
    const { written } = ledger;
    let syncing: Promise<Lsn> | Lsn;
    try {
      syncing = ofConsumer(() => consumer.sync(written));
    } catch (error) {
      return this.#connection.fail(error);
    }
    if (syncing instanceof Promise) this.#syncing = this.#confirmDurable(syncing);
    else {
      ledger.deliver(syncing);
      this.sendStatus();
    }
  }

  /** Confirms everything that is written, however long that takes: fsync of gigabytes does. */
  async syncAll(): Promise<void> {
    await this.#syncing;
    this.confirm();
    await this.#syncing;
  }

  /** Call it at least once in each status interval: a sync on a network file system may take very long. */
  signOfLife(): void {
    if (this.#syncing === undefined) this.confirm();
    else this.sendStatus();
  }

  /** Sends the current status without waiting for anything. */
  sendStatus(): void {
    const { feedback, ledger } = this.#state;
    const status = {
      ...feedback.status(ledger, performance.now()),
      replyRequested: this.#askForReply,
    };
    this.#askForReply = false;
    this.#connection.send(encodeStandbyStatusUpdate(status, pgTimeFromUnixMs(Date.now())));
  }

  /** From now on only confirm() confirms anything. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #confirmDurable(syncing: Promise<Lsn>): Promise<void> {
    try {
      this.#state.ledger.deliver(await syncing);
      this.sendStatus();
    } catch (error) {
      this.#connection.fail(error);
    } finally {
      this.#syncing = undefined;
    }
  }
}
