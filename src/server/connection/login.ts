/** Decides how a server's request for authentication is answered. A password is never sent where that is forbidden. */
import { WalctlError } from "../../errors.ts";
import { MessageFields, ProtocolViolation } from "./backend-messages.ts";
import type { AuthMethod } from "../target/required-auth.ts";
import { type ConnectionTarget, describeHost } from "../target/target.ts";

/** What the login needs to know about the connection. */
export interface Channel {
  readonly encrypted: boolean;
  /** Undefined without TLS. */
  readonly clientCertificate: { readonly requested: boolean; readonly sent: boolean } | undefined;
}

/** AuthenticationRequest's codes (manual: Message Formats). */
const Request = { ok: 0, password: 3, md5: 5, sasl: 10, saslContinue: 11, saslFinal: 12 } as const;

const OTHER_METHODS: ReadonlyMap<number, string> = new Map([
  [2, "Kerberos V5"],
  [4, "crypt"],
  [6, "SCM credential"],
  [7, "GSSAPI"],
  [8, "GSSAPI"],
  [9, "SSPI"],
]);

const SCRAM = "SCRAM-SHA-256";
const SCRAM_PLUS = "SCRAM-SHA-256-PLUS";

/** `offered` and `proven`: the client's first and last SCRAM message have been sent. */
type State = "nothing" | "password" | "sasl" | "offered" | "proven" | "verified" | "accepted";

export class Login {
  readonly #target: ConnectionTarget;
  readonly #channel: Channel;
  #state: State = "nothing";
  #bound = false;

  constructor(target: ConnectionTarget, channel: Channel) {
    this.#target = target;
    this.#channel = channel;
  }

  get accepted(): boolean {
    return this.#state === "accepted";
  }

  /** Call it when the client's first SCRAM message is sent. */
  offered(mechanism: string): void {
    this.#state = "offered";
    this.#bound = mechanism === SCRAM_PLUS;
  }

  /** Call it when the client's last SCRAM message is sent. */
  proven(): void {
    this.#state = "proven";
  }

  /** @throws WalctlError if the server asks for something that must not or cannot be given */
  request(message: Buffer): void {
    const fields = new MessageFields(message);
    const code = fields.int32();
    if (code === Request.ok) this.#accept(fields);
    else if (code === Request.password) this.#askPassword("password", fields, 0);
    else if (code === Request.md5) this.#askPassword("md5", fields, 4);
    else if (code === Request.sasl) this.#askSasl(fields);
    else if (code === Request.saslContinue) this.#step("offered", "sasl");
    else if (code === Request.saslFinal) this.#step("proven", "verified");
    else throw this.#unsupported(OTHER_METHODS.get(code), code);
  }

  #step(from: State, to: State): void {
    if (this.#state !== from) throw new ProtocolViolation("an authentication message out of order");
    this.#state = to;
  }

  #askPassword(method: AuthMethod, fields: MessageFields, saltBytes: number): void {
    this.#step("nothing", "password");
    fields.skip(saltBytes);
    fields.end();
    this.#demand(method, method === "md5" ? "a hashed password" : "a cleartext password");
    if (this.#target.channelBinding === "require")
      throw this.#refused(
        "channel binding is required, and the server asks for a password without",
      );
  }

  #askSasl(fields: MessageFields): void {
    this.#step("nothing", "sasl");
    const mechanisms: string[] = [];
    for (let name = fields.string(); name !== ""; name = fields.string()) mechanisms.push(name);
    fields.end();
    this.#demand("scram-sha-256", "SASL authentication");
    const { channelBinding } = this.#target;
    const { encrypted } = this.#channel;
    const plus = mechanisms.includes(SCRAM_PLUS);
    if (plus && !encrypted)
      throw new ProtocolViolation(`an offer of ${SCRAM_PLUS} on a connection without TLS`);
    if (channelBinding === "require" && !encrypted)
      throw this.#refused("channel binding is required, and the connection has no TLS");
    if (channelBinding === "require" && !plus)
      throw this.#refused("channel binding is required, and the server does not offer it");
    const usable = plus && channelBinding !== "disable" ? [SCRAM_PLUS, SCRAM] : [SCRAM];
    if (!usable.some((mechanism) => mechanisms.includes(mechanism)))
      throw this.#unsupported(`SASL (${mechanisms.join(", ")})`, Request.sasl);
  }

  #accept(fields: MessageFields): void {
    fields.end();
    if (this.#state === "sasl" || this.#state === "offered" || this.#state === "proven")
      throw new ProtocolViolation("the end of authentication before its own proof");
    const { channelBinding, tls } = this.#target;
    if (this.#state === "nothing") this.#demand("none", "no authentication");
    if (channelBinding === "require" && !this.#bound)
      throw this.#refused("channel binding is required, and the server lets us in without");
    const certificate = this.#channel.clientCertificate;
    if (tls.certMode === "require" && certificate !== undefined) {
      if (!certificate.requested)
        throw this.#refused("sslcertmode is require, and the server did not ask for a certificate");
      if (!certificate.sent)
        throw this.#refused("sslcertmode is require, and there is no client certificate");
    }
    this.#state = "accepted";
  }

  #demand(method: AuthMethod, asked: string): void {
    const { text, allowed } = this.#target.requiredAuth;
    if (allowed.has(method)) return;
    throw this.#refused(`require_auth is "${text ?? ""}", and the server asks for ${asked}`);
  }

  #refused(why: string): WalctlError {
    return new WalctlError(`refused to log in to server at ${describeHost(this.#target)}: ${why}`, {
      detail: "No password was sent.",
    });
  }

  #unsupported(method: string | undefined, code: number): WalctlError {
    const { user, database } = this.#target;
    const what =
      method === undefined
        ? `an authentication method that is not known (code ${code})`
        : `${method} authentication`;
    return new WalctlError(
      `server at ${describeHost(this.#target)} asks for ${what}, which walctl does not have`,
      {
        hint: `A line for the role in the server's pg_hba.conf, above the one that asks for it, lets it in by password: host ${database} ${user} samenet scram-sha-256; then SELECT pg_catalog.pg_reload_conf().`,
      },
    );
  }
}
