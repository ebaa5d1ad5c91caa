import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import { type Channel, Login } from "./login.ts";
import { MessageGuard } from "./message-guard.ts";
import pg from "../query/pg.ts";
import type { ConnectionTarget } from "../target/target.ts";

/** What pg's Connection has and its published types do not, as far as it is used here. */
interface PgConnection extends EventEmitter {
  stream: Duplex;
  /** end() was called: that the socket breaks is no error any more. */
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

/** How long a server may take to close when we have said goodbye. */
const CLOSE_GRACE_MS = 500;
/** Errors of a socket whose other side has gone. */
const GONE = new Set(["ECONNRESET", "EPIPE"]);

/**
 * pg's connection over a stream that is there already, connected and encrypted (dial.ts, tls.ts), with a guard before
 * its parser. So pg does neither TCP nor TLS, and reads nothing from the environment.
 */
export class ServerConnection extends PgConnection {
  readonly #login: Login;
  readonly #guard: MessageGuard;
  readonly #settings: Readonly<Record<string, string>>;
  /** What pg's parser takes for its socket. */
  readonly #checked = new EventEmitter();
  #broken = false;

  /** @param settings all that the startup message asks for */
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

  /** Called by pg's Client, which listens for the events afterwards. */
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

  /** A server that does not close is not waited for. */
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
