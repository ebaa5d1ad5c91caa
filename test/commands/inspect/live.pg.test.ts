/** walctl inspect where WAL is still written, and across a promotion. */
import assert from "node:assert/strict";
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { spawnWalctl, walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { startStandby } from "../../support/server/standby.ts";
import { type RecordLine, ownRecord, walinspectRecords } from "../../wal/support/oracles.ts";

const MB = 1024 * 1024;

function recordsOf(text: string): readonly RecordLine[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as RecordLine);
}

describe("walctl inspect --follow", () => {
  let root: string;
  let server: TestServer;
  before(async () => {
    root = mkdtempSync(join(tmpdir(), "walctl-follow-"));
    server = await startServer({
      version: 18,
      settings: { wal_keep_size: "1GB", autovacuum: "off" },
      initdbArguments: ["--wal-segsize=1"],
    });
    await server.sql("CREATE TABLE items (id int, name text)");
  });
  after(async () => {
    await server.dispose();
    rmSync(root, { recursive: true });
  });

  it("prints what is written, as soon as it is, over segments, and all that the finished files hold", async () => {
    const folder = join(server.host, "data", "pg_wal");
    const [{ lsn } = { lsn: "" }] = await server.sql<{ lsn: string }>(
      "SELECT pg_current_wal_insert_lsn()::text AS lsn",
    );
    const running = spawnWalctl(["inspect", "-f", folder, "-I", lsn]);
    try {
      const lines: string[] = [];
      const insert = (line: string): boolean => line.includes('"rmgr":"Heap","type":"INSERT');
      for (let round = 0; round < 3; round++) {
        await server.sql("INSERT INTO items VALUES (1, 'one')");
        const since = performance.now();
        lines.push(...(await running.waitFor(insert)));
        assert.ok(performance.now() - since < 10_000);
      }
      for (let round = 0; round < 20; round++) {
        await server.sql(
          "INSERT INTO items SELECT i, repeat('x', 100) FROM generate_series(1, 2000) i",
        );
        if (round % 5 === 0) await server.sql("SELECT pg_switch_wal()");
      }
      await server.sql("SELECT pg_logical_emit_message(false, 'last', 'one')");
      lines.push(...(await running.waitFor((line) => line.includes('"prefix":"last"'))));
      const { status, stderr } = await running.stop("SIGTERM");
      assert.equal(status, 0);
      assert.equal(stderr, "");
      const finished = await walctl(["inspect", folder, "-I", lsn]);
      const expected = finished.stdout.split("\n").slice(0, lines.length);
      assert.ok(lines.length > 30_000);
      assert.deepEqual(lines, expected);
    } finally {
      await running.dispose();
    }
  });

  it("waits in a page that is half written, an empty and a recycled file; a gap ends it", async () => {
    await server.sql(
      "INSERT INTO items SELECT i, repeat('y', 100) FROM generate_series(1, 30000) i",
    );
    const folder = join(root, "slow");
    const archive = join(root, "archive");
    await server.sql("CHECKPOINT");
    cpSync(join(server.host, "data", "pg_wal"), archive, { recursive: true });
    cpSync(archive, folder, { recursive: true, filter: (path) => !/[0-9A-F]{24}/.test(path) });
    const names = readdirSync(archive)
      .filter((name) => /^[0-9A-F]{24}$/.test(name))
      .toSorted();
    const bytes = names.map((name) => readFileSync(join(archive, name)));
    const start = Number.parseInt(names[0]?.slice(16) ?? "", 16) * MB;
    const write = (index: number, from: number, to: number): void => {
      const path = join(folder, names[index] ?? "");
      const file = openSync(path, "r+");
      writeSync(file, bytes[index]!, from, to - from, from);
      closeSync(file);
    };
    writeFileSync(join(folder, names[0] ?? ""), bytes[0]!);
    // Recycled: old bytes under a new name.
    writeFileSync(join(folder, names[1] ?? ""), bytes[0]!);
    const running = spawnWalctl(["inspect", "-f", folder]);
    try {
      const whole = await walctl(["inspect", archive]);
      const expected = recordsOf(whole.stdout);
      const last = (record: RecordLine | undefined) => (line: string) =>
        line.includes(`"lsn":"${record?.lsn}"`);
      const at = (lsn: string): number => Number.parseInt(lsn.slice(2), 16);
      /** The last record that is complete in the log up to there. */
      const upTo = (end: number): RecordLine | undefined =>
        expected.findLast(({ end_lsn: each }) => at(each) <= end);
      let printed = (await running.waitFor(last(upTo(start + MB)))).length;
      // Steps that end within a page, within a record's header, and at a page's end.
      for (const [from, to] of [
        [0, 100_003],
        [100_003, 100_010],
        [100_010, 204_800],
        [204_800, MB],
      ] as const) {
        write(1, from, to);
        const wanted = upTo(start + MB + to - 8192);
        if (wanted !== undefined && at(wanted.lsn) > at(upTo(start + MB + from)?.lsn ?? "0/0")) {
          printed += (await running.waitFor(last(wanted))).length;
        }
        await sleep(400);
      }
      writeFileSync(join(folder, names[2] ?? ""), Buffer.alloc(MB));
      await sleep(400);
      write(2, 0, MB);
      printed += (await running.waitFor(last(upTo(start + 3 * MB)))).length;
      assert.ok(printed <= expected.length);
      // The next one never came, but the one behind it.
      writeFileSync(join(folder, names[4] ?? ""), bytes[4]!);
      const { status, stderr } = await running.exit();
      assert.equal(status, 3, stderr);
      assert.match(stderr, new RegExp(`^walctl: error: segment ${names[3]} is missing$`, "m"));
    } finally {
      await running.dispose();
    }
  });

  it("names damage that stays and has sound records behind it; --keep-going goes on there", async () => {
    const folder = join(root, "damaged");
    cpSync(join(server.host, "data", "pg_wal"), folder, { recursive: true });
    const name = readdirSync(folder)
      .filter((each) => /^[0-9A-F]{24}$/.test(each))
      .toSorted()[1];
    const path = join(folder, name ?? "");
    const bytes = readFileSync(path);
    bytes[400_000]! ^= 1;
    writeFileSync(path, bytes);
    const stopped = await walctl(["inspect", "-f", folder]);
    assert.equal(stopped.status, 3);
    assert.match(stopped.stderr, new RegExp(`^walctl: error: ${name}: byte \\d+: record at `));
    const around = await walctl(["inspect", "--keep-going", folder]);
    const last = around.stdout.trimEnd().split("\n").at(-1) ?? "";
    const running = spawnWalctl(["inspect", "-f", "--keep-going", folder]);
    try {
      const lines = await running.waitFor((line) => line === last);
      assert.deepEqual(lines, around.stdout.trimEnd().split("\n"));
      const { status, stderr } = await running.stop("SIGTERM");
      assert.equal(status, 3);
      assert.equal(stderr, around.stderr.replace(/^walctl: the WAL ends at .*\n/m, ""));
    } finally {
      await running.dispose();
    }
  });

  it("takes one directory", async () => {
    const { status, stderr } = await walctl(["inspect", "-f", "-"]);
    assert.equal(status, 2);
    assert.match(stderr, /--follow takes one directory/);
  });
});

describe("walctl inspect, of two timelines", () => {
  let primary: TestServer;
  let standby: TestServer;
  let folder: string;
  before(async () => {
    primary = await startServer({
      version: 18,
      settings: { wal_keep_size: "1GB" },
      initdbArguments: ["--wal-segsize=1"],
    });
    await primary.sql("CREATE TABLE items AS SELECT generate_series(1, 20000) AS id");
    standby = await startStandby(primary);
    for (const setting of ["wal_keep_size = '1GB'", "checkpoint_timeout = '1h'"]) {
      await standby.sql(`ALTER SYSTEM SET ${setting}`);
    }
    await standby.sql("SELECT pg_reload_conf()");
    await primary.sql("INSERT INTO items SELECT generate_series(1, 20000)");
    const [{ lsn } = { lsn: "" }] = await primary.sql<{ lsn: string }>(
      "SELECT pg_current_wal_flush_lsn()::text AS lsn",
    );
    for (let there = false; !there; await sleep(50)) {
      const [row] = await standby.sql<{ there: boolean }>(
        `SELECT pg_last_wal_replay_lsn() >= '${lsn}' AS there`,
      );
      there = row?.there === true;
    }
    await primary.stop();
    await standby.sql("SELECT pg_promote()");
    await standby.sql("INSERT INTO items SELECT generate_series(1, 20000)");
    await standby.sql("CHECKPOINT");
    folder = join(standby.host, "data", "pg_wal");
  });
  after(async () => {
    await standby.dispose();
    await primary.dispose();
  });

  it("asks which one", async () => {
    const { status, stderr, stdout } = await walctl(["inspect", folder]);
    assert.equal(status, 2);
    assert.equal(stdout, "");
    assert.match(
      stderr,
      /^walctl: error: the input holds 2 timelines\nDETAIL: They are 1: 0\/\w+ to 0\/\w+; 2: 0\/\w+ to 0\/\w+\.\nHINT: .*--timeline latest/,
    );
  });

  it("reads the history of the latest: what the promoted server itself reads", async () => {
    const { status, stdout, stderr } = await walctl(["inspect", "--timeline", "latest", folder]);
    assert.equal(status, 0, stderr);
    const records = recordsOf(stdout);
    const expected = await walinspectRecords(standby, records[0]?.lsn ?? "");
    assert.ok(expected.length > 50_000);
    const own = records.map((record) => `${ownRecord(record)} end ${record.end_lsn}`);
    assert.deepEqual(
      own.slice(0, expected.length),
      expected.map(({ line, end }) => `${line} end ${end}`).slice(0, own.length),
    );
    const types = new Set(records.map(({ type }) => type));
    assert.ok(types.has("END_OF_RECOVERY") || types.has("CHECKPOINT_SHUTDOWN"));
    const second = await walctl(["inspect", "--timeline", "2", folder]);
    assert.equal(second.stdout.slice(0, stdout.length), stdout);
  });

  it("reads the first alone up to its end", async () => {
    const first = await walctl(["inspect", "--timeline", "1", folder]);
    assert.equal(first.status, 0, first.stderr);
    const latest = await walctl(["inspect", "--timeline", "latest", folder]);
    assert.ok(latest.stdout.startsWith(first.stdout));
    assert.ok(first.stdout.length < latest.stdout.length);
  });

  it("needs the history file to go from one to the other", async () => {
    const copy = mkdtempSync(join(tmpdir(), "walctl-timelines-"));
    try {
      cpSync(folder, copy, { recursive: true });
      rmSync(join(copy, "00000002.history"));
      const { status, stderr } = await walctl(["inspect", "--timeline", "2", copy]);
      assert.equal(status, 2);
      assert.match(stderr, /00000002\.history is not beside the segments/);
    } finally {
      rmSync(copy, { recursive: true });
    }
  });
});
