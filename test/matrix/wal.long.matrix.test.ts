/** Every record of a mixed workload is what PostgreSQL's own programs say it is, on every version. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { walctl } from "../support/program/cli.ts";
import { LineSchema } from "../support/program/line-schema.ts";
import { type ServerVersion, type TestServer, startServer } from "../support/server/server.ts";
import {
  type RecordLine,
  ownRecord,
  waldumpOf,
  waldumpRecords,
  walinspectRecords,
  walinspectStats,
} from "../wal/support/oracles.ts";
import { unsaid } from "../wal/support/descriptions.ts";
import { MIXED_SETTINGS, compressions, runMixedWorkload } from "../wal/support/workload.ts";
import { isThorough, newestOrNamed } from "./support/versions.ts";

const SEGMENT_MB = isThorough() ? [1, 16, 64] : [1, 16];
/** What a run of the workload has at least; a test of a part of it would be none. */
const RECORD_TYPES_MIN = 70;
const COMPARED_TYPES_MIN = 30;

/** Debian's servers are built with lz4 and zstd, those of npm are not. */
function debianBinaries(version: ServerVersion) {
  if (waldumpOf(version) === undefined) return undefined;
  const folder = `/usr/lib/postgresql/${version}/bin`;
  return { initdb: join(folder, "initdb"), postgres: join(folder, "postgres"), tree: undefined };
}

async function startMixed(version: ServerVersion, segmentMb: number): Promise<TestServer> {
  const binaries = debianBinaries(version);
  return await startServer({
    version,
    settings: MIXED_SETTINGS,
    initdbArguments: [`--wal-segsize=${segmentMb}`],
    ...(binaries === undefined ? {} : { binaries }),
  });
}

for (const version of newestOrNamed()) {
  for (const segmentMb of SEGMENT_MB) {
    describe(`PostgreSQL ${version}, segments of ${segmentMb} MB`, () => {
      let server: TestServer;
      let lines: readonly string[];
      let records: readonly RecordLine[];
      let folder: string;

      before(async () => {
        server = await startMixed(version, segmentMb);
        folder = join(server.host, "data", "pg_wal");
        const counters = version === 14 ? await walCounters(server) : undefined;
        const ways = await compressions(server);
        await runMixedWorkload(server, { compressions: ways, pgbenchTransactions: 100 });
        if (counters !== undefined) await compareCounters(server, folder, counters);
        const { stdout, stderr, status } = await walctl(["inspect", folder], {
          timeoutMs: 300_000,
        });
        assert.equal(status, 0, stderr);
        lines = stdout.trimEnd().split("\n");
        records = lines.map((line) => JSON.parse(line) as RecordLine);
      });
      after(async () => await server.dispose());

      it("prints lines that fit the schema", () => {
        new LineSchema().assertAll(lines.join("\n"), `PostgreSQL ${version}`);
      });

      it("has many kinds of records, each linked to the one before", () => {
        const types = new Set(records.map(({ rmgr, type }) => `${rmgr} ${type}`));
        assert.ok(types.size >= RECORD_TYPES_MIN, `only ${types.size} types`);
        for (const [index, record] of records.entries()) {
          if (index > 0) assert.equal(record.prev_lsn, records[index - 1]?.lsn);
        }
        const unknown = [...types].filter((type) => type.includes("UNKNOWN"));
        assert.deepEqual(unknown, []);
      });

      it(
        "pg_waldump prints the same records",
        { skip: waldumpOf(version) === undefined },
        async () => {
          const expected = await waldumpRecords(version, folder, records[0]?.lsn ?? "");
          compare(records.map(ownRecord), expected);
        },
      );

      it(
        "pg_walinspect has the same records and statistics",
        { skip: version === 14 },
        async () => {
          const rows = await walinspectRecords(server, records[0]?.lsn ?? "");
          compare(
            records.map((record) => `${ownRecord(record)} end ${record.end_lsn}`),
            rows.map(({ line, end }) => `${line} end ${end}`),
          );
          if (version >= 16)
            compareDetails(
              records,
              rows.map(({ description }) => description),
            );
          const [first, last] = [records[0], records.at(-1)];
          const range = ["-I", first?.lsn ?? "", "-E", last?.lsn ?? ""];
          const { stdout, stderr, status } = await walctl(["inspect", "--stats", ...range, folder]);
          assert.equal(status, 0, stderr);
          const own = stdout
            .trimEnd()
            .split("\n")
            .map((line) => JSON.parse(line) as Record<string, string>)
            .filter(({ kind }) => kind === "wal_stats")
            .map((stats) => {
              const {
                rmgr,
                type,
                records: count,
                record_bytes: bytes,
                image_bytes: images,
              } = stats;
              return `${rmgr} ${type}: ${count} ${bytes} ${images}`;
            });
          assert.deepEqual(
            own.toSorted(),
            await walinspectStats(server, first?.lsn ?? "", last?.end_lsn ?? ""),
          );
        },
      );
    });
  }
}

/** What came after the oracle was asked is not compared. */
function compare(own: readonly string[], expected: readonly string[]): void {
  assert.ok(expected.length > 10_000, `only ${expected.length} records`);
  const common = Math.min(own.length, expected.length);
  assert.ok(common > own.length - 100 && common > expected.length - 10_000);
  for (let index = 0; index < common; index++) assert.equal(own[index], expected[index]);
}

/** What records say of themselves is what PostgreSQL's own words say. */
function compareDetails(records: readonly RecordLine[], descriptions: readonly string[]): void {
  const compared = new Set<string>();
  for (const [index, description] of descriptions.slice(0, records.length).entries()) {
    const record = records[index]!;
    const missing = unsaid(record, description);
    if (missing === undefined) continue;
    compared.add(`${record.rmgr} ${record.type}`);
    assert.deepEqual(missing, [], `${record.lsn} ${record.type}: ${description}`);
  }
  assert.ok(compared.size >= COMPARED_TYPES_MIN, `only ${compared.size} types`);
}

interface Counters {
  readonly records: number;
  readonly images: number;
  readonly bytes: number;
  readonly lsn: string;
}

/** pg_stat_wal: all that 14 tells of its WAL, in sums; what a session wrote counts for certain when it has ended. */
async function walCounters(server: TestServer): Promise<Counters> {
  for (let last = ""; ;) {
    const [row] = await server.sql<Record<string, string>>(
      `SELECT wal_records, wal_fpi, wal_bytes, pg_current_wal_insert_lsn()::text AS lsn FROM pg_stat_wal`,
    );
    if (row !== undefined && last === JSON.stringify(row)) {
      const { wal_records: records, wal_fpi: images, wal_bytes: bytes, lsn = "" } = row;
      return { records: Number(records), images: Number(images), bytes: Number(bytes), lsn };
    }
    last = JSON.stringify(row);
    await server.disconnect();
    await sleep(1000);
  }
}

async function compareCounters(
  server: TestServer,
  folder: string,
  earlier: Counters,
): Promise<void> {
  const now = await walCounters(server);
  const { stdout } = await walctl(["inspect", "-I", earlier.lsn, folder]);
  const sums = { records: 0, images: 0, bytes: 0 };
  for (const line of stdout.trimEnd().split("\n")) {
    const record = JSON.parse(line) as RecordLine;
    // The server goes on to write.
    if (record.lsn === now.lsn) break;
    sums.records++;
    sums.images += record.blocks.filter(({ image_bytes: bytes }) => bytes > 0).length;
    sums.bytes += record.total_length;
  }
  assert.deepEqual(sums, {
    records: now.records - earlier.records,
    images: now.images - earlier.images,
    bytes: now.bytes - earlier.bytes,
  });
}
