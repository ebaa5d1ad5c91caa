/** Certificate authorities of our own, and a server that uses what they sign. */
import { execFileSync } from "node:child_process";
import {
  chownSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestServer } from "./server.ts";

export interface Certificates {
  readonly folder: string;
  /** Signed the server's certificate. */
  readonly ca: string;
  /** Signed nothing. */
  readonly otherCa: string;
  readonly serverCert: string;
  readonly serverKey: string;
}

/** `name`: the only host name that the server's certificate is for. Whoever makes them removes the folder. */
export function makeCertificates(name: string): Certificates {
  const folder = mkdtempSync(join(tmpdir(), "walctl-tls-"));
  const file = (base: string): string => join(folder, base);
  makeAuthority(folder, "ca");
  makeAuthority(folder, "other");
  writeFileSync(file("san"), `subjectAltName=DNS:${name}`);
  openssl(
    folder,
    `req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=${name}`,
  );
  openssl(
    folder,
    "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.crt",
  );
  return {
    folder,
    ca: file("ca.crt"),
    otherCa: file("other.crt"),
    serverCert: file("server.crt"),
    serverKey: file("server.key"),
  };
}

/** Signed by the authority that signed the server's, for a role; the key under a passphrase where one is given. */
export function makeClientCertificate(
  { folder }: Certificates,
  role: string,
  passphrase?: string,
): { readonly cert: string; readonly key: string } {
  const name = passphrase === undefined ? `client-${role}` : `client-${role}-locked`;
  const secret = passphrase === undefined ? "-nodes" : `-passout pass:${passphrase}`;
  openssl(
    folder,
    `req -newkey rsa:2048 ${secret} -keyout ${name}.key -out ${name}.csr -subj /CN=${role}`,
  );
  openssl(
    folder,
    `x509 -req -in ${name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out ${name}.crt`,
  );
  return { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
}

/** The authority's list, with the server's certificate on it or with none. */
export function makeRevocationList({ folder, serverCert }: Certificates, revoked: boolean): string {
  const name = revoked ? "revoked" : "clean";
  const config = `[ca]\ndefault_ca=d\n[d]\ndatabase=${name}.index\ndefault_md=sha256\ndefault_crl_days=2\n`;
  writeFileSync(join(folder, `${name}.cnf`), config);
  writeFileSync(join(folder, `${name}.index`), "");
  const authority = `ca -config ${name}.cnf -keyfile ca.key -cert ca.crt`;
  if (revoked) openssl(folder, `${authority} -revoke ${serverCert}`);
  openssl(folder, `${authority} -gencrl -out ${name}.crl`);
  return join(folder, `${name}.crl`);
}

/** Turns on TLS, and puts `hba` before the lines of pg_hba.conf. */
export async function useCertificates(
  server: TestServer,
  { ca, serverCert, serverKey }: Certificates,
  hba: readonly string[],
): Promise<void> {
  const data = join(server.host, "data");
  const { uid, gid } = statSync(data);
  for (const [from, name] of [
    [serverCert, "server.crt"],
    [serverKey, "server.key"],
    // For ssl_ca_file, where a test wants clients' certificates.
    [ca, "ca.crt"],
  ] as const) {
    copyFileSync(from, join(data, name));
    // The server insists that the key is its own, and openssl has made it for us alone.
    chownSync(join(data, name), uid, gid);
  }
  const path = join(data, "pg_hba.conf");
  writeFileSync(path, `${hba.join("\n")}\n${readFileSync(path, "utf8")}`);
  await server.sql("ALTER SYSTEM SET ssl = on");
  await server.sql("SELECT pg_reload_conf()");
}

function makeAuthority(folder: string, name: string): void {
  openssl(
    folder,
    `req -x509 -newkey rsa:2048 -nodes -keyout ${name}.key -out ${name}.crt -days 2 -subj /CN=walctl-test-${name}`,
  );
}

function openssl(folder: string, words: string): void {
  execFileSync("openssl", words.split(" "), { cwd: folder, stdio: "ignore" });
}
