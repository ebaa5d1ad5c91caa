import type pg from "pg";
import type { Duplex } from "node:stream";
import type { ByteReader } from "../../postgres/bytes/reader.ts";
import { BackendFrames, type Verdict } from "../connection/backend-frames.ts";
import { ReadPace, nap } from "../connection/read-pace.ts";
import { WalSocket } from "../connection/socket.ts";
import { deferred } from "../connection/within.ts";

/** The members of pg's Connection that are missing in its published types. */
interface PgConnection {
  readonly stream: Duplex;
  once(event: "replicationStart", listener: () => void): void;
  query(statement: string): void;
  sendCopyFromChunk(payload: Buffer): void;
  endCopyFrom(): void;
}

export interface CopyBothReceiver {
  /** The server has accepted the statement (CopyBothResponse). */
  started(): void;
  /** See FrameReceiver. */
  copyData(payload: ByteReader): Verdict;
  /** All frames from one read of the socket have been received, or one is held. */
  readDone(): void;
}

type DataListener = (chunk: Buffer) => void;

/**
 * The copy-both mode of a walsender (manual: Streaming Replication Protocol, START_REPLICATION), on a connection that
 * pg has opened. It reads the socket in place of pg's parser, which creates an object for each message, and passes to
 * that parser everything except CopyData: errors, notices and the end are thus reported through pg.
 */
export class CopyBoth implements pg.Submittable {
  readonly #statement: string;
  readonly #receiver: CopyBothReceiver;
  readonly #frames: BackendFrames;
  readonly #pace = new ReadPace();
  #connection: PgConnection | undefined;
  #parsers: readonly DataListener[] = [];
  readonly #ended = deferred();

  constructor(statement: string, receiver: CopyBothReceiver) {
    this.#statement = statement;
    this.#receiver = receiver;
    this.#frames = new BackendFrames({
      copyData: (payload) => receiver.copyData(payload),
      other: (message) => {
        for (const parse of this.#parsers) parse(Buffer.from(message));
      },
    });
  }

  /** Rejected if the statement failed or the connection was lost, fulfilled if the copy ended normally. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Sends a CopyData payload. */
  send(payload: Uint8Array): void {
    if (this.#connection?.stream.writable === true)
      this.#connection.sendCopyFromChunk(Buffer.from(payload));
  }

  /** Sends CopyDone: the server ends the copy too, and `ended` is fulfilled. */
  finish(): void {
    if (this.#connection?.stream.writable === true) this.#connection.endCopyFrom();
  }

  /** Stops reading the socket, so that the server has to wait. */
  pause(): void {
    this.#connection?.stream.pause();
  }

  resume(): void {
    this.#connection?.stream.resume();
  }

  /** Continues behind the held payload, with the bytes that were already read. */
  proceed(): void {
    this.#receive(undefined);
  }

  /** pg calls it when the connection is free. */
  submit(connection: unknown): void {
    const own = connection as PgConnection;
    this.#connection = own;
    this.#parsers = own.stream.listeners("data") as DataListener[];
    own.stream.removeAllListeners("data");
    if (own.stream instanceof WalSocket) own.stream.receiver = (chunk) => this.#read(chunk);
    else own.stream.on("data", (chunk: Buffer) => nap(this.#read(chunk)));
    own.once("replicationStart", () => this.#receiver.started());
    own.query(this.#statement);
  }

  /** Returns how long the next read should wait, in milliseconds. */
  #read(chunk: Buffer): number {
    this.#receive(chunk);
    return this.#pace.napMs(chunk.length, performance.now());
  }

  /** @param chunk undefined: continue with what was held back */
  #receive(chunk: Buffer | undefined): void {
    try {
      if (chunk === undefined) this.#frames.proceed();
      else this.#frames.push(chunk);
    } catch (error) {
      this.#ended.reject(error);
      this.#connection?.stream.destroy();
    }
    this.#receiver.readDone();
  }

  handleError(error: Error): void {
    this.#ended.reject(error);
  }

  handleReadyForQuery(): void {
    this.#ended.resolve();
  }

  handleCommandComplete(): void {}
}
