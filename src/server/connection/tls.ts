import { type Stats, existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { type Socket, isIP } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import {
  type ConnectionOptions,
  type SecureVersion,
  type TLSSocket,
  connect,
  createSecureContext,
  rootCertificates,
} from "node:tls";
import { WalctlError } from "../../errors.ts";
import { Interruption } from "../query/causes.ts";
import { CONNECT_DIAGNOSES } from "../query/diagnoses.ts";
import { askForTls } from "./dial.ts";
import type { Channel } from "./login.ts";
import { isForHost } from "./peer-name.ts";
import type { Place } from "../target/places.ts";
import { type ConnectionTarget, type TlsTarget, describeHost } from "../target/target.ts";
import { HandshakeFailed, NoTls } from "./tls-errors.ts";

const ALPN = "postgresql";
/** The code that Node.js gives such an error. */
const WRONG_NAME = "ERR_TLS_CERT_ALTNAME_INVALID";

/** The files in which systems keep the certificate authorities that they trust. */
const SYSTEM_AUTHORITIES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

export interface Encrypted extends Channel {
  readonly stream: TLSSocket;
}

/** @throws NoTls, HandshakeFailed, or WalctlError for files that cannot be used and invalid answers */
export async function encrypt(
  socket: Socket,
  target: ConnectionTarget,
  place: Place,
): Promise<Encrypted> {
  // Fails before a byte is sent.
  const options = tlsOptions(target, place);
  if (!target.tls.direct) await requestTls(socket, target);
  const stream = await shakeHands(socket, options).catch((error: unknown) => {
    // A fault of the certificate shows that the server speaks TLS at once.
    const isRefused = error instanceof HandshakeFailed && CONNECT_DIAGNOSES.has(error.code);
    throw target.tls.direct && !isRefused
      ? noDirectTls(target, (error as Error).message, error)
      : error;
  });
  if (target.tls.direct && stream.alpnProtocol !== ALPN) {
    stream.destroy();
    throw noDirectTls(target, "it did not agree to PostgreSQL's protocol (ALPN)");
  }
  // The client receives signature algorithms only in a request for its certificate.
  const requested = stream.getSharedSigalgs().length > 0;
  const clientCertificate = { requested, sent: options.cert !== undefined };
  return { stream, encrypted: true, clientCertificate };
}

function noDirectTls(target: ConnectionTarget, what: string, cause?: unknown): WalctlError {
  return new WalctlError(`could not connect to server at ${describeHost(target)}: ${what}`, {
    hint: "sslnegotiation=direct needs PostgreSQL 17; sslnegotiation=postgres works with all.",
    cause,
  });
}

async function requestTls(socket: Socket, target: ConnectionTarget): Promise<void> {
  const answer = await askForTls(socket);
  if (answer === "S") return;
  if (answer === "N") throw new NoTls();
  // The text of an error is not shown: the server's identity is not verified yet.
  const what =
    answer === ""
      ? "the server closed the connection when it was asked for TLS"
      : answer.startsWith("S")
        ? "the server sent data without encryption after it had agreed to TLS"
        : "what answers there does not speak PostgreSQL's protocol";
  throw new WalctlError(`could not connect to server at ${describeHost(target)}: ${what}`, {
    hint: "Check the host and the port.",
    // A proxy does that while the server is away.
    cause: answer === "" ? new Interruption("lost", what) : undefined,
  });
}

async function shakeHands(socket: Socket, options: ConnectionOptions): Promise<TLSSocket> {
  return await new Promise((resolve, reject) => {
    const stream = connect({ ...options, socket });
    const onError = (error: NodeJS.ErrnoException): void => reject(new HandshakeFailed(error));
    const onClose = (): void => {
      const error = new Error("the server ended the TLS handshake");
      onError(Object.assign(error, { code: "ECONNRESET" }));
    };
    socket.once("error", onError);
    stream.once("error", onError).once("close", onClose);
    stream.once("secureConnect", () => {
      socket.off("error", onError);
      stream.off("error", onError).off("close", onClose);
      resolve(stream);
    });
  });
}

function tlsOptions(target: ConnectionTarget, place: Place): ConnectionOptions {
  const { tls, sslMode } = target;
  if (sslMode === "verify-full" && place.unnamed === true) {
    throw new WalctlError("sslmode verify-full needs a host name, and only hostaddr is given", {
      hint: "Give the name in the server's certificate with -h or PGHOST; hostaddr says where it is.",
    });
  }
  const options: ConnectionOptions = {
    minVersion: tls.minVersion as SecureVersion,
    rejectUnauthorized: false,
    ...authorities(target),
    ...ownCertificate(target),
    checkServerIdentity: (_name, certificate) =>
      sslMode !== "verify-full" || isForHost(place.host, certificate)
        ? undefined
        : Object.assign(new Error("the certificate is for another host"), { code: WRONG_NAME }),
  };
  if (tls.maxVersion !== undefined) options.maxVersion = tls.maxVersion as SecureVersion;
  if (tls.direct) options.ALPNProtocols = [ALPN];
  if (tls.sni && isIP(place.host) === 0) options.servername = place.host;
  return options;
}

/** As in libpq, an existing root certificate turns `require` into verify-ca, and is checked in weaker modes too. */
function authorities({ tls, sslMode }: ConnectionTarget): ConnectionOptions {
  const rootCert = tls.rootCert ?? defaultFile("root.crt");
  if (rootCert === undefined) {
    if (!sslMode.startsWith("verify")) return {};
    throw new WalctlError(`sslmode ${sslMode} needs a root certificate, and none is given`, {
      hint: "Set PGSSLROOTCERT to the file of the certificate authority that signed the server's certificate, or to system for those that the system trusts.",
    });
  }
  const ca =
    rootCert === "system"
      ? systemAuthorities(tls)
      : [readCertificate(rootCert, "root certificate", "PGSSLROOTCERT")];
  const crl = revocations(tls.crl ?? defaultFile("root.crl"), tls.crlDir);
  const options: ConnectionOptions = { ca: [...ca], rejectUnauthorized: true };
  if (crl.length > 0) options.crl = [...crl];
  return options;
}

/** SSL_CERT_FILE, as for OpenSSL itself, or the system's file; if there is none, the authorities of Node.js. */
function systemAuthorities({ systemCertFile }: TlsTarget): readonly string[] {
  const file = systemCertFile ?? SYSTEM_AUTHORITIES.find((path) => existsSync(path));
  return file === undefined ? rootCertificates : [readPem(file, "system's root certificates")];
}

/** A revocation list that was named and does not exist must not go unnoticed. */
function revocations(file: string | undefined, folder: string | undefined): readonly string[] {
  const files = file === undefined ? [] : [file];
  const listed = folder === undefined ? [] : readNames(folder).map((name) => join(folder, name));
  const texts = [...files, ...listed].map((path) => readPem(path, "certificate revocation list"));
  if (file !== undefined && texts[0]?.includes("X509 CRL") !== true)
    throw new WalctlError(`there is no certificate revocation list in sslcrl "${file}"`, {
      hint: "It is PEM: a block that begins with -----BEGIN X509 CRL-----.",
    });
  if (folder !== undefined && !texts.some((text) => text.includes("X509 CRL")))
    throw new WalctlError(`there is no certificate revocation list in sslcrldir "${folder}"`);
  return texts.filter((text) => text.includes("X509 CRL"));
}

function ownCertificate({ tls }: ConnectionTarget): ConnectionOptions {
  const cert = tls.certMode === "disable" ? undefined : (tls.cert ?? defaultFile("postgresql.crt"));
  if (cert === undefined) return {};
  const options: ConnectionOptions = {
    cert: readCertificate(cert, "client certificate", "PGSSLCERT"),
  };
  const key = tls.key ?? defaultPath("postgresql.key");
  if (tls.key === undefined && !existsSync(key))
    throw new WalctlError(`there is a client certificate, but no private key file "${key}"`, {
      hint: "Set PGSSLKEY to its file, or PGSSLCERTMODE=disable to go without the certificate.",
    });
  requirePrivate(key);
  const pem = readPem(key, "client key");
  options.key = pem;
  if (tls.password !== undefined) options.passphrase = tls.password;
  checkPair(options, key, pem.includes("ENCRYPTED"));
  return options;
}

/** As in libpq: only the owner may read it; if root owns it, a group may too. */
function requirePrivate(path: string): void {
  const stats = inspect(path, "client key");
  if (!stats.isFile()) throw new WalctlError(`private key file "${path}" is not a regular file`);
  const forbidden = stats.uid === 0 ? 0o037 : 0o077;
  if ((stats.mode & forbidden) !== 0)
    throw new WalctlError(`private key file "${path}" has group or world access`, {
      hint: `chmod 600 ${path}`,
    });
}

/** Runs before anything is sent. The text of OpenSSL's errors would not help the user. */
function checkPair(options: ConnectionOptions, path: string, encrypted: boolean): void {
  try {
    createSecureContext(options);
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    // What a wrong passphrase decrypts is rubbish, of which OpenSSL reports whatever it notices first.
    const locked = encrypted && !code.endsWith("_MISMATCH");
    throw new WalctlError(
      locked
        ? `private key file "${path}" is encrypted, and sslpassword is not its passphrase`
        : `private key file "${path}" cannot be used with the client certificate (${code || "unknown error"})`,
      { cause },
    );
  }
}

function defaultPath(name: string): string {
  return join(homedir(), ".postgresql", name);
}

function defaultFile(name: string): string | undefined {
  return existsSync(defaultPath(name)) ? defaultPath(name) : undefined;
}

/** OpenSSL would take a file without one for no authority, and then blame the server's certificate. */
function readCertificate(path: string, what: string, variable: string): string {
  const text = readPem(path, what);
  if (/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/.test(text)) return text;
  throw new WalctlError(`there is no certificate in the ${what} file "${path}"`, {
    hint: `${variable} names a file in PEM: a block that begins with -----BEGIN CERTIFICATE-----.`,
  });
}

function readPem(path: string, what: string): string {
  return attempt(path, what, () => readFileSync(path, "utf8"));
}

function readNames(folder: string): readonly string[] {
  return attempt(folder, "directory of certificate revocation lists", () => readdirSync(folder));
}

function inspect(path: string, what: string): Stats {
  return attempt(path, what, () => statSync(path));
}

function attempt<Result>(path: string, what: string, read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new WalctlError(`could not read the ${what} "${path}" (${code ?? "unknown error"})`, {
      hint: what.includes("revocation")
        ? "PGSSLCRL names the file, PGSSLCRLDIR the directory; the default is ~/.postgresql/root.crl."
        : "PGSSLROOTCERT, PGSSLCERT and PGSSLKEY name the files; the defaults are below ~/.postgresql.",
      cause,
    });
  }
}
