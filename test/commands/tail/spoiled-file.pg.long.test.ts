/** What a full disk, a user or a rotation has made of FILE and of the files beside it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  PROGRAM,
  type RunningWalctl,
  childEnvironment,
  spawnWalctl,
  walctl,
} from "../../support/program/cli.ts";
import { committedIds, insertedIds, parseLines } from "../../support/program/lines.ts";
import { LOAD_TABLE } from "../../support/server/load.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { until } from "../../support/tools/until.ts";

describe("a spoiled file", { timeout: 120_000 }, () => {
  let server: TestServer;
  let folder: string;
  let slots = 0;
  let slot: string;
  let file: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "walctl-spoiled-file-"));
    server = await startServer({ version: 18, settings: { max_replication_slots: "20" } });
    await server.sql(`${LOAD_TABLE}; CREATE PUBLICATION p FOR TABLE load`);
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    slot = `s${slots++}`;
    file = join(folder, `${slot}.ndjson`);
    await server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
  });

  const args = (...more: string[]): string[] =>
    ["tail", "-S", slot, "-P", "p", "--ack", "-o", file, "--wait"].concat(more);
  const start = (t: TestContext): RunningWalctl => {
    const running = spawnWalctl(args("-s", "0.2"), { server });
    t.after(() => running.dispose());
    return running;
  };
  const content = (): string => (existsSync(file) ? readFileSync(file, "utf8") : "");
  const holds = async (text: string): Promise<void> => {
    await until(() => content().includes(text));
  };
  /** The slot is past all that the server has written by now. */
  const settled = async (): Promise<void> => {
    const [row] = await server.sql<{ lsn: string }>("SELECT pg_current_wal_lsn()::text AS lsn");
    const sql = `SELECT 1 FROM pg_replication_slots WHERE slot_name = '${slot}' AND confirmed_flush_lsn >= '${row?.lsn}'`;
    await until(async () => (await server.sql(sql)).length > 0, 50);
  };
  const insertOne = async (): Promise<number> => {
    const sql = "INSERT INTO load SELECT coalesce(max(id), 0) + 1, 'x' FROM load RETURNING id";
    return Number((await server.sql<{ id: string }>(sql))[0]?.id);
  };
  const inShell = (script: string, more: readonly string[]): ReturnType<typeof spawnSync> =>
    spawnSync("sh", ["-c", script, process.execPath, PROGRAM, ...more], {
      env: childEnvironment({ server }),
      encoding: "utf8",
    });

  for (const only of ["insert,update,delete", "begin,insert"]) {
    test(`a torn last line does not swallow the next one: --only ${only}`, async () => {
      const more = ["-E", "now", "--only", only];
      const first = await insertOne();
      await server.sql(
        `INSERT INTO load SELECT ${first} + i, repeat('x', 100) FROM generate_series(1, 30) i`,
      );
      const full = inShell('ulimit -f 2; exec "$0" "$@"', args(...more));
      assert.match(String(full.stderr), /could not write ".*" \(EFBIG\)/);
      assert.doesNotMatch(content(), /\n$/);
      const { status, stderr } = await walctl(args(...more), { server });
      assert.equal(status, 0, stderr);
      assert.match(stderr, /cut \d+ bytes of an unfinished line from the end of/);
      assert.deepEqual(
        [...new Set(insertedIds(parseLines(content())))].toSorted((a, b) => a - b),
        Array.from({ length: 31 }, (_, index) => first + index),
      );
    });
  }

  test("lines that --only leaves out and recovery needs are named before the server is asked", async () => {
    for (const [only, option, missing] of [
      ["insert", "--messages", "begin"],
      ["begin,commit,insert", "--streaming=on", "stream_start"],
      ["begin,commit,insert", "--two-phase", "begin_prepare"],
    ] as const) {
      const more = args("--only", only, option);
      const { stderr } = await walctl(more, { server, env: { PGPORT: "1" } });
      assert.match(
        stderr,
        new RegExp(
          `^walctl: warning: --only leaves out ${missing}, so the file does not show where to continue`,
        ),
      );
    }
  });

  test("a text that somebody appended without a line end is not cut, and loses no change", async () => {
    await insertOne();
    assert.equal((await walctl(args("-E", "now"), { server })).status, 0);
    const ours = content();
    appendFileSync(file, "my own note");
    const id = await insertOne();
    const position = await server.confirmed(slot);
    for (const more of [[], ["--only", "insert"]]) {
      const { status, stderr } = await walctl(args("-E", "now", ...more), { server });
      assert.equal(status, 1);
      const at = ours.length;
      assert.match(stderr, new RegExp(`error: ".*" was not .*: its line at byte ${at} is`));
      assert.equal(content(), `${ours}my own note`);
      assert.equal(await server.confirmed(slot), position);
    }
    truncateSync(file, ours.length);
    assert.equal((await walctl(args("-E", "now"), { server })).status, 0);
    assert.deepEqual(committedIds(parseLines(content())).at(-1), id);
  });

  test("a user's file named FILE.walctl or FILE.walctl.new is not replaced, nor what a link leads to", async () => {
    await insertOne();
    const position = await server.confirmed(slot);
    const precious = join(folder, `${slot}.precious`);
    writeFileSync(precious, "note\n");
    for (const name of [`${file}.walctl`, `${file}.walctl.new`]) {
      for (const put of [() => writeFileSync(name, "note\n"), () => symlinkSync(precious, name)]) {
        put();
        const { status, stderr } = await walctl(args("-E", "now"), { server });
        assert.equal(status, 1);
        assert.ok(stderr.startsWith(`walctl: error: "${name}" `), stderr);
        assert.match(stderr, /HINT: Rename it, or give --output another file\.\n$/);
        assert.equal(readFileSync(name, "utf8"), "note\n");
        assert.equal(existsSync(file), false);
        rmSync(name);
      }
    }
    assert.equal(readFileSync(precious, "utf8"), "note\n");
    assert.equal(await server.confirmed(slot), position);
  });

  test("beside the name of a descriptor no file is made", async () => {
    const id = await insertOne();
    for (const [name, redirection] of [
      ["/dev/stdout", ">"],
      ["/dev/fd/3", "3>"],
      ["/proc/self/fd/3", "3>>"],
    ] as const) {
      const script = `"$0" "$@" ${redirection} "${file}"`;
      const more = ["tail", "-S", slot, "-P", "p", "-E", "now", "--wait", "-q", "-o", name];
      const { status, stderr } = inShell(script, more);
      assert.deepEqual([status, stderr], [0, ""]);
      assert.deepEqual(committedIds(parseLines(content())), [id]);
      assert.equal(existsSync(`${name}.walctl`), false);
      assert.equal(existsSync(`${file}.walctl`), false);
      if (redirection !== "3>") continue;
      // What an earlier process left is recovered all the same.
      appendFileSync(file, '{"kind":"begin"');
    }
  });

  test("renamed and killed with -9 before SIGHUP: no wrong warning about the slot", async (t) => {
    const running = start(t);
    await insertOne();
    await holds('"kind":"commit"');
    renameSync(file, `${file}.1`);
    running.signal("SIGHUP");
    await until(() => existsSync(file), 5);
    const id = await insertOne();
    await holds(`"id":${id},`);
    await settled();
    renameSync(file, `${file}.2`);
    await running.stop("SIGKILL");
    const next = await insertOne();
    const { status, stderr } = await walctl(args("-E", "now"), { server });
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stderr, /warning/);
    assert.deepEqual(committedIds(parseLines(content())), [next]);
  });

  test("SIGHUP goes on in no file that has other lines or a torn one, and a link may lead elsewhere", async (t) => {
    const target = `${file}.target`;
    symlinkSync(target, file);
    const running = start(t);
    const first = await insertOne();
    await holds(`"id":${first},`);
    assert.ok(lstatSync(file).isSymbolicLink() && existsSync(`${file}.walctl`));
    assert.equal(existsSync(`${target}.walctl`), false);
    const left = `${readFileSync(target, "utf8")}{"kind":"ins`;
    for (const text of ["another program's\n", left]) {
      rmSync(file);
      writeFileSync(file, text);
      const { length } = running.stderr;
      running.signal("SIGHUP");
      await until(
        () => running.stderr.slice(length).includes("walctl keeps writing to the old file"),
        5,
      );
      assert.equal(content(), text);
    }
    const second = await insertOne();
    while (!readFileSync(target, "utf8").includes(`"id":${second},`)) await sleep(5);
    rmSync(file);
    symlinkSync(`${target}.2`, file);
    running.signal("SIGHUP");
    await until(() => existsSync(file), 5);
    const third = await insertOne();
    await holds(`"id":${third},`);
    assert.equal((await running.stop()).status, 0, running.stderr);
    assert.deepEqual(committedIds(parseLines(readFileSync(target, "utf8"))), [first, second]);
    assert.deepEqual(committedIds(parseLines(readFileSync(`${target}.2`, "utf8"))), [third]);
  });
});
