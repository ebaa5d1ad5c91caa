import { BackendFrames } from "./backend-frames.ts";
import {
  ProtocolViolation,
  checkDataRow,
  checkRowDescription,
  checkShape,
  typeName,
} from "./backend-messages.ts";
import type { Login } from "./login.ts";

/** `login` until the server accepts the login, `startup` until it is ready, `copy` while it streams. */
type Phase = "login" | "startup" | "query" | "copy";

/** The types that each phase allows, as the letters of their formats (manual: Message Formats, Message Flow). */
const ALLOWED: Readonly<Record<Phase, string>> = {
  login: "RE",
  startup: "SKNAEZ",
  query: "TDCIZENSA",
  // A walsender that stops sends CommandComplete during the copy.
  copy: "cCENSA",
};

/**
 * Checks messages before pg's parser, which trusts everything that a server sends. It passes a message on only if it is
 * well-formed and allowed at this point.
 */
export class MessageGuard {
  readonly #login: Login;
  readonly #frames: BackendFrames;
  #phase: Phase = "login";
  /** START_REPLICATION was sent, and the server has not answered yet. */
  #copyAsked = false;
  /** The number of columns of the coming rows. Undefined if no rows are coming. */
  #columns: number | undefined;

  constructor(login: Login, deliver: (message: Buffer) => void) {
    this.#login = login;
    this.#frames = new BackendFrames({
      copyData: () => {
        throw this.#misplaced("d");
      },
      other: (bytes) => {
        const message = Buffer.from(bytes);
        this.#check(message);
        deliver(message);
      },
    });
  }

  /** @throws ProtocolViolation, or an error of the login */
  push(chunk: Uint8Array): void {
    this.#frames.push(chunk);
  }

  /** Call it when a statement is sent. */
  asked(statement: string): void {
    this.#copyAsked = statement.startsWith("START_REPLICATION ");
  }

  #check(message: Buffer): void {
    const type = String.fromCharCode(message[0] ?? 0);
    const copyStarts = type === "W" && this.#phase === "query" && this.#copyAsked;
    if (!copyStarts && !ALLOWED[this.#phase].includes(type)) throw this.#misplaced(type);
    if (type === "R") this.#login.request(message);
    else if (type === "T") this.#columns = checkRowDescription(message);
    else if (type === "D") this.#checkRow(message);
    else checkShape(message);
    this.#proceed(type);
  }

  #checkRow(message: Buffer): void {
    if (this.#columns === undefined) throw this.#misplaced("D");
    checkDataRow(message, this.#columns);
  }

  #proceed(type: string): void {
    if ("CEZI".includes(type)) this.#columns = undefined;
    if ("WEZ".includes(type)) this.#copyAsked = false;
    if (this.#phase === "login" && this.#login.accepted) this.#phase = "startup";
    else if (this.#phase === "startup" && type === "Z") this.#phase = "query";
    else if (type === "W") this.#phase = "copy";
    else if (this.#phase === "copy" && "cE".includes(type)) this.#phase = "query";
  }

  #misplaced(type: string): ProtocolViolation {
    const where = {
      login: "where an authentication request has to come",
      startup: "before it was ready",
      query: "where no such message belongs",
      copy: "in the middle of a stream",
    }[this.#phase];
    return new ProtocolViolation(`a message of type ${typeName(type.charCodeAt(0))} ${where}`);
  }
}
