/** Finds a session for a target: tries its places and the addresses of each, with and without TLS, in libpq's order. */
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
import { type Notice, isWarning, noticeText } from "../query/notice.ts";
import {
  type ConnectionTarget,
  type SessionAttrs,
  type SslMode,
  targetAt,
} from "../target/target.ts";
import { SqlState } from "../query/sqlstate.ts";

/** So many iterations take about a second; without a limit a server could keep the program busy for an hour. */
const SCRAM_ITERATIONS_MAX = 4_000_000;

export interface Reached {
  readonly client: pg.Client;
  readonly place: Place;
}

/**
 * Connects to the first place that can be reached and provides the requested session (manual: Specifying Multiple
 * Hosts).
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

/** Undefined, after adding a failure, if the next place may be tried. */
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
    // The server itself refused, for instance a wrong password: another place would refuse too.
    if (!mayTryNext(error)) throw connectErrors([failure]);
    failures.push(failure);
    return undefined;
  }
}

/**
 * As in libpq: the next place is tried if nobody answers, the server is starting, or the session is not the requested
 * one. A wrong password is wrong elsewhere too.
 */
function mayTryNext(error: unknown): boolean {
  if (error instanceof WrongSession) return true;
  const code = sqlStateOf(error);
  return code === undefined ? isNetworkError(error) : code === SqlState.cannotConnectNow;
}

/** Node.js's own errors, of sockets and name look-ups. */
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

/** With sslmode prefer or allow, the other way is tried if TLS failed, or pg_hba.conf rejects this way. */
async function reachAddress(attempt: Attempt): Promise<pg.Client> {
  const { target, place, address } = attempt;
  const deadline = new Deadline(target.connectTimeoutMs);
  const ways = isSocket(place) ? [false] : WAYS[target.sslMode];
  let failure: unknown;
  for (const encrypted of ways) {
    try {
      return await reach(attempt, encrypted, deadline);
    } catch (error) {
      // Of two errors, "no TLS" is the less useful one; otherwise the error of the attempt with TLS is reported.
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

/** libpq's sslmode (manual: SSL Mode Descriptions) → whether to use TLS, in order. Unix sockets are never encrypted. */
const WAYS: Readonly<Record<SslMode, readonly boolean[]>> = {
  disable: [false],
  allow: [false, true],
  prefer: [true, false],
  require: [true],
  "verify-ca": [true],
  "verify-full": [true],
};

/** The SQLSTATE of a rejection by pg_hba.conf. */
const REFUSED = SqlState.invalidAuthorizationSpecification;

function mayTryOtherwise(error: unknown): boolean {
  return (
    error instanceof NoTls || error instanceof HandshakeFailed || sqlStateOf(error) === REFUSED
  );
}

/** Makes one attempt with one connection. A failed attempt leaves nothing open. */
async function reach(attempt: Attempt, encrypted: boolean, deadline: Deadline): Promise<pg.Client> {
  const { target, kind, place, address } = attempt;
  // With TLS, the TLS socket does the reading.
  const socket = kind === "logical" && !encrypted ? new WalSocket() : new Socket();
  const disarm = deadline.arm(socket);
  try {
    // Loaded before: nobody listens meanwhile to a socket that is closed again at once.
    const tls = encrypted ? await import("./tls.ts") : undefined;
    await dial(socket, address, target.keepaliveIdleMs);
    const channel =
      tls === undefined
        ? { stream: socket, encrypted, clientCertificate: undefined }
        : await tls.encrypt(socket, target, place);
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

/** The deadline covers this too: a server that accepts the login and then falls silent is not waited for. */
async function prepare(client: pg.Client, { attrs, kind, target }: Attempt): Promise<void> {
  try {
    await requireSession(client, attrs);
    await client.query(sessionSettings(kind, target.options));
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
    client_encoding: "UTF8",
    ...(target.options === undefined ? {} : { options: target.options }),
    ...(kind === "logical" ? { replication: "database" } : {}),
    ...target.settings,
  });
  const config: pg.ClientConfig & Record<string, unknown> = {
    connection,
    // statement.ts recognises a walsender's session by it.
    ...(kind === "logical" ? { replication: "database" } : {}),
    user: target.user,
    database: target.database,
    // A function, so that the password file is read only if the server asks.
    password: () => passwordFor(target, place),
    enableChannelBinding: channel.encrypted && target.channelBinding !== "disable",
    scramMaxIterations: SCRAM_ITERATIONS_MAX,
    // pg would take these from the environment; the stream is already set up.
    ssl: false,
    sslnegotiation: "postgres",
  };
  const client = new pg.Client(config);
  const tell = (notice: Notice): void => {
    const { detail, hint } = notice;
    if (isWarning(notice)) target.onLoginWarning?.({ message: noticeText(notice), detail, hint });
  };
  client.on("notice", tell);
  await new Promise<void>((resolve, reject) => {
    // Without a listener, an error between two statements would end the process; the next statement reports it.
    client.on("error", reject);
    client.connect().then(() => resolve(), reject);
  });
  client.off("notice", tell);
  return client;
}
