/** How a role's password is stored: known to superusers, and of interest from PostgreSQL 19 on. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { inspectRole } from "../../../src/server/doctor/inspect-server.ts";
import { connect } from "../../../src/server/connection/connect.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

describe("a role's MD5 password", () => {
  let server: TestServer;

  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql(`SET password_encryption = 'md5';
      CREATE ROLE plain LOGIN PASSWORD 'x'; CREATE ROLE hashed LOGIN SUPERUSER PASSWORD 'x';
      SET password_encryption = 'scram-sha-256'; CREATE ROLE scrammed LOGIN SUPERUSER PASSWORD 'x';
      CREATE ROLE without LOGIN SUPERUSER`);
  });
  after(() => server.dispose());

  const roles: ReadonlyArray<readonly [role: string, version: number, md5: boolean | undefined]> = [
    ["hashed", 190_000, true],
    ["hashed", 180_004, undefined],
    ["scrammed", 190_000, false],
    ["without", 190_000, false],
    ["plain", 190_000, undefined],
  ];
  for (const [role, version, md5] of roles) {
    test(`of ${role}, on ${version}: ${md5}`, async () => {
      const target = resolveTarget(
        { dbname: "postgres", username: role },
        { ...server.env, PGUSER: role },
      );
      const client = await connect(target, "ordinary");
      try {
        assert.equal((await inspectRole(client, version)).md5, md5);
      } finally {
        await client.end();
      }
    });
  }
});
