/** WAL of wal_level=minimal, which PostgreSQL 14 to 16 name only where it changes. */
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { walctl } from "../../support/program/cli.ts";
import { startServer } from "../../support/server/server.ts";

it("refuses rows of wal_level=minimal, or says that the level is not known, wherever the WAL begins", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "walctl-minimal-"));
  const server = await startServer({
    version: 15,
    settings: { wal_level: "minimal", max_wal_senders: "0", wal_keep_size: "500MB" },
    initdbArguments: ["--wal-segsize=1"],
  });
  t.after(async () => {
    await server.dispose();
    rmSync(root, { recursive: true });
  });
  /** The segment that begins. */
  const next = async (): Promise<string> => {
    const [row] = await server.sql<{ name: string }>(
      "SELECT pg_switch_wal(); SELECT pg_walfile_name(pg_current_wal_lsn() + 1) AS name",
    );
    return row?.name ?? assert.fail();
  };
  await server.sql("CREATE TABLE t (id int PRIMARY KEY)");
  const checked = await next();
  // These rows are in no record.
  await server.sql("BEGIN; TRUNCATE t; INSERT INTO t VALUES (1); COMMIT");
  await server.sql("CHECKPOINT");
  const unchecked = await next();
  await server.sql("INSERT INTO t VALUES (2)");
  await server.stop();
  appendFileSync(join(server.host, "data", "postgresql.conf"), "wal_level = replica\n");
  await server.start();
  const replica = await next();
  await server.sql("CHECKPOINT");
  await server.sql("INSERT INTO t VALUES (3)");
  await server.sql("CHECKPOINT");
  const catalog = join(root, "catalog");
  assert.equal((await walctl(["catalog", "-q", "-o", catalog], { server })).status, 0);
  await next();
  const folder = join(server.host, "data", "pg_wal");
  const from = async (first: string, ...args: readonly string[]): Promise<string> => {
    const names = readdirSync(folder).filter((name) => /^\w{24}$/.test(name) && name >= first);
    const wal = names.toSorted().map((name) => join(folder, name));
    const rows = ["--only", "insert", ...args];
    const result = await walctl(["decode-file", "-q", "--catalog", catalog, ...rows, ...wal]);
    const ids = [...result.stdout.matchAll(/"new":\{"id":(\d)\}/g)].map(([, id]) => id);
    return `${result.status} ${ids.join()} ${result.stderr}`;
  };
  assert.match(
    await from(checked),
    /^3 {2}walctl: error: at \S+ wal_level was minimal: rows may be missing before and from here on\n/,
  );
  const unknown = await from(unchecked);
  assert.match(
    unknown,
    /^0 2,3 walctl: warning: wal_level was set at \S+, and what it was before is not known: .*\nHINT: .* -I \S+\n$/,
  );
  const position = /-I (\S+)\n$/.exec(unknown)?.[1] ?? "";
  assert.equal(await from(unchecked, "-I", position), "0 3 ");
  assert.equal(await from(replica), "0 3 ");
  assert.match(
    await from(checked, "--keep-going"),
    /^3 3 walctl: warning: at \S+ wal_level was minimal: .*: skipped \S+ to \S+ \([\d,]+ bytes\)\n/,
  );
});

it("goes on behind wal_level=minimal with --keep-going, by a catalogue of then, and ahead of it by an earlier one", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "walctl-minimal-"));
  const settings = { wal_level: "replica", max_wal_senders: "0", wal_keep_size: "500MB" };
  const initdbArguments = ["--wal-segsize=1"];
  const server = await startServer({ version: 18, settings, initdbArguments });
  t.after(async () => {
    await server.dispose();
    rmSync(root, { recursive: true });
  });
  const restartAt = async (level: string): Promise<void> => {
    await server.stop();
    const settingsFile = join(server.host, "data", "postgresql.conf");
    appendFileSync(settingsFile, `wal_level = ${level}\n`);
    await server.start();
  };
  const exported = async (name: string): Promise<string> => {
    const file = join(root, name);
    assert.equal((await walctl(["catalog", "-q", "-o", file], { server })).status, 0);
    return file;
  };
  await server.sql("CREATE TABLE t (id int, a text, b text)");
  const early = await exported("early");
  await server.sql("INSERT INTO t VALUES (1, 'a', 'b')");
  await restartAt("minimal");
  await server.sql("ALTER TABLE t RENAME a TO c; ALTER TABLE t RENAME b TO a");
  await server.sql("INSERT INTO t VALUES (2, 'c', 'a')");
  await restartAt("replica");
  await server.sql("INSERT INTO t VALUES (3, 'c', 'a')");
  const late = await exported("late");
  await server.sql("SELECT pg_switch_wal()");
  const rows = async (catalog: string, ...args: readonly string[]): Promise<readonly unknown[]> => {
    const wal = join(server.host, "data", "pg_wal");
    const decode = ["decode-file", "-q", "--catalog", catalog, "--only", "insert", ...args, wal];
    const { status, stderr, stdout } = await walctl(decode);
    assert.equal(status, 3, stderr);
    assert.match(stderr, /at \S+ wal_level became minimal: rows may be missing from here on/);
    const lines = stdout.split("\n").filter((line) => line !== "");
    return lines.map((line) => (JSON.parse(line) as { new: unknown }).new);
  };
  const [first, last] = [
    { id: 1, a: "a", b: "b" },
    { id: 3, c: "c", a: "a" },
  ];
  assert.deepEqual(await rows(early), [first]);
  assert.deepEqual(await rows(early, "--keep-going"), [first]);
  assert.deepEqual(await rows(late, "--keep-going"), [last]);
});
