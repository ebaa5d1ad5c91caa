/** Rows out of WAL whose pages and values have no room in memory: WALCTL_TEST_MEMORY makes that small. */
import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import { PROGRAM, type RunResult, childEnvironment, walctl } from "../../support/program/cli.ts";
import { highWaterMarkKb } from "../../support/program/memory.ts";
import { runSql } from "../../support/program/run-sql.ts";
import { Traces } from "../../support/program/traces.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

const MEMORY = "262144";
const ROWS = 20_000;
const VALUES = 60;
/** Values of 512 kB in one transaction. */
const LARGE_VALUES = 250;

interface Line {
  readonly kind: string;
  readonly xid: number;
  readonly table?: string;
  readonly lost?: number;
  readonly unchanged?: readonly string[];
  readonly old?: unknown;
}

describe("rows of pages and values that memory has no room for", () => {
  let root: string;
  let server: TestServer;
  let wal: string;
  let catalog: string;
  let traces: Traces;
  /** Where the rows were inserted, where a checkpoint came later, and where the deletion is. */
  let segments: readonly string[];
  let large: string;
  let rowsBefore: string;
  let deletion: number;

  before(async () => {
    root = mkdtempSync(join(tmpdir(), "walctl-spilled-"));
    traces = await Traces.watch();
    catalog = join(root, "catalog");
    server = await startServer({
      version: 18,
      settings: {
        wal_level: "replica",
        full_page_writes: "on",
        autovacuum: "off",
        max_wal_size: "4GB",
        wal_keep_size: "4GB",
      },
    });
    wal = join(server.host, "data", "pg_wal");
    const segmentNow = async (): Promise<string> => {
      await server.sql("SELECT pg_switch_wal()");
      await server.sql("CHECKPOINT");
      const [now] = await server.sql<{ name: string }>(
        "SELECT pg_walfile_name(redo_lsn) AS name FROM pg_control_checkpoint()",
      );
      return now?.name ?? "";
    };
    await server.sql(`CREATE TABLE wide (id int PRIMARY KEY, n int, text text);
      CREATE TABLE docs (id int PRIMARY KEY, n int, body text); ALTER TABLE docs ALTER body SET STORAGE EXTERNAL`);
    large = await segmentNow();
    await server.sql(`CREATE TABLE large (id int PRIMARY KEY, n int, body text); ALTER TABLE large ALTER body SET STORAGE EXTERNAL;
      INSERT INTO large SELECT i, 0, repeat(md5(i::text), 16384) FROM generate_series(1, ${LARGE_VALUES}) i`);
    await server.sql("UPDATE large SET n = 1");
    const first = await segmentNow();
    await server.sql(
      `INSERT INTO wide SELECT i, 0, repeat(i::text, 100) FROM generate_series(1, ${ROWS}) i`,
    );
    for (let id = 1; id <= VALUES; id++) {
      await server.sql(
        `INSERT INTO docs SELECT ${id}, 0, string_agg(md5((i * ${id})::text), '') FROM generate_series(1, 500) i`,
      );
    }
    // Sets hint bits, which would take images later.
    await rowsOf("wide");
    const second = await segmentNow();
    await server.sql(`UPDATE wide SET n = n + id WHERE id % 10 = 7 AND id <= ${ROWS / 2}`);
    await server.sql("UPDATE docs SET n = n + 1");
    rowsBefore = await rowsOf("wide");
    await server.sql("SELECT pg_switch_wal()");
    const [now] = await server.sql<{ name: string }>(
      "SELECT pg_walfile_name(pg_current_wal_insert_lsn()) AS name",
    );
    segments = [first, second, now?.name ?? ""];
    const [deleted] = await server.sql<{ xid: number }>(
      `DELETE FROM wide WHERE id % 20 = 7; DELETE FROM docs WHERE id IN (1, 2, 59, 60);
       SELECT pg_current_xact_id()::text::int AS xid`,
    );
    deletion = deleted?.xid ?? 0;
    await server.sql("SELECT pg_switch_wal()");
    const { status } = await walctl(["catalog", "-q", "-o", catalog], { server });
    assert.equal(status, 0);
  });
  after(async () => {
    await server.dispose();
    rmSync(root, { recursive: true, force: true });
    rmSync(traces.folder, { recursive: true, force: true });
  });

  async function rowsOf(table: string): Promise<string> {
    return await server.psql(`SELECT json_agg(r ORDER BY r.id) FROM (TABLE ${table}) r`);
  }

  function segmentsFrom(from: string): readonly string[] {
    const names = readdirSync(wal).filter((name) => /^[0-9A-F]{24}$/.test(name));
    return names.filter((name) => name >= from).toSorted();
  }

  function decodeArguments(from: string, options: readonly string[]): readonly string[] {
    const paths = segmentsFrom(from).map((name) => join(wal, name));
    return ["decode-file", "-q", "--catalog", catalog, ...options, ...paths];
  }

  async function decode(from: string, ...options: readonly string[]): Promise<RunResult> {
    const env = { WALCTL_TEST_MEMORY: MEMORY, TMPDIR: traces.folder };
    return await walctl(decodeArguments(from, options), { env });
  }

  function linesOf({ stdout }: RunResult): readonly Line[] {
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Line);
  }

  it("are those of a run that has the room, with whole old rows and values", async () => {
    const spilled = await decode(segments[0]!);
    assert.equal(`${spilled.status} ${spilled.stderr}`, "0 ");
    const roomy = await walctl(decodeArguments(segments[0]!, []));
    assert.ok(spilled.stdout === roomy.stdout, "the same lines");
    const lines = linesOf(spilled);
    const deleted = lines.filter(({ kind }) => kind === "delete");
    assert.equal(deleted.length, ROWS / 20 + 4);
    assert.ok(deleted.every(({ old, unchanged }) => old !== undefined && unchanged === undefined));
    assert.deepEqual(await traces.left(), []);
  });

  it("are put back by an undo of one transaction, of which alone pages are kept", async () => {
    const undo = await decode(
      segments[1]!,
      "--xid",
      String(deletion),
      "--only-table",
      "wide",
      "-F",
      "sql",
      "--undo",
      "--checked",
    );
    assert.equal(`${undo.status} ${undo.stderr}`, "0 ");
    const done = runSql(server, undo.stdout);
    assert.equal(`${done.status} ${done.stderr}`, "0 ");
    assert.ok((await rowsOf("wide")) === rowsBefore, "all rows are back");
  });

  it("lack values from before the WAL, which are counted, and the rows name them", async () => {
    const run = await decode(segments[1]!);
    // The images of the pages that the deletion changed show the values of its rows.
    const lacking = linesOf(run).filter(({ unchanged }) => unchanged !== undefined);
    assert.equal(lacking.length, VALUES);
    assert.match(
      run.stderr,
      new RegExp(
        `^walctl: warning: ${VALUES} changes of 1 table printed without values that are stored out of line \\(public\\.docs: ${VALUES}; `,
      ),
    );
    assert.match(run.stderr, /back to when the values were stored/);
    assert.doesNotMatch(run.stderr, /could not be rebuilt|without old rows|began before/);
    assert.equal(run.status, 3);
  });

  it("are counted with their cause where a page is from before the WAL, also in their transaction", async () => {
    const run = await decode(segments[2]!, "--only-table", "wide");
    const lines = linesOf(run);
    const printed = lines.filter(({ kind }) => kind === "delete").length;
    const lost = lines.reduce((sum, line) => sum + (line.lost ?? 0), 0);
    assert.equal(printed + lost, ROWS / 20);
    assert.ok(Math.min(printed, lost) > ROWS / 50, `${printed} and ${lost}`);
    assert.match(
      run.stderr,
      new RegExp(
        `^walctl: warning: ${lost} changes of 1 table could not be rebuilt[^\\n]*\\nDETAIL: The WAL has no image of their pages before them\\.\\nHINT: .*earlier segments`,
        "m",
      ),
    );
    assert.equal(run.status, 3);
  });

  it("are counted too where the input then turns out to be in the wrong order", async () => {
    const names = [...segmentsFrom(segments[2]!), segments[0]!];
    const stdin = Buffer.concat(names.map((name) => readFileSync(join(wal, name))));
    const args = [
      "decode-file",
      "-q",
      "--catalog",
      catalog,
      "--only-table",
      "wide",
      "--keep-going",
    ];
    const { status, stderr } = await walctl([...args, "-"], { stdin });
    assert.match(
      stderr,
      /^walctl: warning: \d+ changes of 1 table could not be rebuilt[^]*\nwalctl: error: .* lies before the segment/,
    );
    assert.equal(status, 3);
  });

  it("take no more of the disk than they may", async () => {
    const { status, stderr } = await decode(segments[0]!, "--temp-file-limit", "1MB");
    const folder = traces.folder.replaceAll("/", "\\/");
    assert.match(
      stderr,
      new RegExp(
        `^walctl: error: temporary files in "${folder}" would take more than 1024 kB\\nHINT: .*--temp-file-limit`,
      ),
    );
    assert.equal(status, 1);
    assert.deepEqual(await traces.left(), []);
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
    it(`are in files of TMPDIR that have no name, and are gone after ${signal}`, async () => {
      const child = start(segments[0]!);
      // Nothing is read: the program waits in the middle of the WAL.
      await once(child.stdout, "readable");
      const open = openFiles(child.pid).filter((path) => path.startsWith(traces.folder));
      assert.ok(open.length > 0);
      assert.deepEqual(
        open.filter((path) => !path.endsWith(" (deleted)")),
        [],
      );
      assert.deepEqual(readdirSync(traces.folder), []);
      child.kill(signal);
      await once(child, "exit");
      assert.deepEqual(await traces.left(), []);
    });
  }

  it("are printed piece by piece: a transaction with many large values does not fill the memory", async () => {
    const child = start(large, "--only-table", "large");
    let [bytes, peakKb] = [0, 0];
    for await (const chunk of child.stdout) {
      bytes += (chunk as Buffer).length;
      peakKb = Math.max(peakKb, highWaterMarkKb(child.pid));
    }
    const valueKb = LARGE_VALUES * 512;
    assert.ok(bytes / 1024 > 3 * valueKb, `${bytes}`);
    assert.ok(peakKb < 1.5 * valueKb, `${peakKb} kB`);
  });

  function start(
    from: string,
    ...options: readonly string[]
  ): ChildProcessByStdio<null, Readable, null> {
    const env = childEnvironment({ env: { WALCTL_TEST_MEMORY: MEMORY, TMPDIR: traces.folder } });
    const argv = [PROGRAM, ...decodeArguments(from, options)];
    return spawn(process.execPath, argv, { env, stdio: ["ignore", "pipe", "ignore"] });
  }
});

/** By what the kernel tells (Linux). */
function openFiles(pid: number | undefined): readonly string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).map((name) => readlinkSync(join(folder, name)));
}
