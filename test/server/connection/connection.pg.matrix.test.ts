/** libpq's connection options on real servers: what they ask for happens, or nothing does. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import { spawnWalctl, walctl } from "../../support/program/cli.ts";
import { insertedIds, parseLines } from "../../support/program/lines.ts";
import { FaultProxy } from "../../support/server/proxy.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { startStandby } from "../../support/server/standby.ts";
import { toolPath } from "../../support/tools/tools.ts";
import { LoginServer, PASSWORD } from "./login-server.ts";

for (const version of newestOrBoth()) {
  describe(`connection options on PostgreSQL ${version}`, () => {
    const login = new LoginServer();
    const { fails, works } = login;
    before(() => login.start(version));
    after(() => login.dispose());

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
          `host=127.0.0.1,127.0.0.1,127.0.0.1 port=${port},${port},${login.server.port} connect_timeout=1 sslmode=disable user=postgres`,
        ],
        { server: login.server },
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
      await login.server.sql(`CREATE ROLE iterated LOGIN PASSWORD '${verifier(200_000)}'`);
      await login.server.sql(
        `CREATE ROLE hopeless LOGIN PASSWORD '${verifier(4096).replace("4096", "4000001")}'`,
      );
      const rules = join(login.server.host, "data", "pg_hba.conf");
      writeFileSync(
        rules,
        `host all iterated,hopeless 127.0.0.1/32 scram-sha-256\n${readFileSync(rules, "utf8")}`,
      );
      await login.server.sql("SELECT pg_reload_conf()");
      await works("iterated", "");
      await fails("hopeless", "", /4000001 iterations of SCRAM, and walctl does 4000000 at most/);
    });

    test("a password file that others may read is skipped with a warning", async () => {
      const passfile = join(login.home, "passwords");
      writeFileSync(
        passfile,
        `${login.server.host.replaceAll(":", "\\:")}:${login.server.port}:*:locked:${PASSWORD}\n`,
      );
      const env = { PGPASSFILE: passfile, HOME: login.home, PGUSER: "locked" };
      for (const [mode, status, pattern] of [
        [0o600, 0, /^$/],
        [
          0o640,
          1,
          /^walctl: warning: password file ".*" has group or world access and is skipped\nHINT: chmod 600 .*\nwalctl: error: .*none is given/,
        ],
      ] as const) {
        chmodSync(passfile, mode);
        const result = await walctl(["slots", "-F", "ndjson"], { server: login.server, env });
        assert.equal(result.status, status, result.stderr);
        assert.match(result.stderr, pattern);
        // psql reads the same file, and thinks the same of it.
        const psql = spawnSync(toolPath("psql"), ["-XwAtc", "SELECT 1"], {
          env: { ...process.env, ...login.server.env, ...env },
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
