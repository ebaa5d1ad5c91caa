/** The catalogue that walctl exports is the server's, and that of its data directory is the same. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { CATALOGS, COLUMNS, hasCtid } from "../../src/catalog/columns.ts";
import type { CatalogFile, CatalogRows } from "../../src/catalog/model.ts";
import { readCatalog } from "../../src/catalog/read.ts";
import { CatalogTypes } from "../../src/catalog/types.ts";
import { formatSnapshot } from "../../src/catalog/write.ts";
import { formatPosition } from "../../src/postgres/pages/position.ts";
import { walctl } from "../support/program/cli.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { startStandby } from "../support/server/standby.ts";
import {
  CATALOG_DATABASE,
  LATIN_DATABASE,
  TABLESPACE_DATABASE,
  connectTo,
  createCatalogObjects,
} from "./support/catalog-objects.ts";
import { isThorough, testedVersions } from "./support/versions.ts";

const DATABASES = [CATALOG_DATABASE, TABLESPACE_DATABASE, LATIN_DATABASE, "template0"];

/** Columns that are not simply what the table has. */
const SELECTED: Readonly<Record<string, string>> = {
  relfilenode: "coalesce(pg_relation_filenode(oid), 0)",
  attmissingval: "(attmissingval::text::text[])[1]",
  indkey: "(SELECT array_agg(k ORDER BY n) FROM unnest(indkey) WITH ORDINALITY AS u (k, n))",
  typsubscript: "typsubscript::oid",
};

async function exported(...args: readonly string[]): Promise<CatalogFile> {
  const { status, stdout, stderr } = await walctl(["catalog", ...args]);
  assert.equal(status, 0, stderr);
  assert.equal(stderr, "");
  return await readCatalog([Buffer.from(stdout)], args.join(" "));
}

function texts({ rows }: CatalogFile, catalog: keyof CatalogRows): string[] {
  return rows[catalog].map((row) => JSON.stringify(row)).toSorted();
}

/** The server's own rows, in the form of the file's. */
async function serverRows(client: pg.Client, catalog: keyof CatalogRows): Promise<string[]> {
  const columns = Object.entries(COLUMNS[catalog]).map(([name, kind]) => {
    const value = SELECTED[name] ?? name;
    return `${kind === "oid" ? `(${value})::int8` : value} AS ${name}`;
  });
  const ctid = hasCtid(catalog) ? ["ctid::text AS ctid"] : [];
  const where = catalog === "pg_attribute" ? "WHERE attnum > 0" : "";
  const { rows } = await client.query<{ line: Record<string, unknown> }>(
    `SELECT to_jsonb(r) AS line FROM (SELECT ${[...ctid, ...columns].join(", ")} FROM ${catalog} ${where}) r`,
  );
  return rows
    .map(({ line }) => {
      const [, block, item] = /^\((\d+),(\d+)\)$/.exec(String(line["ctid"])) ?? [];
      const place = hasCtid(catalog) ? { ctid: { block: Number(block), item: Number(item) } } : {};
      const values = Object.keys(COLUMNS[catalog]).map((name) => [name, line[name]] as const);
      return JSON.stringify({ ...place, ...Object.fromEntries(values) });
    })
    .toSorted();
}

/** `oid name` of each of them, as the server prints it. */
async function printed(client: pg.Client, type: string, catalog: string): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(
    `SELECT oid || ' ' || oid::${type}::text AS line FROM ${catalog}`,
  );
  return rows.map(({ line }) => line).toSorted();
}

const REG_TYPES: ReadonlyArray<readonly [type: string, catalog: string]> = [
  ["regproc", "pg_proc"],
  ["regprocedure", "pg_proc"],
  ["regoper", "pg_operator"],
  ["regoperator", "pg_operator"],
  ["regcollation", "pg_collation"],
  ["regconfig", "pg_ts_config"],
  ["regdictionary", "pg_ts_dict"],
  ["regrole", "pg_roles"],
];

for (const version of testedVersions()) {
  describe(`the catalogue of PostgreSQL ${version}`, () => {
    let server: TestServer;
    const files = new Map<string, CatalogFile>();

    before(async () => {
      server = await startServer({
        version,
        settings: {
          autovacuum: "off",
          allow_in_place_tablespaces: "on",
          max_prepared_transactions: "2",
          lc_monetary: "C",
        },
      });
      await createCatalogObjects(server);
      await server.sql("ALTER DATABASE template0 WITH ALLOW_CONNECTIONS true");
      for (const database of DATABASES) {
        const flags = ["-h", server.host, "-p", String(server.port), "-U", "plain", "-d", database];
        files.set(database, await exported(...flags));
      }
    });
    after(() => server.dispose());

    function fileOf(database: string): CatalogFile {
      return files.get(database) ?? assert.fail(database);
    }

    for (const database of DATABASES) {
      it(`${database}: holds the server's rows`, async () => {
        const file = fileOf(database);
        const client = await connectTo(server, database);
        try {
          await client.query(`SET search_path = pg_catalog, pg_temp; SET DateStyle = ISO; SET TimeZone = UTC;
            SET IntervalStyle = postgres; SET bytea_output = hex; SET extra_float_digits = 3`);
          for (const catalog of CATALOGS.filter((each) => each.startsWith("pg_"))) {
            assert.deepEqual(texts(file, catalog), await serverRows(client, catalog), catalog);
          }
          for (const [type, catalog] of REG_TYPES) {
            const names = file.rows.reg_names.filter((row) => row.type === type);
            const lines = names.map(({ oid, name }) => `${oid} ${name}`).toSorted();
            assert.deepEqual(lines, await printed(client, type, catalog), type);
          }
          const { names } = new CatalogTypes(file.header, file.rows);
          for (const [type, catalog] of [
            ["regclass", "pg_class"],
            ["regtype", "pg_type"],
            ["regnamespace", "pg_namespace"],
          ] as const) {
            const lines = file.rows[catalog].map(({ oid }) => `${oid} ${names[type](oid)}`);
            assert.deepEqual(lines.toSorted(), await printed(client, type, catalog), type);
          }
          const { rows } = await client.query<{ word: string }>(
            "SELECT word FROM pg_get_keywords() WHERE quote_ident(word) <> word",
          );
          for (const { word } of rows) assert.equal(names.quoted(word), `"${word}"`);
        } finally {
          await client.end();
        }
      });
    }

    it("holds the base types of extensions", () => {
      const { extension_types, pg_type } = fileOf(CATALOG_DATABASE).rows;
      const types = extension_types.map(({ extension, oid }) => {
        return `${extension} ${pg_type.find((type) => type.oid === oid)?.typname}`;
      });
      const expected = ["lquery", "ltree", "ltree_gist", "ltxtquery"];
      assert.deepEqual(
        types.toSorted(),
        expected.map((name) => `ltree ${name}`),
      );
    });

    it("tells where and when it was taken", async () => {
      const { header } = fileOf(CATALOG_DATABASE);
      const [row] =
        await server.sql(`SELECT system_identifier::text AS system, oid::int, dattablespace::int AS tablespace,
        current_setting('server_version_num')::int AS version, pg_current_wal_insert_lsn() >= '${formatPosition(header.lsn)}' AS before,
        now() - '${header.time}' < '10 min' AS fresh, pg_current_snapshot()::text AS snapshot
        FROM pg_control_system(), pg_database WHERE datname = '${CATALOG_DATABASE}'`);
      assert.deepEqual(
        { ...row, snapshot: undefined },
        {
          system: header.system_identifier,
          oid: header.database_oid,
          tablespace: header.tablespace,
          version: header.server_version_num,
          before: true,
          fresh: true,
          snapshot: undefined,
        },
      );
      assert.equal(header.database, CATALOG_DATABASE);
      assert.equal(header.timeline, 1);
      assert.equal(header.encoding, "UTF8");
      // Of the prepared transaction.
      assert.equal(header.snapshot.xip.length, 1);
      const elsewhere = fileOf(TABLESPACE_DATABASE).header;
      assert.notEqual(elsewhere.tablespace, header.tablespace);
    });

    it("is the same out of the data directory", async () => {
      await server.stop();
      try {
        for (const database of DATABASES) {
          const live = fileOf(database);
          const folder = join(server.host, "data");
          const file = await exported("--data-dir", folder, "-d", database);
          for (const catalog of CATALOGS) {
            assert.deepEqual(texts(file, catalog), texts(live, catalog), `${database} ${catalog}`);
          }
          const { lsn, running, snapshot, time, ...header } = file.header;
          assert.deepEqual(header, {
            ...Object.fromEntries(Object.entries(live.header).filter(([key]) => key in header)),
            server_version_num: version * 10_000,
          });
          assert.ok(lsn >= live.header.lsn);
          assert.ok(time >= live.header.time.slice(0, -8));
          assert.deepEqual(snapshot.xip, live.header.snapshot.xip, formatSnapshot(snapshot));
          assert.deepEqual(running, { lsn, xids: snapshot.xip.map(Number) });
          assert.deepEqual(running.xids, live.header.running?.xids);
          assert.ok(snapshot.xmax >= live.header.snapshot.xmax);
        }
      } finally {
        await server.start();
      }
    });
  });
}

/** What is in the file is what the snapshot in its head says has finished: on a standby PostgreSQL does not tell that. */
async function underLoad(server: TestServer, standby: TestServer): Promise<void> {
  const stop = new AbortController();
  const work = async (session: number): Promise<void> => {
    const client = await connectTo(server, "postgres");
    while (!stop.signal.aborted) {
      await client.query(session % 2 === 0 ? "BEGIN" : "BEGIN; SAVEPOINT s");
      await client.query(
        "DO $$ BEGIN EXECUTE format('CREATE TABLE of_%s (v int)', pg_current_xact_id()); END $$",
      );
      if (session > 1) await sleep(Math.random() * 200);
      await client.query(Math.random() < 0.2 ? "ROLLBACK" : "COMMIT");
      await sleep(5);
    }
    await client.end();
  };
  const sessions = [0, 1, 2, 3].map(work);
  const taken: CatalogFile[] = [];
  for (const from of [standby, server, standby, standby]) {
    taken.push(
      await exported("-h", from.host, "-p", String(from.port), "-U", "postgres", "-d", "postgres"),
    );
  }
  stop.abort();
  await Promise.all(sessions);
  const xidOf = (name: string): bigint => BigInt(/^of_(\d+)$/.exec(name)?.[1] ?? 0);
  const tables = await server.sql<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relname LIKE 'of\\_%'",
  );
  for (const { header, rows } of taken) {
    const { xmax, xip } = header.snapshot;
    const running = new Set(xip);
    const there = new Set(rows.pg_class.map(({ relname }) => xidOf(relname)));
    there.delete(0n);
    const finished = tables
      .map(({ name }) => xidOf(name))
      .filter((xid) => xid < xmax && !running.has(xid));
    assert.deepEqual(
      [...there].toSorted(compare),
      finished.toSorted(compare),
      formatSnapshot(header.snapshot),
    );
  }
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : 1;
}

for (const version of isThorough() ? testedVersions() : []) {
  it(`a standby of PostgreSQL ${version}, while others commit: the snapshot is exact`, async (t) => {
    const server = await startServer({ version });
    t.after(() => server.dispose());
    const standby = await startStandby(server);
    t.after(() => standby.dispose());
    await underLoad(server, standby);
  });
}
