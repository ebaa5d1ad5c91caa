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
});
