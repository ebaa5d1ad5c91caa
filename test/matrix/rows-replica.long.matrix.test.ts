/**
 * At wal_level=replica, and with --old full at logical: every row and every old row is what an audit trigger saw. Of WAL that is cut
 * anywhere, each row that is printed still is.
 */
import assert from "node:assert/strict";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type RunResult, walctl } from "../support/program/cli.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { seededRandom } from "../support/tools/random.ts";
import { ORACLE_SETUP, type Said, readOracle } from "./support/oracle.ts";
import { RandomChanges } from "./support/random-changes.ts";
import { isThorough, testedVersions } from "./support/versions.ts";

interface Line {
  readonly kind: string;
  readonly xid: number;
  readonly schema?: string;
  readonly table?: string;
  readonly old?: Record<string, unknown>;
  readonly new?: Record<string, unknown>;
  readonly unchanged?: readonly string[];
}

const SESSIONS = 3;
const TRANSACTIONS = 600;
const CUTS = 30;
const SEGMENT = /^[0-9A-F]{24}$/;
const CHANGES = new Set(["insert", "update", "delete"]);

// Minutes: only where versions are named, as test:matrix does.
for (const version of isThorough() ? testedVersions() : []) {
  for (const level of ["replica", "logical"]) {
    describe(`whole rows at wal_level=${level} of PostgreSQL ${version}`, () => {
      const seed = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 1e9);
      let root: string;
      let wal: string;
      let early: string;
      let late: string;
      /** By transaction and table, what the triggers saw. */
      let said: Map<string, Said[]>;

      before(async () => {
        console.log(`PostgreSQL ${version}, ${level}: seed ${seed}`);
        root = mkdtempSync(join(tmpdir(), "walctl-replica-"));
        [wal, early, late] = [join(root, "wal"), join(root, "early"), join(root, "late")];
        const server = await startServer({
          version,
          settings: {
            wal_level: level,
            ...(level === "replica" ? { max_wal_senders: "0" } : {}),
            wal_keep_size: "2GB",
            max_wal_size: "1GB",
            max_prepared_transactions: "5",
          },
          initdbArguments: ["--wal-segsize=1"],
        });
        try {
          await server.sql(ORACLE_SETUP);
          await server.sql("CREATE SCHEMA chance; CHECKPOINT");
          await catalog(server, early);
          await work(server, seed);
          said = bySubject(await readOracle(server));
          await catalog(server, late);
          await server.stop();
          cpSync(join(server.host, "data", "pg_wal"), wal, { recursive: true });
        } finally {
          await server.dispose();
        }
      });
      after(() => rmSync(root, { recursive: true, force: true }));

      const decode = async (file: string, folder: string): Promise<RunResult> =>
        await walctl(["decode-file", "-q", "--catalog", file, "--old", "full", folder], {
          timeoutMs: 300_000,
        });

      for (const name of ["early", "late"]) {
        it(`are all there with a catalogue of ${name}`, async () => {
          const result = await decode(name === "early" ? early : late, wal);
          assert.equal(`${result.status} ${result.stderr}`, "0 ", `seed ${seed}`);
          const printed = bySubject(changesOf(result));
          assert.deepEqual([...printed.keys()].toSorted(), [...said.keys()].toSorted());
          for (const [subject, changes] of printed) {
            const expected = said.get(subject) ?? [];
            assert.equal(changes.length, expected.length, `seed ${seed}, ${subject}`);
            for (const [index, change] of changes.entries()) {
              assert.equal(change.unchanged, undefined);
              assert.ok(
                fits(change, expected[index]!, true),
                wrong(seed, subject, change, expected[index]),
              );
            }
          }
        });
      }

      it("are right, all that are printed, wherever the WAL is cut", async () => {
        const random = seededRandom(seed);
        const names = readdirSync(wal)
          .filter((name) => SEGMENT.test(name))
          .toSorted();
        let rows = 0;
        for (let cut = 0; cut < CUTS; cut++) {
          const folder = join(root, `cut-${cut}`);
          mkdirSync(folder);
          // A catalogue has to lie within the WAL: of afterwards with its end, of before with its beginning.
          const isLate = random() < 0.5;
          const at = Math.floor(random() * names.length);
          const [from, to] = isLate ? [at, names.length] : [0, at + 1];
          const kept = names.slice(from, to);
          for (const name of kept) copyFileSync(join(wal, name), join(folder, name));
          if (!isLate) truncateSync(join(folder, kept.at(-1)!), Math.floor(random() * 1024 * 1024));
          const result = await decode(isLate ? late : early, folder);
          assert.ok([0, 2, 3].includes(result.status ?? -1), `${result.status} ${result.stderr}`);
          for (const change of changesOf(result)) {
            const subject = subjectOf(change);
            const expected = said.get(subject) ?? [];
            assert.ok(
              expected.some((each) => fits(change, each, false)),
              wrong(seed, `cut ${from} to ${to}, ${subject}`, change, expected[0]),
            );
            rows++;
          }
          rmSync(folder, { recursive: true });
        }
        console.log(`${rows} rows in ${CUTS} cuts`);
        assert.ok(rows > 100);
      });
    });
  }
}

async function catalog(server: TestServer, file: string): Promise<void> {
  const { status, stderr } = await walctl(["catalog", "-q", "-o", file], { server });
  assert.equal(status, 0, stderr);
}

async function work(server: TestServer, seed: number): Promise<void> {
  const sessions = Array.from({ length: SESSIONS }, async (_, session) => {
    const client = await server.connect();
    const changes = new RandomChanges(
      seededRandom(seed + session),
      `s${session}_`,
      "SELECT public.watch('chance.%s')",
    );
    try {
      await client.query("SET search_path = chance; SET lock_timeout = '5s'; SET TimeZone = 'UTC'");
      for (let count = 0; count < TRANSACTIONS / SESSIONS; count++) {
        if (count % 50 === 25) {
          // Not all are there in 14, nor in every build.
          const way = ["on", "lz4", "zstd", "off"][(session + (count - 25) / 50) % 4];
          await client.query(`SET wal_compression = '${way}'`).catch(() => {});
        }
        await client.query(changes.next()).catch(async () => {
          changes.failed();
          await client.query("ROLLBACK");
        });
      }
    } finally {
      await client.end();
    }
  });
  await Promise.all(sessions);
}

/** Of the watched tables. */
function changesOf({ stdout }: RunResult): Line[] {
  if (stdout === "") return [];
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  return lines.filter(({ kind, schema }) => CHANGES.has(kind) && schema === "chance");
}

function subjectOf(change: Line | Said): string {
  return "tbl" in change
    ? `${change.xid} ${change.tbl}`
    : `${change.xid} ${change.schema}.${change.table}`;
}

function bySubject<Change extends Line | Said>(changes: readonly Change[]): Map<string, Change[]> {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const subject = subjectOf(change);
    groups.set(subject, [...(groups.get(subject) ?? []), change]);
  }
  return groups;
}

/** An update's old row may be unknown where WAL is cut. */
function fits(change: Line, expected: Said, whole: boolean): boolean {
  if (change.kind !== expected.op) return false;
  const leaveOut = new Set(change.unchanged);
  const text = (row: Record<string, unknown> | undefined | null): string =>
    JSON.stringify(Object.entries(row ?? {}).filter(([name]) => !leaveOut.has(name)));
  const parsed = (row: string | null): Record<string, unknown> | null =>
    row === null ? null : (JSON.parse(row) as Record<string, unknown>);
  const newFits = text(change.new) === text(parsed(expected.new));
  const mayLack = !whole && change.kind === "update" && change.old === undefined;
  return newFits && (mayLack || text(change.old) === text(parsed(expected.old)));
}

function wrong(seed: number, where: string, change: Line, expected: Said | undefined): string {
  const cut = (value: unknown): string => JSON.stringify(value)?.slice(0, 900) ?? "";
  return `seed ${seed}, ${where}\n  walctl: ${cut(change)}\n  server: ${cut(expected)}`;
}
