/**
 * What a new user meets: one clear line and a hint that helps when it is pasted. The goldens are what
 * the user sees; the hints are run.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { newestOrBoth } from "../matrix/support/versions.ts";
import { PROGRAM, type RunOptions, type RunResult, walctl } from "../support/program/cli.ts";
import { matchGolden } from "../support/golden/golden.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { toolPath } from "../support/tools/tools.ts";
import { until } from "../support/tools/until.ts";

/** What differs from run to run stands as a name in the goldens. */
function normalize(text: string, server: TestServer): string {
  return text
    .replaceAll(server.host, "SOCKET_DIR")
    .replaceAll(String(server.port), "PORT")
    .replace(/\bserver process \d+/g, "server process PID")
    .replace(/_backend\(\d+\)/g, "_backend(PID)")
    .replace(/\b1[58]\.\d+\b/g, "VERSION")
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00/g, "TIME")
    .replace(/\/\S*\/\.pgpass/g, "HOME/.pgpass");
}

/** The command, what it says and how it ends, as on a terminal. */
function transcript(args: readonly string[], result: RunResult, server: TestServer): string {
  const words = args.map((word) => (/^[\w./:=,-]+$/.test(word) ? word : `'${word}'`));
  const shown = normalize(`$ walctl ${words.join(" ")}\n${result.stderr}`, server);
  return `${shown}exit status ${result.status}\n`;
}

/** What stands last in the hint, from the name of a program on. */
function commandIn(stderr: string): string {
  const [command] =
    /\b(?:psql|walctl|createdb|pg_isready|echo) .*$/m.exec(/^HINT: .*$/m.exec(stderr)?.[0] ?? "") ??
    [];
  assert.ok(command !== undefined, `no command in the hint: ${stderr}`);
  return command;
}

/** The SQL after the hint's last colon. */
function sqlIn(stderr: string): string {
  const [, sql] = /^HINT: .*: ([A-Z].*)$/m.exec(stderr) ?? [];
  assert.ok(sql !== undefined, `no SQL in the hint: ${stderr}`);
  return sql;
}

/** Pastes a command into a shell that knows `walctl`. */
async function paste(command: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const script = `walctl() { '${process.execPath}' '${PROGRAM}' "$@"; }\n${command}`;
  const options = { env: { PATH: process.env["PATH"] ?? "", ...env } };
  return (await promisify(execFile)("bash", ["--norc", "-c", script], options)).stdout;
}

for (const version of newestOrBoth()) {
  describe(`errors on PostgreSQL ${version}`, () => {
    let server: TestServer;
    let home: string;

    before(async () => {
      server = await startServer({ version, settings: { wal_level: "logical" }, tcp: true });
      home = await mkdtemp(join(tmpdir(), "walctl-home-"));
      await server.sql(`CREATE TABLE t (a int PRIMARY KEY); CREATE TABLE "T;drop" (a int PRIMARY KEY);
        CREATE ROLE plain LOGIN; CREATE ROLE locked LOGIN REPLICATION PASSWORD 'right'`);
    });
    after(async () => {
      await server.dispose();
      await rm(home, { recursive: true, force: true });
    });

    /** Runs the program, compares what it says with the golden, and gives that. */
    async function meet(
      golden: string,
      args: readonly string[],
      options: Omit<RunOptions, "server"> = {},
    ): Promise<string> {
      const result = await walctl(args, { server, ...options });
      assert.equal(result.stdout, "");
      matchGolden(`fixtures/errors/${golden}.txt`, transcript(args, result, server));
      return result.stderr;
    }

    async function works(
      args: readonly string[],
      env: Readonly<Record<string, string>> = {},
    ): Promise<void> {
      const { status, stderr } = await walctl(args, { server, env });
      assert.equal(status, 0, stderr);
    }

    test("nobody listens at the port", async () => {
      const down = await meet("server-down-tcp", ["drop-slot", "s", "-h", "127.0.0.1", "-p", "1"]);
      // It tells so by its exit status too.
      const told = await paste(`${commandIn(down)} || true`);
      assert.equal(told.trimEnd(), "127.0.0.1:1 - no response");
    });

    test("there is no socket", async () => {
      await meet("server-down-socket", ["drop-slot", "s", "-h", "/nonexistent"]);
    });

    test("the host has no address", async () => {
      await meet("no-such-host", ["drop-slot", "s", "-h", "walctl.invalid"]);
    });

    test("the server has no TLS", async () => {
      const args = ["setup-publication", "tls", "-t", "t", "-h", "127.0.0.1"];
      const stderr = await meet("no-tls", args, { env: { PGSSLMODE: "require" } });
      const [, mode = ""] = /PGSSLMODE=(\w+)/.exec(stderr) ?? [];
      await works(args, { PGSSLMODE: mode });
      await server.sql("DROP PUBLICATION tls");
    });

    test("the password is wrong, or there is none", async () => {
      const [row] = await server.sql<{ hba_file: string }>("SHOW hba_file");
      const file = row?.hba_file ?? "";
      const rules = await readFile(file, "utf8");
      await writeFile(file, `local all locked scram-sha-256\n${rules}`);
      await server.sql("SELECT pg_reload_conf()");
      const args = ["create-slot", "locked", "-U", "locked"];
      await meet("wrong-password", args, { env: { PGPASSWORD: "wrong", HOME: home } });
      await works(args, { PGPASSWORD: "right" });
      const none = await meet("no-password", args, { env: { HOME: home } });
      await paste(commandIn(none).replace("PASSWORD", "right"), { HOME: home });
      await works(args, { HOME: home });
    });

    test("there is no such role", async () => {
      const args = ["create-slot", "s", "-U", 'My "Role"'];
      const stderr = await meet("no-such-role", args);
      await server.sql(sqlIn(stderr));
      await works(args);
      await works(["drop-slot", "s"]);
    });

    test("there is no such database", async () => {
      const args = ["create-slot", "s", "-d", 'My "DB"'];
      const stderr = await meet("no-such-database", args);
      await paste(commandIn(stderr).replace(/^.*\bcreatedb/, "createdb"));
      await works(args);
      await works(["drop-slot", "s", "-d", 'My "DB"']);
    });

    test("the role has no REPLICATION right", async () => {
      const args = ["create-slot", "s", "-U", "plain"];
      const stderr = await meet(`no-replication-right-${version}`, args);
      await server.sql(sqlIn(stderr));
      await works(args);
      await works(["drop-slot", "s"]);
      await server.sql("ALTER ROLE plain NOREPLICATION");
    });

    test("the role may not publish the table", async () => {
      const args = ["setup-publication", "p", "-t", "t", "-U", "plain"];
      await paste(commandIn(await meet("no-publication-right", args)));
      await server.sql("DROP PUBLICATION p; ALTER TABLE t OWNER TO plain");
      await server.sql(sqlIn(await meet("no-create-right", args)));
      await works(args);
      await server.sql("DROP PUBLICATION p; ALTER TABLE t OWNER TO postgres");
    });

    test("there is no such table, but one of a similar name", async () => {
      const args = ["setup-publication", "p", "-t", '"t;DROP"'];
      const stderr = await meet("no-such-table", args);
      const [, option = ""] = /Do you mean (-t .*)\?$/m.exec(stderr) ?? [];
      await paste(`walctl setup-publication p ${option}`, server.env);
      await server.sql("DROP PUBLICATION p");
    });

    test("a publication differs from what is asked for", async () => {
      await works(["setup-publication", 'My "Pub"', "-t", "t"]);
      const args = ["setup-publication", 'My "Pub"', "-t", '"T;drop" WHERE a > 1'];
      const result = await walctl(args, { server });
      matchGolden("fixtures/errors/different-publication.txt", transcript(args, result, server));
      // It takes something away: what is there stays, and another one is made.
      assert.match(await paste(commandIn(result.stderr)), /"status":"created"/);
      await works(["setup-publication", 'My "Pub"', "-t", "t"]);
      const more = ["setup-publication", 'My "Pub"', "-t", "t", "-t", '"T;drop"'];
      const adding = await walctl(more, { server });
      assert.match(await paste(commandIn(adding.stderr)), /"status":"altered"/);
      await works(more);
      await server.sql('DROP PUBLICATION "My ""Pub"""; DROP PUBLICATION "My ""Pub""_2"');
    });

    test("there is no such publication", async () => {
      const stderr = await meet("no-such-publication", ["tail", "-P", 'My "Pub"']);
      assert.match(await paste(commandIn(stderr)), /"status":"created"/);
      await works(["tail", "-P", 'My "Pub"', "--endpos", "now"]);
      await server.sql('DROP PUBLICATION "My ""Pub"""');
    });

    test("there is no such slot", async () => {
      await works(["setup-publication", "p", "-t", "t"]);
      const args = ["tail", "-P", "p", "-S", "s"];
      const stderr = await meet("no-such-slot", args);
      assert.match(await paste(commandIn(stderr)), /"status":"created"/);
      await works([...args, "--endpos", "now"]);
      await works(["drop-slot", "s"]);
      await server.sql("DROP PUBLICATION p");
      await meet("drop-no-such-slot", ["drop-slot", "s"]);
    });

    test("the slot is in use", async () => {
      await works(["setup-publication", "p", "-t", "t"]);
      await works(["create-slot", "s"]);
      const held = holdSlot(server);
      await until(
        async () => (await server.sql("SELECT FROM pg_replication_slots WHERE active")).length > 0,
      );
      await meet("slot-in-use-tail", ["tail", "-P", "p", "-S", "s", "--no-loop"]);
      const stderr = await meet("slot-in-use", ["drop-slot", "s"]);
      const [, ending] = /(pg_terminate_backend\(\d+\))/.exec(stderr) ?? [];
      await server.sql(`SELECT ${ending}`);
      await held;
      await works(["drop-slot", "s"]);
      await server.sql("DROP PUBLICATION p");
    });

    test("the slot belongs to another plugin", async () => {
      await server.sql("SELECT pg_create_logical_replication_slot('s', 'test_decoding')");
      const stderr = await meet("other-plugin", ["create-slot", "s"]);
      assert.match(await paste(commandIn(stderr)), /"slot":"s_2","status":"created"/);
      await works(["drop-slot", "s"]);
      await works(["drop-slot", "s_2"]);
    });

    test("A limit of open files is said, and is no bug in walctl.", async () => {
      await works(["setup-publication", "p", "-t", "t"]);
      for (const command of ["slots", "doctor", "tail -P p --endpos now"]) {
        // The first limit that is too small depends on the machine; with less, Node.js does not start.
        let stderr: string | undefined;
        for (let limit = 32; stderr === undefined; limit--) {
          assert.ok(limit > 16, `${command} had enough`);
          const script = `ulimit -n ${limit}; '${process.execPath}' '${PROGRAM}' ${command}`;
          const env = { ...process.env, ...server.env };
          const run = promisify(execFile)("bash", ["--norc", "-c", script], { env });
          stderr = await run.then(
            () => undefined,
            (error: { readonly stderr: string }) => error.stderr,
          );
        }
        assert.match(stderr, /^walctl: error: .*too many open files.*\nHINT: ulimit -n shows/);
      }
      await server.sql("DROP PUBLICATION p");
    });

    test("wrong options", async () => {
      await meet("unknown-option", ["create-slot", "s", "--two-phases"]);
      await meet("malformed-table", ["setup-publication", "p", "-t", "my table"]);
      await meet("unbalanced-where", ["setup-publication", "p", "-t", "t WHERE a > (1"]);
      await meet("nothing-to-publish", ["setup-publication", "p"]);
      await meet("unknown-operation", ["setup-publication", "p", "-t", "t", "--publish", "upsert"]);
      await meet("slot-name", ["create-slot", 'S 1."T;drop"']);
      await meet("lock-timeout", ["create-slot", "s", "--lock-timeout", "soon"]);
    });
  });

  test(`wal_level is not logical on PostgreSQL ${version}`, async () => {
    const server = await startServer({ version, settings: { wal_level: "replica" } });
    try {
      const args = ["create-slot", "s"];
      const result = await walctl(args, { server });
      matchGolden("fixtures/errors/wal-level.txt", transcript(args, result, server));
      await paste(commandIn(result.stderr));
      await server.restart();
      const now = await walctl(args, { server });
      assert.equal(now.status, 0, now.stderr);
    } finally {
      await server.dispose();
    }
  });
}

/** Another program streams from slot s until its connection is ended. */
async function holdSlot(server: TestServer): Promise<void> {
  const options = ["-o", "proto_version=1", "-o", "publication_names=p", "--no-loop"];
  const args = ["-d", "postgres", "--slot", "s", "--start", "-f", "/dev/null", ...options];
  const env = { PATH: process.env["PATH"], PGAPPNAME: "the other", ...server.env };
  await promisify(execFile)(toolPath("pg_recvlogical"), args, { env }).catch(() => {});
}

test("what an older server lacks is refused by name", async () => {
  const server = await startServer({ version: 15, settings: { wal_level: "logical" } });
  try {
    for (const [golden, args] of [
      ["failover-15", ["create-slot", "s", "--failover"]],
      [
        "generated-columns-15",
        ["setup-publication", "p", "--all-tables", "--generated-columns", "none"],
      ],
    ] as const) {
      const result = await walctl(args, { server });
      matchGolden(`fixtures/errors/${golden}.txt`, transcript(args, result, server));
    }
    assert.equal((await server.sql("SELECT FROM pg_publication")).length, 0);
  } finally {
    await server.dispose();
  }
});
