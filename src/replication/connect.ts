import { readFileSync } from "node:fs";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { WalctlError } from "../errors.ts";
import pg from "./pg.ts";
import { connectError } from "./server-errors.ts";
import { readPassfile } from "./passfile.ts";
import { type ConnectionKind, sessionSettings } from "./session-settings.ts";
import { type ConnectionTarget, type SslMode, describeHost } from "./target.ts";
import { WalSocket } from "./socket.ts";
import { within } from "./within.ts";

const CLOSE_GRACE_MS = 500;
/** Else the system would look only after two hours whether the other side is still there. */
const KEEPALIVE_IDLE_MS = 30_000;

/**
 * A connection that is ready for statements. The caller ends it.
 * @throws WalctlError when the server cannot be reached or refuses
 */
export async function connect(target: ConnectionTarget, kind: ConnectionKind): Promise<pg.Client> {
  let failure: unknown;
  for (const encrypted of encryptionsToTry(target)) {
    const client = new pg.Client(clientConfig(target, kind, encrypted));
    // Without a listener an error between two statements would end the process; the next statement tells of it.
    client.on("error", () => {});
    try {
      await client.connect();
      await client.query(sessionSettings(kind));
      return client;
    } catch (error) {
      failure = error;
      await client.end().catch(() => {});
      if (!mayRetryOtherwise(error)) break;
    }
  }
  throw connectError(failure, target);
}

/** pg waits for the server to close too; one that has gone without a word is not waited for. */
export async function disconnect(client: pg.Client): Promise<void> {
  await within(
    client.end().catch(() => {}),
    CLOSE_GRACE_MS,
  );
  client.connection.stream.destroy();
}

/** libpq's sslmode (manual: SSL Mode Descriptions). Unix sockets are never encrypted. */
function encryptionsToTry(target: ConnectionTarget): readonly boolean[] {
  if (target.host.startsWith("/")) return [false];
  const order: Record<SslMode, readonly boolean[]> = {
    disable: [false],
    allow: [false, true],
    prefer: [true, false],
    require: [true],
    "verify-ca": [true],
    "verify-full": [true],
  };
  return order[target.sslMode];
}

/**
 * With sslmode prefer or allow the other way is tried when this one was refused: a server without TLS
 * (pg says so with an error that has no code), or pg_hba.conf (28000). A server that is not there, or a
 * wrong password, would be the same again.
 */
function mayRetryOtherwise(error: unknown): boolean {
  if (error instanceof WalctlError) return false;
  const code = (error as { code?: unknown }).code;
  return code === undefined || code === "28000";
}

function clientConfig(
  target: ConnectionTarget,
  kind: ConnectionKind,
  encrypted: boolean,
): pg.ClientConfig {
  const config: pg.ClientConfig & { replication?: string } = {
    host: target.host,
    port: target.port,
    user: target.user,
    database: target.database,
    // A function, so that the password file is read only when the server asks.
    password: () => passwordFor(target),
    application_name: target.applicationName,
    connectionTimeoutMillis: target.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_IDLE_MS,
    ssl: encrypted ? tlsOptions(target) : false,
  };
  if (target.options !== undefined) config.options = target.options;
  if (kind === "logical") config.replication = "database";
  // Under TLS it is TLS that reads.
  if (kind === "logical" && !encrypted) config.stream = () => new WalSocket();
  return config;
}

async function passwordFor(target: ConnectionTarget): Promise<string> {
  const host = target.host.startsWith("/") ? "localhost" : target.host;
  const password = target.password ?? (await readPassfile(target.passfile, { ...target, host }));
  if (password !== undefined) return password;
  throw new WalctlError(
    `server at ${describeHost(target)} asks for a password, and none is given`,
    {
      hint: `Set PGPASSWORD, or: echo '${host}:${target.port}:${target.database}:${target.user}:PASSWORD' >> ~/.pgpass && chmod 600 ~/.pgpass`,
    },
  );
}

function tlsOptions(target: ConnectionTarget): TlsOptions {
  const verified = target.sslMode === "verify-ca" || target.sslMode === "verify-full";
  const options: TlsOptions = { rejectUnauthorized: verified };
  // As in libpq, a root certificate that is there turns `require` into verify-ca.
  if (target.sslRootCert !== undefined && (verified || target.sslMode === "require")) {
    options.ca = readTlsFile(target.sslRootCert, "root certificate");
    options.rejectUnauthorized = true;
  } else if (verified) {
    throw new WalctlError(`sslmode ${target.sslMode} needs a root certificate, and none is given`, {
      hint: "Set PGSSLROOTCERT to the file of the certificate authority that signed the server's certificate.",
    });
  }
  if (target.sslMode !== "verify-full") options.checkServerIdentity = () => undefined;
  if (target.sslCert !== undefined && target.sslKey !== undefined) {
    options.cert = readTlsFile(target.sslCert, "client certificate");
    options.key = readTlsFile(target.sslKey, "client key");
  }
  return options;
}

function readTlsFile(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new WalctlError(`could not read the ${what} "${path}" (${code ?? "unknown error"})`, {
      hint: "PGSSLROOTCERT, PGSSLCERT and PGSSLKEY name the files; the defaults are below ~/.postgresql.",
      cause,
    });
  }
}
