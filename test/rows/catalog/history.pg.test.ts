/** The catalogue over time on a real server: changes of tables, and what it refuses to know. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { CatalogFile } from "../../../src/catalog/model.ts";
import { CatalogHistory } from "../../../src/rows/catalog/history.ts";
import { LateCatalog } from "../../../src/rows/catalog/late.ts";
import { TransactionRecord, endKind } from "../../../src/postgres/records/transaction.ts";
import { PageStore } from "../../../src/rows/pages/page-store.ts";
import { Rmgr } from "../../../src/postgres/records/rmgrs.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { exportCatalog, positionOfText } from "../support/export.ts";
import { followLog } from "../support/log.ts";
import type { Probe } from "../support/probes.ts";
import { workOnTables } from "../support/random-ddl.ts";
import { replay } from "../support/replay.ts";

const NOBODY: ReadonlySet<number> = new Set();
/** Nothing here changes it. */
const PG_AM = 2601;
const SEED = 11;
const STEPS = 60;

/** What one transaction each does, and what is to be said of it: action, table, and whether the file is another one. */
const CHANGES: ReadonlyArray<readonly [statements: string, changes: readonly string[]]> = [
  ["CREATE TABLE a (id int PRIMARY KEY, t text)", ["created public.a"]],
  ["INSERT INTO a SELECT i, 'x' FROM generate_series(1, 100) i", []],
  ["TRUNCATE a", ["truncated public.a, another file"]],
  ["VACUUM FULL a", ["rewritten public.a, another file"]],
  ["CLUSTER a USING a_pkey", ["rewritten public.a, another file"]],
  ["REINDEX TABLE a; ANALYZE a", []],
  ["ALTER TABLE a ALTER id TYPE bigint", ["rewritten public.a, another file"]],
  ["ALTER TABLE a ADD COLUMN d int DEFAULT 7", []],
  ["ALTER TABLE a SET TABLESPACE side", ["rewritten public.a, another file"]],
  ["ALTER TABLE a RENAME TO b; CREATE SCHEMA s; ALTER TABLE b SET SCHEMA s", []],
  [
    "BEGIN; TRUNCATE s.b; CREATE TABLE c (id int); INSERT INTO c VALUES (1); TRUNCATE c; DROP TABLE s.b; COMMIT",
    ["truncated s.b, another file", "created public.c", "truncated public.c", "dropped s.b"],
  ],
  [
    "BEGIN; SAVEPOINT x; TRUNCATE c; ROLLBACK TO x; CREATE TABLE d (id int); COMMIT",
    ["created public.d"],
  ],
  ["BEGIN; TRUNCATE c; ROLLBACK", []],
  // 18 creates it empty and refreshes it.
  [
    "CREATE MATERIALIZED VIEW m AS SELECT * FROM c",
    ["created public.m", "rewritten public.m, another file"],
  ],
  ["REFRESH MATERIALIZED VIEW m", ["rewritten public.m, another file"]],
  [
    "CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)",
    ["created public.p", "created public.p1"],
  ],
  ["TRUNCATE p", ["truncated public.p1, another file"]],
  ["DROP TABLE p", ["dropped public.p1", "dropped public.p"]],
  ["DROP MATERIALIZED VIEW m", ["dropped public.m"]],
];

describe("the catalogue over time", () => {
  let server: TestServer;
  let early: CatalogFile;
  /** Of after CHANGES. */
  let middle: CatalogFile;
  let late: CatalogFile;
  let probes: readonly Probe[];
  /** Where each of CHANGES began. */
  const starts: number[] = [];

  before(async () => {
    const settings = {
      full_page_writes: "on",
      autovacuum: "off",
      wal_keep_size: "1GB",
      allow_in_place_tablespaces: "on",
    };
    server = await startServer({ version: 18, settings });
    await server.sql("CREATE TABLESPACE side LOCATION ''");
    await server.sql("CHECKPOINT");
    early = await exportCatalog(server);
    for (const [statements] of CHANGES) {
      const [row] = await server.sql<{ lsn: string }>(
        "SELECT pg_current_wal_insert_lsn()::text AS lsn",
      );
      starts.push(positionOfText(row!.lsn));
      for (const statement of statements.split("; ")) await server.sql(statement);
    }
    const [end] = await server.sql<{ lsn: string }>(
      "SELECT pg_current_wal_insert_lsn()::text AS lsn",
    );
    starts.push(positionOfText(end!.lsn));
    middle = await exportCatalog(server);
    const work = await workOnTables(server, { seed: SEED, steps: STEPS, rewrites: true });
    probes = work.probes;
    late = await exportCatalog(server);
  });
  after(async () => await server.dispose());

  it("is what the server said, from an early export and a late one", async () => {
    await replay(server, early, probes, { from: early.header.lsn });
    await replay(server, late, probes, { from: early.header.lsn });
  });

  it("tells which tables were created, dropped, rewritten and truncated", async () => {
    for (const file of [early, late]) {
      const said: string[][] = CHANGES.map(() => []);
      await replay(server, file, [], {
        from: early.header.lsn,
        ended: (history, xids) => {
          for (const change of history.tableChanges(xids).told) {
            const index = starts.findIndex((start) => start > change.lsn) - 1;
            if (index < 0) continue;
            const { action, schema, name, oldRelfilenode, relfilenode } = change;
            const isOther = oldRelfilenode !== undefined && oldRelfilenode !== relfilenode;
            said[index]!.push(`${action} ${schema}.${name}${isOther ? ", another file" : ""}`);
          }
        },
      });
      assert.deepEqual(
        said,
        CHANGES.map(([, changes]) => changes),
      );
    }
  });

  it("knows nothing on the wrong side of a gap", async () => {
    const gap = starts[5]!;
    for (const file of [early, middle]) {
      const history = await withGap(server, file, early.header.lsn, gap, starts[6]!);
      const table = (lsn: number): string | undefined =>
        history.relationByOid(oidOf(middle, "c"), lsn, NOBODY)?.name;
      const isLate = file === middle;
      assert.equal(table(starts.at(-1)! - 1), isLate ? "c" : undefined);
      const known = (lsn: number): boolean =>
        history.relationByOid(PG_AM, lsn, NOBODY) !== undefined;
      assert.equal(known(gap - 1), !isLate);
      assert.equal(known(starts[6]!), isLate);
      assert.ok(isLate ? history.unknownBefore : history.broken);
    }
  });

  it("refuses a late catalogue where the file before a rewrite is not known", async () => {
    const other = await startServer({
      version: 18,
      settings: { wal_keep_size: "1GB", autovacuum: "off" },
    });
    try {
      for (const catalog of ["pg_class", "pg_index"]) {
        await other.sql(`VACUUM FULL ${catalog}`);
        await other.sql("CHECKPOINT");
        const { header } = await exportCatalog(other);
        await other.sql(`CREATE TABLE ${catalog}_changed (id int PRIMARY KEY)`);
        // After two, the file before the second one is known, but not the one before the first.
        for (let rewrites = 1; rewrites <= 2; rewrites++) {
          await other.sql(`VACUUM FULL ${catalog}`);
          const pass = replay(other, await exportCatalog(other), [], { from: header.lsn });
          const message = `^WalctlError: ${catalog} was rewritten at [0-9A-F]+/[0-9A-F]+, before`;
          await assert.rejects(pass, new RegExp(message), `${rewrites} rewrites`);
        }
      }
    } finally {
      await other.dispose();
    }
  });

  it("refuses a catalogue that is not of this WAL", async () => {
    const rows = {
      ...late.rows,
      pg_class: late.rows.pg_class.filter(({ relname }) => relname !== "d"),
    };
    const pass = replay(server, { ...late, rows }, [], { from: early.header.lsn });
    await assert.rejects(pass, /does not have what the WAL before it made: \d+ rows differ/);
  });
});

function oidOf({ rows }: CatalogFile, name: string): number {
  return rows.pg_class.find(({ relname }) => relname === name)?.oid ?? 0;
}

/** Without the records of that range. */
async function withGap(
  server: TestServer,
  exported: CatalogFile,
  from: number,
  start: number,
  end: number,
): Promise<CatalogHistory> {
  const isMissing = (lsn: number): boolean => lsn < from || (lsn >= start && lsn < end);
  const first = new LateCatalog(exported);
  let done = false;
  await followLog(server, (record, version) => {
    if (isMissing(record.lsn)) return true;
    if (!done && record.lsn >= end) first.skipped(record.lsn);
    done = record.lsn >= end;
    return first.note(record, version);
  });
  const isLate = LateCatalog.isLate(exported, from);
  const { file, known } = isLate ? first.finish() : { file: exported, known: undefined };
  const pages: PageStore = new PageStore({
    tracks: ({ tablespace, database, relfilenode }) =>
      history.isCatalog(tablespace, database, relfilenode) ? "all" : undefined,
  });
  const history: CatalogHistory = new CatalogHistory(file, pages, known);
  done = false;
  await followLog(server, (record, version) => {
    if (isMissing(record.lsn)) return true;
    if (!done && record.lsn >= end) {
      pages.forgetAll();
      history.skipped(end);
    }
    done = record.lsn >= end;
    pages.apply(record, version);
    history.note(record, version);
    if (record.rmgr === Rmgr.transaction && endKind(record) === "commit") {
      const { xids } = new TransactionRecord().read(record, version).end(record);
      history.commit(xids, record.lsn, record.endLsn);
    }
    return true;
  });
  return history;
}
