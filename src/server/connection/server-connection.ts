import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import { type Channel, Login } from "./login.ts";
import { MessageGuard } from "./message-guard.ts";
import pg from "../query/pg.ts";
import type { ConnectionTarget } from "../target/target.ts";

/** The members of pg's Connection that are used here and missing in its published types. */
interface PgConnection extends EventEmitter {
  stream: Duplex;
  /** end() was called: a broken socket is no longer an error. */
  readonly _ending: boolean;
  attachListeners(source: EventEmitter): void;
  startup(settings: Readonly<Record<string, string>>): void;
  query(statement: string): void;
  sendSASLInitialResponseMessage(mechanism: string, response: string): void;
  sendSCRAMClientFinalMessage(response: string): void;
  end(): void;
}

const PgConnection = pg.Connection as unknown as new (options: {
  readonly stream: Duplex;
}) => PgConnection;

/** How long to wait for the server to close after Terminate. */
const CLOSE_GRACE_MS = 500;
/** The errors of a socket whose other side is gone. */
const GONE = new Set(["ECONNRESET", "EPIPE"]);

/**
 * pg's connection over a stream that is already connected and encrypted (dial.ts, tls.ts), with a guard before its
 * parser. pg itself does neither TCP nor TLS, and reads nothing from the environment.
 */
export class ServerConnection extends PgConnection {
  readonly #login: Login;
  readonly #guard: MessageGuard;
  readonly #settings: Readonly<Record<string, string>>;
  /** pg's parser takes this for its socket. */
  readonly #checked = new EventEmitter();
  #broken = false;

  /** @param settings the parameters of the startup message */
  constructor(
    stream: Duplex,
    target: ConnectionTarget,
    channel: Channel,
    settings: Readonly<Record<string, string>>,
  ) {
    super({ stream });
    this.#settings = settings;
    this.#login = new Login(target, channel);
    this.#guard = new MessageGuard(this.#login, (message) => this.#checked.emit("data", message));
  }

  /** pg's Client calls it, and listens for the events afterwards. */
  connect(): void {
    const { stream } = this;
    // Without this, end() would not send Terminate.
    Object.assign(this, { _connecting: true });
    this.attachListeners(this.#checked);
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    stream.on("error", (error: NodeJS.ErrnoException) => {
      const { _ending: ending } = this;
      if (!ending || !GONE.has(error.code ?? "")) this.emit("error", error);
    });
    stream.on("close", () => this.emit("end"));
    queueMicrotask(() => this.emit(stream.destroyed ? "end" : "connect"));
  }

  override startup(): void {
    super.startup(this.#settings);
  }

  override query(statement: string): void {
    this.#guard.asked(statement);
    super.query(statement);
  }

  override sendSASLInitialResponseMessage(mechanism: string, response: string): void {
    this.#login.offered(mechanism);
    super.sendSASLInitialResponseMessage(mechanism, response);
  }

  override sendSCRAMClientFinalMessage(response: string): void {
    this.#login.proven();
    super.sendSCRAMClientFinalMessage(response);
  }

  /** Does not wait for a server that does not close. */
  override end(): void {
    super.end();
    const timer = setTimeout(() => this.stream.destroy(), CLOSE_GRACE_MS);
    this.stream.once("close", () => clearTimeout(timer));
  }

  #receive(chunk: Uint8Array): void {
    if (this.#broken) return;
    try {
      this.#guard.push(chunk);
    } catch (error) {
      this.#broken = true;
      this.emit("error", error);
      this.stream.destroy();
    }
  }
}
