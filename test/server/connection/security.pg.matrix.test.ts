/** TLS that is checked, passwords that are seen nowhere, and how little a role needs. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunResult, spawnWalctl, walctl } from "../../support/program/cli.ts";
import {
  type Certificates,
  makeCertificates,
  useCertificates,
} from "../../support/server/certificates.ts";
import { matchGolden } from "../../support/golden/golden.ts";
import { insertedIds, parseLines } from "../../support/program/lines.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { newestOrBoth } from "../../matrix/support/versions.ts";

/** Not to be found in what anything prints by chance. */
const PASSWORD = "hush-4711-geheim%41";
const ROLE = "scrammed";

for (const version of newestOrBoth()) {
  describe(`security on PostgreSQL ${version}`, () => {
    let server: TestServer;
    let certificates: Certificates;
    let folder: string;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), "walctl-security-"));
      certificates = makeCertificates("localhost");
      server = await startServer({ version, tcp: true });
      await useCertificates(server, certificates, [
        `hostssl all ${ROLE} 127.0.0.1/32 scram-sha-256`,
        `hostnossl all ${ROLE} 127.0.0.1/32 reject`,
      ]);
      await server.sql(`
        CREATE TABLE t (id int PRIMARY KEY, secret text);
        CREATE TABLE other (id int PRIMARY KEY);
        CREATE PUBLICATION p FOR TABLE t;
        CREATE ROLE ${ROLE} LOGIN REPLICATION PASSWORD '${PASSWORD}';
        GRANT SELECT ON t TO ${ROLE}`);
      await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    });
    after(async () => {
      await server.dispose();
      rmSync(certificates.folder, { recursive: true });
      rmSync(folder, { recursive: true });
    });

    const secure = (
      parts: Readonly<Record<string, string>> = {},
    ): Readonly<Record<string, string>> => ({
      PGHOST: "localhost",
      PGUSER: ROLE,
      PGPASSWORD: PASSWORD,
      PGSSLMODE: "verify-full",
      PGSSLROOTCERT: certificates.ca,
      ...parts,
    });
    const run = (
      args: readonly string[],
      parts: Readonly<Record<string, string>> = {},
    ): Promise<RunResult> => walctl(args, { server, env: secure(parts) });
    const tail = ["tail", "-S", "s", "-P", "p", "-E", "now"];
    const normalize = (text: string): string =>
      text.replaceAll(String(server.port), "PORT").replaceAll(certificates.folder, "TLS_DIR");

    test("verify-full and scram, to the right server: the stream is encrypted", async (t) => {
      const running = spawnWalctl(["tail", "-P", "p"], { server, env: secure() });
      t.after(() => running.dispose());
      const sql = `SELECT s.ssl, s.version FROM pg_stat_ssl s JOIN pg_stat_replication r USING (pid) WHERE r.usename = '${ROLE}'`;
      let rows = await server.sql<{ ssl: boolean; version: string }>(sql);
      for (; rows.length === 0; rows = await server.sql(sql)) await sleep(50);
      assert.equal(rows[0]?.ssl, true);
      assert.match(rows[0]?.version ?? "", /^TLSv1\.[23]$/);
      assert.equal((await running.stop()).status, 0);
    });

    for (const [golden, story, parts] of [
      ["wrong-ca", "another authority", { PGSSLROOTCERT: "OTHER" }],
      ["wrong-name", "another name", { PGHOST: "127.0.0.1" }],
      ["no-root-certificate", "no root certificate", { PGSSLROOTCERT: "", HOME: "/nonexistent" }],
      [
        "missing-root-certificate",
        "a root certificate that is not there",
        { PGSSLROOTCERT: "/nonexistent/ca.crt" },
      ],
    ] as const) {
      test(`verify-full, ${story}: refused before a password is sent`, async () => {
        const own = "PGSSLROOTCERT" in parts && parts.PGSSLROOTCERT === "OTHER";
        const result = await run(tail, own ? { PGSSLROOTCERT: certificates.otherCa } : parts);
        assert.equal(result.status, 1);
        assert.equal(result.stdout, "");
        matchGolden(`fixtures/errors/tls-${golden}.txt`, normalize(result.stderr));
      });
    }

    test("verify-ca does not mind the name; require without a root certificate minds nothing", async () => {
      const relaxed = [
        { PGHOST: "127.0.0.1", PGSSLMODE: "verify-ca" },
        { PGHOST: "127.0.0.1", PGSSLMODE: "require", PGSSLROOTCERT: "", HOME: "/nonexistent" },
      ];
      for (const parts of relaxed) {
        const { status, stderr } = await run(tail, parts);
        assert.equal(status, 0, stderr);
      }
    });

    test("a password is seen nowhere", async () => {
      await server.sql("INSERT INTO t VALUES (1, 'row') ON CONFLICT DO NOTHING");
      const capture = join(folder, "seen.walctl");
      const output = join(folder, "seen.ndjson");
      const encoded = encodeURIComponent(PASSWORD);
      const uri = (password: string): string =>
        `postgresql://${ROLE}:${password}@localhost:${server.port}/postgres?sslmode=require`;
      const debug = { WALCTL_DEBUG: "1" };
      const runs: ReadonlyArray<
        readonly [readonly string[], Readonly<Record<string, string>>, number]
      > = [
        [[...tail, "--capture", capture, "-o", output], debug, 0],
        [[...tail, "-d", uri(encoded)], { ...debug, PGPASSWORD: "" }, 0],
        // Wrong, malformed, and to where nobody is.
        [[...tail, "-d", uri(`${encoded}x`)], debug, 1],
        [[...tail, "-d", uri(PASSWORD.replace("%41", "%zz"))], debug, 2],
        [[...tail, "-d", `host=localhost password='${PASSWORD}`], debug, 2],
        [[...tail, "-d", `host=localhost port=1 password=${PASSWORD}`], debug, 1],
        [["tail", "-S", "gone", "-P", "p"], debug, 1],
        [["tail", "-S", "s", "-P", "gone"], debug, 1],
        [["create-slot", "Not A Slot"], debug, 2],
        [["setup-publication", "q", "-t", "nowhere"], debug, 1],
        [["drop-slot", "gone"], debug, 1],
        [tail, { ...debug, PGSSLROOTCERT: certificates.otherCa }, 1],
      ];
      for (const [args, env, expected] of runs) {
        const { status, stdout, stderr } = await run(args, env);
        assert.equal(status, expected, `${args.join(" ")}: ${stderr}`);
        assert.ok(!`${stdout}${stderr}`.includes("4711"), args.join(" "));
      }
      for (const path of [capture, output]) {
        assert.ok(statSync(path).size > 0);
        assert.ok(!readFileSync(path).includes("4711"), path);
        assert.equal(statSync(path).mode & 0o777, 0o600);
      }
      assert.ok(!server.log().includes("4711"));
    });

    test("a role with REPLICATION and SELECT can do all that tail needs", async () => {
      await server.sql("INSERT INTO t VALUES (2, 'row')");
      const printed = await run(tail);
      assert.equal(printed.status, 0, printed.stderr);
      assert.ok(insertedIds(parseLines(printed.stdout)).includes(2));
      for (const args of [
        ["create-slot", "own"],
        ["tail", "-S", "own", "-P", "p", "--ack", "-E", "now"],
        ["drop-slot", "own"],
      ]) {
        const { status, stderr } = await run(args);
        assert.equal(status, 0, `${args.join(" ")}: ${stderr}`);
      }
      // A publication takes more: CREATE on the database, and to own its tables.
      const refused = await run(["setup-publication", "mine", "-t", "other"]);
      assert.equal(refused.status, 1);
      assert.match(refused.stderr, /\(SQLSTATE 42501\)/);
      await server.sql(
        `GRANT CREATE ON DATABASE postgres TO ${ROLE}; ALTER TABLE other OWNER TO ${ROLE}`,
      );
      const made = await run(["setup-publication", "mine", "-t", "other"]);
      assert.equal(made.status, 0, made.stderr);
      await server.sql("DROP PUBLICATION mine; ALTER TABLE other OWNER TO postgres");
      await server.sql(`REVOKE CREATE ON DATABASE postgres FROM ${ROLE}`);
    });

    test("a role without REPLICATION is refused, also where it may read all", async () => {
      await server.sql(`ALTER ROLE ${ROLE} NOREPLICATION; GRANT pg_read_all_data TO ${ROLE}`);
      const { status, stderr } = await run(tail);
      await server.sql(`ALTER ROLE ${ROLE} REPLICATION; REVOKE pg_read_all_data FROM ${ROLE}`);
      assert.equal(status, 1);
      assert.match(stderr, /HINT: .*ALTER ROLE .* REPLICATION/);
    });
  });
}
