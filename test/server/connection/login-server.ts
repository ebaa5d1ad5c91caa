import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Certificates,
  makeCertificates,
  useCertificates,
} from "../../support/server/certificates.ts";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { type ServerVersion, type TestServer, startServer } from "../../support/server/server.ts";

type Environment = Readonly<Record<string, string>>;

export const PASSWORD = "hush-4711";

/** A server with a role for each way to log in, and walctl run against it over TCP. */
export class LoginServer {
  server!: TestServer;
  certificates!: Certificates;
  home = "";

  async start(version: ServerVersion): Promise<void> {
    this.home = mkdtempSync(join(tmpdir(), "walctl-connection-"));
    this.certificates = makeCertificates("localhost");
    this.server = await startServer({ version, tcp: true });
    const lines = [
      "hostssl all tlsonly 127.0.0.1/32 scram-sha-256",
      "hostnossl all tlsonly 127.0.0.1/32 reject",
      "host all scrammed 127.0.0.1/32 scram-sha-256",
      "host all clear 127.0.0.1/32 password",
      "host all hashed 127.0.0.1/32 md5",
      "hostssl all certified 127.0.0.1/32 cert",
      "local all locked scram-sha-256",
    ];
    await useCertificates(this.server, this.certificates, lines);
    await this.server.sql(`ALTER SYSTEM SET ssl_ca_file = 'ca.crt'`);
    await this.server.sql("SELECT pg_reload_conf()");
    await this.server.sql("SET password_encryption = 'md5'; CREATE ROLE hashed LOGIN PASSWORD 'x'");
    for (const role of ["scrammed", "tlsonly", "clear", "locked"])
      await this.server.sql(
        `SET password_encryption = 'scram-sha-256'; CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`,
      );
    await this.server.sql("CREATE ROLE certified LOGIN");
  }

  async dispose(): Promise<void> {
    await this.server.dispose();
    for (const folder of [this.home, this.certificates.folder]) rmSync(folder, { recursive: true });
  }

  /** Over TCP, with what the string says. */
  readonly run = async (role: string, more: string, env: Environment = {}): Promise<RunResult> => {
    const string = `host=localhost hostaddr=127.0.0.1 user=${role} ${more}`;
    const all = { HOME: this.home, PGPASSWORD: PASSWORD, ...env };
    return await walctl(["slots", "-F", "ndjson", "-d", string], { server: this.server, env: all });
  };
  readonly works = async (role: string, more: string, env: Environment = {}): Promise<void> => {
    const { status, stderr } = await this.run(role, more, env);
    assert.equal(status, 0, `${more}: ${stderr}`);
    assert.equal(stderr, "");
  };
  readonly fails = async (
    role: string,
    more: string,
    pattern: RegExp,
    env: Environment = {},
  ): Promise<void> => {
    const { status, stdout, stderr } = await this.run(role, more, env);
    assert.match(stderr, pattern, more);
    assert.ok(status === 1 || status === 2, String(status));
    assert.ok(!`${stdout}${stderr}`.includes("4711"));
    assert.equal(stderr.match(/^walctl: error: /gm)?.length, 1, stderr);
    assert.doesNotMatch(stderr, /internal error|^ +at /m);
  };
}
