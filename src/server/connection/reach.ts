/** From a target to a session: its places, the addresses of each, with and without TLS, each in libpq's order. */
import { type NetConnectOpts, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionKind, sessionSettings } from "../query/session-settings.ts";
import { ConnectTimeout, Deadline, addressesOf, dial, offersTls } from "./dial.ts";
import { HandshakeFailed, NoTls, TlsWanted } from "./tls-errors.ts";
import type { Channel } from "./login.ts";
import { passwordFor } from "../target/password.ts";
import pg from "../query/pg.ts";
import { type Place, isSocket } from "../target/places.ts";
import { type Failure, connectErrors, sqlStateOf } from "../query/server-errors.ts";
import { ServerConnection } from "./server-connection.ts";
import { WrongSession, requireSession } from "./session-attrs.ts";
import { shuffled } from "../target/shuffle.ts";
import { WalSocket } from "./socket.ts";
import {
  type ConnectionTarget,
  type SessionAttrs,
  type SslMode,
  targetAt,
} from "../target/target.ts";
import { SqlState } from "../query/sqlstate.ts";

/** These take about a second; without a limit a server could keep us busy for an hour. */
const SCRAM_ITERATIONS_MAX = 4_000_000;

export interface Reached {
  readonly client: pg.Client;
  readonly place: Place;
}

/**
 * The first place that can be reached and has the session that is wanted (manual: Specifying Multiple Hosts).
 * @throws WalctlError
 */
export async function reachAny(target: ConnectionTarget, kind: ConnectionKind): Promise<Reached> {
  const places = target.randomOrder ? shuffled(target.places) : target.places;
  const failures: Failure[] = [];
  for (const attrs of passes(target.sessionAttrs)) {
    for (const place of places) {
      const client = await reachPlace(targetAt(target, place), kind, place, attrs, failures);
      if (client !== undefined) return { client, place };
    }
  }
  throw connectErrors(failures);
}

function passes(attrs: SessionAttrs): readonly SessionAttrs[] {
  return attrs === "prefer-standby" ? ["standby", "any"] : [attrs];
}

/** Undefined, with one more failure, where the next place may do better. */
async function reachPlace(
  target: ConnectionTarget,
  kind: ConnectionKind,
  place: Place,
  attrs: SessionAttrs,
  failures: Failure[],
): Promise<pg.Client | undefined> {
  try {
    let last: unknown;
    for (const address of await addressesOf(place, target)) {
      try {
        return await reachAddress({ target, kind, place, address, attrs });
      } catch (error) {
        if (!mayTryNext(error)) throw error;
        last = error;
      }
    }
    throw last;
  } catch (error) {
    const failure = { error, target };
    // What the server itself decided another one would not change: a wrong password, say.
    if (!mayTryNext(error)) throw connectErrors([failure]);
    failures.push(failure);
    return undefined;
  }
}

/** As libpq: nobody there, nobody yet, not the session that is wanted. A wrong password stays one elsewhere. */
function mayTryNext(error: unknown): boolean {
  if (error instanceof WrongSession) return true;
  const code = sqlStateOf(error);
  return code === undefined ? isNetworkError(error) : code === SqlState.cannotConnectNow;
}

/** Node.js' own, of sockets and name look-ups. */
function isNetworkError(error: unknown): boolean {
  return error instanceof Error && (error instanceof ConnectTimeout || "syscall" in error);
}

interface Attempt {
  readonly target: ConnectionTarget;
  readonly kind: ConnectionKind;
  readonly place: Place;
  readonly address: NetConnectOpts;
  readonly attrs: SessionAttrs;
}

/** With sslmode prefer or allow the other way is tried where TLS, or pg_hba.conf, forbade this one. */
async function reachAddress(attempt: Attempt): Promise<pg.Client> {
  const { target, place, address } = attempt;
  const deadline = new Deadline(target.connectTimeoutMs);
  const ways = isSocket(place) ? [false] : WAYS[target.sslMode];
  let failure: unknown;
  for (const encrypted of ways) {
    try {
      return await reach(attempt, encrypted, deadline);
    } catch (error) {
      // That there is no TLS is the least of two reasons; else what went wrong with it is the better one.
      if (
        failure === undefined ||
        failure instanceof NoTls ||
        (encrypted && !(error instanceof NoTls))
      )
        failure = error;
      if (!mayTryOtherwise(error)) break;
    }
  }
  const refusedPlain = sqlStateOf(failure) === REFUSED && !isSocket(place) && !ways.includes(true);
  if (refusedPlain && (await offersTls(address, deadline))) throw new TlsWanted(failure);
  throw failure;
}

/** libpq's sslmode (manual: SSL Mode Descriptions), whether TLS is used. Unix sockets are never encrypted. */
const WAYS: Readonly<Record<SslMode, readonly boolean[]>> = {
  disable: [false],
  allow: [false, true],
  prefer: [true, false],
  require: [true],
  "verify-ca": [true],
  "verify-full": [true],
};

/** What pg_hba.conf does. */
const REFUSED = SqlState.invalidAuthorizationSpecification;

function mayTryOtherwise(error: unknown): boolean {
  return (
    error instanceof NoTls || error instanceof HandshakeFailed || sqlStateOf(error) === REFUSED
  );
}

/** One connection, one try. Nothing is left of one that failed. */
async function reach(attempt: Attempt, encrypted: boolean, deadline: Deadline): Promise<pg.Client> {
  const { target, kind, place, address } = attempt;
  // Under TLS it is TLS that reads.
  const socket = kind === "logical" && !encrypted ? new WalSocket() : new Socket();
  const disarm = deadline.arm(socket);
  try {
    await dial(socket, address, target.keepaliveIdleMs);
    const channel = encrypted
      ? await (await import("./tls.ts")).encrypt(socket, target, place)
      : { stream: socket, encrypted, clientCertificate: undefined };
    const client = await logIn(channel, attempt);
    await prepare(client, attempt);
    return client;
  } catch (error) {
    socket.destroy();
    throw deadline.passed ? new ConnectTimeout() : error;
  } finally {
    disarm();
  }
}

/** The deadline is for this too: a server that lets us in and then says nothing is not waited for. */
async function prepare(client: pg.Client, { attrs, kind }: Attempt): Promise<void> {
  try {
    await requireSession(client, attrs);
    await client.query(sessionSettings(kind));
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}

async function logIn(
  channel: Channel & { readonly stream: Duplex },
  { target, kind, place }: Attempt,
): Promise<pg.Client> {
  const connection = new ServerConnection(channel.stream, target, channel, {
    user: target.user,
    database: target.database,
    application_name: target.applicationName,
    ...(target.options === undefined ? {} : { options: target.options }),
    ...(kind === "logical" ? { replication: "database" } : {}),
    ...target.settings,
  });
  const config: pg.ClientConfig & Record<string, unknown> = {
    connection,
    // statement.ts tells a walsender's session by it.
    ...(kind === "logical" ? { replication: "database" } : {}),
    user: target.user,
    database: target.database,
    // A function, so that the password file is read only when the server asks.
    password: () => passwordFor(target, place),
    enableChannelBinding: channel.encrypted && target.channelBinding !== "disable",
    scramMaxIterations: SCRAM_ITERATIONS_MAX,
    // pg would take these from the environment; they are done.
    ssl: false,
    sslnegotiation: "postgres",
  };
  const client = new pg.Client(config);
  await new Promise<void>((resolve, reject) => {
    // Without a listener an error between two statements would end the process; the next statement tells of it.
    client.on("error", reject);
    client.connect().then(() => resolve(), reject);
  });
  return client;
}
