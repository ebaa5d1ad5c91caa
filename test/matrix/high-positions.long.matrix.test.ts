/** WAL above 2⁵³ bytes, where not every LSN is a JavaScript number. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { it } from "node:test";
import { walctl } from "../support/program/cli.ts";
import { type ServerVersion, startServer } from "../support/server/server.ts";
import { type RecordLine, ownRecord, waldumpOf, waldumpRecords } from "../wal/support/oracles.ts";

/** Debian's pg_resetwal is of one version. */
const VERSION = ([18, 17, 16, 15, 14] as const).find((each) => waldumpOf(each) !== undefined);

it(
  "prints every LSN of WAL that begins at FFFFFF/0 as the server does",
  { skip: VERSION === undefined },
  async (t) => {
    const version: ServerVersion = VERSION ?? 15;
    const root = mkdtempSync(join(tmpdir(), "walctl-high-"));
    const server = await startServer({ version, settings: { wal_level: "logical" } });
    t.after(async () => {
      await server.dispose();
      rmSync(root, { recursive: true });
    });
    const data = join(server.host, "data");
    await server.stop();
    const { gid, uid } = statSync(data);
    const reset = join(dirname(waldumpOf(version) ?? ""), "pg_resetwal");
    // It refuses to run as root.
    execFileSync(reset, ["-l", "0000000100FFFFFF00000000", "-D", data], { gid, uid });
    await server.start();
    const odd = "FFFFFFFF/FFFFFFF1";
    await server.sql(
      `CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t;
       SELECT pg_replication_origin_create('o'), pg_replication_origin_session_setup('o')`,
    );
    await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    const catalog = join(root, "catalog");
    const made = await walctl(["catalog", "-q", "-o", catalog], { server });
    assert.equal(`${made.status} ${made.stderr}`, "0 ");
    await server.sql(
      `BEGIN; SELECT pg_replication_origin_xact_setup('${odd}', now()); INSERT INTO t VALUES (1); COMMIT`,
    );
    await server.sql(
      "BEGIN; INSERT INTO t VALUES (2); SAVEPOINT s; UPDATE t SET id = 3 WHERE id = 1; COMMIT",
    );
    const tail = await walctl(["tail", "-q", "-S", "s", "-P", "p", "-E", "now"], { server });
    assert.equal(tail.status, 0, tail.stderr);
    await server.stop();
    const folder = join(data, "pg_wal");

    const rows = await walctl(["decode-file", "-q", "--catalog", catalog, folder]);
    assert.equal(`${rows.status} ${rows.stderr}`, "0 ");
    assert.equal(rows.stdout, tail.stdout);
    assert.match(rows.stdout, new RegExp(`"kind":"origin".*"origin_lsn":"${odd}"`));

    const inspected = await walctl(["inspect", "-q", folder]);
    assert.equal(inspected.status, 0, inspected.stderr);
    const lines = inspected.stdout.trimEnd().split("\n");
    const records = lines.map((line) => JSON.parse(line) as RecordLine);
    assert.deepEqual(
      records.map(ownRecord),
      await waldumpRecords(version, folder, records[0]?.lsn ?? ""),
    );
    assert.ok(records.some(({ lsn }) => lsn.endsWith("8")));
    assert.match(inspected.stdout, new RegExp(`"origin_lsn":"${odd}"`));

    const [first, last] = [records.at(-9)!.lsn, records.at(-3)!.lsn];
    const after = (lsn: string, more: bigint): string =>
      `FFFFFF/${(BigInt(`0x${lsn.split("/")[1]}`) + more).toString(16).toUpperCase()}`;
    const range = ["-I", after(first, 1n), "-E", after(last, 7n)];
    const some = await walctl(["inspect", "-q", ...range, folder]);
    const shown = some.stdout.matchAll(/"lsn":"(.*?)","end_lsn"/g);
    assert.deepEqual(
      Array.from(shown, ([, lsn]) => lsn),
      records.slice(-8, -2).map(({ lsn }) => lsn),
    );

    const stopped = await walctl(["catalog", "--data-dir", data, "-d", "postgres"]);
    assert.match(stopped.stdout, /"lsn":"FFFFFF\//, stopped.stderr);
  },
);
