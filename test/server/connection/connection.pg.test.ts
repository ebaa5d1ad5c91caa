/** libpq's connection options on real servers: what they ask for happens, or nothing does. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import {
  type Certificates,
  makeCertificates,
  makeClientCertificate,
  makeRevocationList,
  useCertificates,
} from "../../support/server/certificates.ts";
import { type RunResult, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { insertedIds, parseLines } from "../../support/program/lines.ts";
import { FaultProxy } from "../../support/server/proxy.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { startStandby } from "../../support/server/standby.ts";
import { toolPath } from "../../support/tools/tools.ts";

type Environment = Readonly<Record<string, string>>;

const PASSWORD = "hush-4711";

for (const version of newestOrBoth()) {
  describe(`connection options on PostgreSQL ${version}`, () => {
    let server: TestServer;
    let certificates: Certificates;
    let home: string;

    before(async () => {
      home = mkdtempSync(join(tmpdir(), "walctl-connection-"));
      certificates = makeCertificates("localhost");
      server = await startServer({ version, tcp: true });
      const lines = [
        "hostssl all tlsonly 127.0.0.1/32 scram-sha-256",
        "hostnossl all tlsonly 127.0.0.1/32 reject",
        "host all scrammed 127.0.0.1/32 scram-sha-256",
        "host all clear 127.0.0.1/32 password",
        "host all hashed 127.0.0.1/32 md5",
        "hostssl all certified 127.0.0.1/32 cert",
        "local all locked scram-sha-256",
      ];
      await useCertificates(server, certificates, lines);
      await server.sql(`ALTER SYSTEM SET ssl_ca_file = 'ca.crt'`);
      await server.sql("SELECT pg_reload_conf()");
      await server.sql("SET password_encryption = 'md5'; CREATE ROLE hashed LOGIN PASSWORD 'x'");
      for (const role of ["scrammed", "tlsonly", "clear", "locked"])
        await server.sql(
          `SET password_encryption = 'scram-sha-256'; CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`,
        );
      await server.sql("CREATE ROLE certified LOGIN");
    });
    after(async () => {
      await server.dispose();
      for (const folder of [home, certificates.folder]) rmSync(folder, { recursive: true });
    });

    /** Over TCP, with what the string says. */
    const run = async (
      role: string,
      more: string,
      env: Environment = {},
      command: readonly string[] = ["slots", "-F", "ndjson"],
    ): Promise<RunResult> => {
      const string = `host=localhost hostaddr=127.0.0.1 user=${role} ${more}`;
      const all = { HOME: home, PGPASSWORD: PASSWORD, ...env };
      return await walctl([...command, "-d", string], { server, env: all });
    };
    const works = async (role: string, more: string, env: Environment = {}): Promise<void> => {
      const { status, stderr } = await run(role, more, env);
      assert.equal(status, 0, `${more}: ${stderr}`);
      assert.equal(stderr, "");
    };
    const fails = async (
      role: string,
      more: string,
      pattern: RegExp,
      env: Environment = {},
    ): Promise<void> => {
      const { status, stdout, stderr } = await run(role, more, env);
      assert.match(stderr, pattern, more);
      assert.ok(status === 1 || status === 2, String(status));
      assert.ok(!`${stdout}${stderr}`.includes("4711"));
      assert.equal(stderr.match(/^walctl: error: /gm)?.length, 1, stderr);
      assert.doesNotMatch(stderr, /internal error|^ +at /m);
    };

    test("require_auth decides before a password is sent", async () => {
      await works("scrammed", "require_auth=scram-sha-256");
      await works("scrammed", "require_auth=!password,!md5");
      await works("clear", "require_auth=password");
      await works("postgres", "require_auth=none,scram-sha-256");
      await fails(
        "clear",
        "require_auth=scram-sha-256",
        /require_auth is "scram-sha-256".*cleartext password/,
      );
      await fails("clear", "", /cleartext/, { PGREQUIREAUTH: "!password" });
      await fails("hashed", "require_auth=scram-sha-256,password", /hashed password/, {
        PGPASSWORD: "x",
      });
      await works("hashed", "require_auth=md5", { PGPASSWORD: "x" });
      await fails("scrammed", "require_auth=!scram-sha-256", /SASL/);
      await fails("postgres", "require_auth=scram-sha-256", /no authentication/);
      await fails("scrammed", "require_auth=gss,sspi", /cannot be met/);
    });

    test("channel_binding binds where there is TLS and SCRAM, and refuses elsewhere", async () => {
      await works("scrammed", "channel_binding=require sslmode=require");
      await works("scrammed", "channel_binding=disable sslmode=require");
      await fails(
        "scrammed",
        "channel_binding=require sslmode=disable",
        /the connection has no TLS/,
      );
      await fails(
        "clear",
        "channel_binding=require sslmode=require",
        /asks for a password without/,
      );
      await fails("postgres", "channel_binding=require sslmode=require", /lets us in without/);
    });

    test("sslrootcert=system verifies with the system's authorities, and nothing weaker does", async () => {
      await works("scrammed", "sslrootcert=system", { SSL_CERT_FILE: certificates.ca });
      await fails("scrammed", "sslrootcert=system", /not signed by an authority/, {
        SSL_CERT_FILE: certificates.otherCa,
      });
      await fails("scrammed", "sslrootcert=system sslmode=require", /weak sslmode "require"/);
      await fails(
        "scrammed",
        "sslrootcert=system host=other",
        /certificate is not for the host "other"/,
        { SSL_CERT_FILE: certificates.ca },
      );
    });

    test("sslcrl and sslcrldir: a certificate that is revoked is refused", async () => {
      const verified = `sslmode=verify-full sslrootcert=${certificates.ca}`;
      const lists = {
        clean: makeRevocationList(certificates, false),
        revoked: makeRevocationList(certificates, true),
      };
      await works("scrammed", `${verified} sslcrl=${lists.clean}`);
      await fails(
        "scrammed",
        `${verified} sslcrl=${lists.revoked}`,
        /certificate has been revoked/,
      );
      await fails("scrammed", verified, /certificate has been revoked/, {
        PGSSLCRL: lists.revoked,
      });
      const folder = mkdtempSync(join(home, "crl-"));
      await fails("scrammed", `${verified} sslcrldir=${folder}`, /no certificate revocation list/);
      copyFileSync(lists.revoked, join(folder, "a.r0"));
      await fails("scrammed", `${verified} sslcrldir=${folder}`, /certificate has been revoked/);
      await fails("scrammed", `${verified} sslcrl=/nonexistent`, /revocation list "\/nonexistent"/);
    });

    test("a client certificate: its key is private, and may be locked", async () => {
      const { cert, key } = makeClientCertificate(certificates, "certified");
      const pair = `sslmode=require sslcert=${cert} sslkey=${key}`;
      await works("certified", pair);
      await works("certified", `${pair} sslcertmode=require`);
      await fails("certified", `${pair} sslcertmode=disable`, /certificate/);
      await fails(
        "scrammed",
        "sslmode=require sslcertmode=require",
        /there is no client certificate/,
      );
      chmodSync(key, 0o644);
      await fails("certified", pair, /has group or world access\nHINT: chmod 600/);
      chmodSync(key, 0o640);
      // The owner is root, or whoever runs this: then a group may not.
      if (process.getuid?.() === 0) await works("certified", pair);
      else await fails("certified", pair, /has group or world access/);
      const locked = makeClientCertificate(certificates, "certified", "open-4711");
      const lockedPair = `sslmode=require sslcert=${locked.cert} sslkey=${locked.key}`;
      await works("certified", `${lockedPair} sslpassword=open-4711`);
      await fails(
        "certified",
        `${lockedPair} sslpassword=wrong-4711`,
        /encrypted, and sslpassword is not its passphrase/,
      );
      await fails("certified", lockedPair, /encrypted, and sslpassword is not its passphrase/);
      await fails("certified", `sslmode=require sslcert=${cert}`, /no private key file/);
      await fails(
        "certified",
        `sslmode=require sslcert=${cert} sslkey=${locked.key} sslpassword=open-4711`,
        /cannot be used with the client certificate/,
      );
      await server.sql("ALTER SYSTEM RESET ssl_ca_file");
      await server.sql("SELECT pg_reload_conf()");
      await fails("scrammed", `${pair} sslcertmode=require`, /did not ask for a certificate/);
      await server.sql("ALTER SYSTEM SET ssl_ca_file = 'ca.crt'");
      await server.sql("SELECT pg_reload_conf()");
    });

    test("versions of TLS and its negotiation", async () => {
      await works("scrammed", "sslmode=require ssl_min_protocol_version=TLSv1.3");
      await works("scrammed", "sslmode=require ssl_max_protocol_version=TLSv1.2 sslsni=0");
      await server.sql("ALTER SYSTEM SET ssl_max_protocol_version = 'TLSv1.2'");
      await server.sql("SELECT pg_reload_conf()");
      await fails(
        "scrammed",
        "sslmode=require ssl_min_protocol_version=TLSv1.3",
        /versions of TLS that are allowed/,
      );
      await server.sql("ALTER SYSTEM RESET ssl_max_protocol_version");
      await server.sql("SELECT pg_reload_conf()");
      const direct = "sslnegotiation=direct sslmode=require";
      if (version >= 17) await works("scrammed", direct);
      else await fails("scrammed", direct, /could not connect to server.*\nHINT: .*PostgreSQL 17/);
      await fails("scrammed", "sslnegotiation=direct sslmode=prefer", /weak sslmode/);
    });

    test("hostaddr is where to connect, and host the name to verify", async () => {
      await works("scrammed", `sslmode=verify-full sslrootcert=${certificates.ca}`);
      await fails(
        "scrammed",
        `sslmode=verify-full sslrootcert=${certificates.ca} host=elsewhere.invalid`,
        /not for the host "elsewhere\.invalid"/,
      );
    });

    test("a server that takes TLS only: the hint is the setting that gets in", async () => {
      const { status, stderr } = await run("tlsonly", "", { PGSSLMODE: "disable" });
      assert.equal(status, 1);
      const [, mode = ""] = /^HINT: .*PGSSLMODE=(\w+)/m.exec(stderr) ?? [];
      assert.equal(mode, "require");
      await works("tlsonly", "", { PGSSLMODE: mode });
      await works("tlsonly", "sslmode=allow");
      await works("tlsonly", "");
    });

    test("a timeout of more than 24 days connects, and each host has its own", async () => {
      await works("scrammed", "", { PGCONNECT_TIMEOUT: "2147484" });
      await works("scrammed", "connect_timeout=-1");
      const silent = createServer(() => {}).listen(0, "127.0.0.1");
      await once(silent, "listening");
      const { port } = silent.address() as AddressInfo;
      const start = performance.now();
      const { status, stderr } = await walctl(
        [
          "slots",
          "-d",
          `host=127.0.0.1,127.0.0.1,127.0.0.1 port=${port},${port},${server.port} connect_timeout=1 sslmode=disable user=postgres`,
        ],
        { server },
      );
      const seconds = (performance.now() - start) / 1000;
      silent.close();
      assert.equal(status, 0, stderr);
      assert.ok(seconds >= 2 && seconds < 6, String(seconds));
    });

    test("SCRAM with more iterations than pg takes by itself; with more than can be borne an error", async () => {
      const verifier = (iterations: number): string => {
        const salt = randomBytes(16);
        const salted = pbkdf2Sync(PASSWORD, salt, iterations, 32, "sha256");
        const hmac = (text: string): Buffer => createHmac("sha256", salted).update(text).digest();
        const stored = createHash("sha256").update(hmac("Client Key")).digest();
        return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${stored.toString("base64")}:${hmac("Server Key").toString("base64")}`;
      };
      await server.sql(`CREATE ROLE iterated LOGIN PASSWORD '${verifier(200_000)}'`);
      await server.sql(
        `CREATE ROLE hopeless LOGIN PASSWORD '${verifier(4096).replace("4096", "4000001")}'`,
      );
      const rules = join(server.host, "data", "pg_hba.conf");
      writeFileSync(
        rules,
        `host all iterated,hopeless 127.0.0.1/32 scram-sha-256\n${readFileSync(rules, "utf8")}`,
      );
      await server.sql("SELECT pg_reload_conf()");
      await works("iterated", "");
      await fails("hopeless", "", /4000001 iterations of SCRAM, and walctl does 4000000 at most/);
    });

    test("a password file that others may read is skipped with a warning", async () => {
      const passfile = join(home, "passwords");
      writeFileSync(
        passfile,
        `${server.host.replaceAll(":", "\\:")}:${server.port}:*:locked:${PASSWORD}\n`,
      );
      const env = { PGPASSFILE: passfile, HOME: home, PGUSER: "locked" };
      for (const [mode, status, pattern] of [
        [0o600, 0, /^$/],
        [
          0o640,
          1,
          /^walctl: warning: password file ".*" has group or world access and is skipped\nHINT: chmod 600 .*\nwalctl: error: .*none is given/,
        ],
      ] as const) {
        chmodSync(passfile, mode);
        const result = await walctl(["slots", "-F", "ndjson"], { server, env });
        assert.equal(result.status, status, result.stderr);
        assert.match(result.stderr, pattern);
        // psql reads the same file, and thinks the same of it.
        const psql = spawnSync(toolPath("psql"), ["-XwAtc", "SELECT 1"], {
          env: { ...process.env, ...server.env, ...env },
          encoding: "utf8",
        });
        assert.equal(psql.status === 0, status === 0, psql.stderr);
      }
    });
  });
}

describe("several servers", () => {
  let main: TestServer;
  let other: TestServer;
  let home: string;

  before(async () => {
    home = mkdtempSync(join(tmpdir(), "walctl-hosts-"));
    [main, other] = await Promise.all([startServer({ version: 18 }), startServer({ version: 18 })]);
  });
  after(async () => {
    await Promise.all([main.dispose(), other.dispose()]);
    rmSync(home, { recursive: true });
  });

  const slotsOf = async (server: TestServer): Promise<readonly string[]> =>
    (
      await server.sql<{ name: string }>("SELECT slot_name::text AS name FROM pg_replication_slots")
    ).map(({ name }) => name);

  test("drop-slot -d service=staging drops it there, and not on the default server", async () => {
    const services = join(home, "services");
    writeFileSync(
      services,
      `[staging]\nhost=${other.host}\nport=${other.port}\nuser=postgres\ndbname=postgres\n`,
    );
    for (const server of [main, other])
      await server.sql("SELECT pg_create_logical_replication_slot('cdc', 'pgoutput')");
    const env = { PGSERVICEFILE: services };
    const missing = await walctl(["drop-slot", "cdc", "-d", "service=stagin"], {
      server: main,
      env,
    });
    assert.equal(missing.status, 2);
    assert.match(missing.stderr, /definition of service "stagin" not found/);
    assert.deepEqual([await slotsOf(main), await slotsOf(other)], [["cdc"], ["cdc"]]);
    const dropped = await walctl(["drop-slot", "cdc", "-d", "service=staging"], {
      server: main,
      env,
    });
    assert.equal(dropped.status, 0, dropped.stderr);
    assert.deepEqual([await slotsOf(main), await slotsOf(other)], [["cdc"], []]);
  });

  test("the first server that answers is used, and the hints lead to it", async () => {
    const where = `host=/nonexistent,${other.host} port=1,${other.port}`;
    await other.sql("CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t");
    const made = await walctl(["create-slot", "found", "-d", where], { server: main });
    assert.equal(made.status, 0, made.stderr);
    assert.deepEqual(await slotsOf(other), ["found"]);
    const hint = await walctl(["tail", "-S", "gone", "-P", "p", "-d", where], { server: main });
    assert.match(hint.stderr, new RegExp(`HINT: .* -h ${other.host} -p ${other.port} `));
    // A pasted command is not weaker than the one that it comes from.
    const strict = await walctl(
      ["tail", "-S", "gone", "-P", "p", "-d", `${where} require_auth=none password=hush-4711`],
      { server: main },
    );
    assert.match(strict.stderr, / -d 'dbname=postgres require_auth=none'$/m);
    await walctl(["drop-slot", "found", "-d", where], { server: main });
    const none = await walctl(["slots", "-d", "host=/nonexistent,/nowhere"], { server: main });
    assert.equal(none.status, 1);
    assert.match(
      none.stderr,
      /could not connect to any server: "\/nonexistent", port \d+: no server listens.*; "\/nowhere", port/,
    );
  });

  test("tail goes on at the next host when the first one is lost", async (t) => {
    await other.sql(
      "CREATE TABLE moved (id int PRIMARY KEY); CREATE PUBLICATION moved FOR TABLE moved",
    );
    await other.sql("SELECT pg_create_logical_replication_slot('moved', 'pgoutput')");
    const [first, second] = await Promise.all([FaultProxy.start(other), FaultProxy.start(other)]);
    t.after(() => Promise.all([first.close(), second.close()]));
    const where = `host=127.0.0.1,127.0.0.1 port=${first.port},${second.port} sslmode=disable`;
    const running = spawnWalctl(["tail", "-S", "moved", "-P", "moved", "-d", where], {
      server: main,
      env: { PGUSER: "postgres" },
    });
    t.after(() => running.dispose());
    await other.sql("INSERT INTO moved VALUES (1)");
    await running.waitFor((line) => line.includes('"commit"'));
    assert.equal(second.connections, 0);
    first.refusing = true;
    first.cut();
    await other.sql("INSERT INTO moved VALUES (2)");
    const lines = await running.waitFor((line) => line.includes('"kind":"commit"'));
    assert.deepEqual(insertedIds(parseLines(lines.join("\n"))), [2]);
    assert.equal(second.connections, 1);
    assert.equal((await running.stop()).status, 0);
    await other.sql("SELECT pg_drop_replication_slot('moved')");
  });

  test("target_session_attrs and load_balance_hosts choose among a primary and its standby", async () => {
    const standby = await startStandby(other);
    try {
      const hosts = (more: string): string =>
        `host=${standby.host},${other.host} port=${standby.port},${other.port} ${more}`;
      for (const [attrs, server] of [
        ["any", standby],
        ["primary", other],
        ["read-write", other],
        ["standby", standby],
        ["read-only", standby],
        ["prefer-standby", standby],
      ] as const) {
        const result = await walctl(
          ["doctor", "-F", "ndjson", "-d", hosts(`target_session_attrs=${attrs}`)],
          { server: main },
        );
        assert.match(
          result.stdout,
          new RegExp(`^.*"check":"connection".*${server.host}\\\\", port ${server.port},`),
          attrs,
        );
      }
      const alone = await walctl(["slots", "-d", `host=${other.host} port=${other.port}`], {
        server: main,
        env: { PGTARGETSESSIONATTRS: "standby" },
      });
      assert.equal(alone.status, 1);
      assert.match(alone.stderr, /server is not in hot standby mode\nHINT: .*target_session_attrs/);
      const preferred = await walctl(["slots", "-d", `host=${other.host} port=${other.port}`], {
        server: main,
        env: { PGTARGETSESSIONATTRS: "prefer-standby" },
      });
      assert.equal(preferred.status, 0, preferred.stderr);
      await other.sql("ALTER SYSTEM SET default_transaction_read_only = on");
      await other.sql("SELECT pg_reload_conf()");
      const readOnly = await walctl(["slots", "-d", `host=${other.host} port=${other.port}`], {
        server: main,
        env: { PGTARGETSESSIONATTRS: "read-write" },
      });
      assert.match(readOnly.stderr, /session is read-only/);
      const chosen = new Set<string>();
      for (let round = 0; round < 20 && chosen.size < 2; round++) {
        const { stdout } = await walctl(
          ["doctor", "-F", "ndjson", "-d", hosts("load_balance_hosts=random")],
          { server: main },
        );
        chosen.add(/"check":"connection".*?server at (\S+),/.exec(stdout)?.[1] ?? "");
      }
      assert.equal(chosen.size, 2);
    } finally {
      await standby.dispose();
    }
  });
});
