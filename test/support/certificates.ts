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

/** Turns on TLS, and puts `hba` before the lines of pg_hba.conf. */
export async function useCertificates(
  server: TestServer,
  { serverCert, serverKey }: Certificates,
  hba: readonly string[],
): Promise<void> {
  const data = join(server.host, "data");
  const { uid, gid } = statSync(data);
  for (const [from, name] of [
    [serverCert, "server.crt"],
    [serverKey, "server.key"],
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
