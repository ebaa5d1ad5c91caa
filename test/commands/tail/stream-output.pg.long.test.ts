/** Output and input that may keep walctl waiting: FIFOs and standard streams by their names. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  PROGRAM,
  type RunningWalctl,
  childEnvironment,
  spawnWalctl,
  walctl,
} from "../../support/program/cli.ts";
import { insertedIds, parseLines } from "../../support/program/lines.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { END_MS_MAX, endsInTime, opens, reader } from "../../support/program/opened.ts";
import { until } from "../../support/tools/until.ts";

/** Of which the server gives up who says nothing: feedback has to go on meanwhile. */
const WAL_SENDER_TIMEOUT_MS = 1500;
const ROWS = 20_000;
const TAIL = ["tail", "-S", "s", "-P", "p", "--ack"];

describe("output to what may keep a writer waiting", { timeout: 600_000 }, () => {
  let server: TestServer;
  let folder: string;
  let fifo: string;
  before(async () => {
    const settings = { wal_sender_timeout: `${WAL_SENDER_TIMEOUT_MS}ms` };
    server = await startServer({ version: 18, settings });
    await server.sql("CREATE TABLE t (id int PRIMARY KEY, pad text)");
    await server.sql("CREATE PUBLICATION p FOR TABLE t");
  });
  after(() => server.dispose());
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "walctl-stream-output-"));
    fifo = join(folder, "fifo");
    execFileSync("mkfifo", [fifo]);
    await server.sql("TRUNCATE t");
    await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
  });
  afterEach(async () => {
    const held = "SELECT 1 FROM pg_replication_slots WHERE active";
    await until(async () => (await server.sql(held)).length === 0);
    await server.sql("SELECT pg_drop_replication_slot('s')");
    rmSync(folder, { recursive: true });
  });

  /** More than a pipe and all buffers hold. */
  async function insert(): Promise<void> {
    const sql = `INSERT INTO t SELECT i, repeat('x', 300) FROM generate_series(1, ${ROWS}) i`;
    await server.sql(sql);
  }

  /** The server has not given up the first connection, long after it would have. */
  async function feedbackGoesOn(running: RunningWalctl): Promise<void> {
    await sleep(2.5 * WAL_SENDER_TIMEOUT_MS);
    assert.equal(running.stderr.match(/lost the connection/g), null, running.stderr);
    assert.equal(
      (
        await server.sql(
          "SELECT FROM pg_stat_replication WHERE pid IN (SELECT active_pid FROM pg_replication_slots)",
        )
      ).length,
      1,
    );
  }

  async function streams(): Promise<void> {
    const sql = "SELECT FROM pg_stat_replication WHERE state = 'streaming'";
    await until(async () => (await server.sql(sql)).length > 0);
  }

  for (const option of ["-o", "--capture"]) {
    test(`${option} FIFO without a reader holds up neither feedback nor a signal`, async () => {
      const running = spawnWalctl([...TAIL, option, fifo], { server });
      try {
        await streams();
        await insert();
        await feedbackGoesOn(running);
        await endsInTime(running, "SIGTERM");
        const again = ["tail", "-S", "s", "-P", "p", "-E", "now"];
        const { stdout } = await walctl(again, { server });
        const rows = insertedIds(parseLines(stdout.trim().split("\n"))).length;
        assert.equal(rows, ROWS, "nothing is acknowledged that nobody has read");
      } finally {
        await running.dispose();
      }
    });

    test(`${option} FIFO without a reader does not hold up a server that stops`, async () => {
      const running = spawnWalctl([...TAIL, option, fifo], { server });
      try {
        await streams();
        await insert();
        // Until the stall has been noticed.
        await sleep(2500);
        const since = performance.now();
        await server.stop("fast");
        assert.ok(performance.now() - since < 5000, "the stop took too long");
      } finally {
        await running.dispose();
        await server.start();
      }
    });
  }

  test("-o FIFO: a stalled reader loses nothing, and its end is no error", async () => {
    const running = spawnWalctl([...TAIL, "-o", fifo], { server });
    const reading = reader(fifo);
    try {
      reading.stdout.pause();
      await streams();
      await insert();
      await feedbackGoesOn(running);
      let text = "";
      reading.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      reading.stdout.resume();
      await until(() => text.includes('"kind":"commit"'));
      const expected = Array.from({ length: ROWS }, (_, row) => row + 1);
      assert.deepEqual(insertedIds(parseLines(text.trim().split("\n"))), expected);
      while (
        (
          await server.sql(
            "SELECT FROM pg_replication_slots WHERE confirmed_flush_lsn = pg_current_wal_flush_lsn()",
          )
        ).length === 0
      )
        await sleep(20);
      const gone = once(reading, "close");
      reading.kill();
      // What it took before it died would be no sign of its end.
      await gone;
      await server.sql("INSERT INTO t VALUES (0, 'goodbye')");
      assert.deepEqual(await running.exit(), { status: 0, signal: null, stderr: running.stderr });
      assert.doesNotMatch(running.stderr, /error|warning/);
    } finally {
      reading.kill();
      await running.dispose();
    }
  });

  test("-o FIFO: a stalled reader does not hold up a signal", async () => {
    const running = spawnWalctl([...TAIL, "-o", fifo], { server });
    const held = spawn("sh", ["-c", 'exec 3< "$1"; exec sleep 60', "sh", fifo]);
    try {
      await streams();
      await insert();
      await sleep(500);
      await endsInTime(running, "SIGINT");
    } finally {
      held.kill();
      await running.dispose();
    }
  });

  test("--capture FIFO into decode-file FIFO gives the same lines", async () => {
    const decoding = walctl(["decode-file", fifo]);
    const running = spawnWalctl([...TAIL, "--capture", fifo, "-n", String(ROWS)], { server });
    try {
      await streams();
      await insert();
      const { status } = await running.exit();
      assert.equal(status, 0, running.stderr);
      const decoded = await decoding;
      assert.equal(decoded.status, 0, decoded.stderr);
      // The limit ends what is printed, not what had been received by then.
      const lines = decoded.stdout.trim().split("\n").slice(0, running.lines.length);
      assert.deepEqual(lines, running.lines);
    } finally {
      await running.dispose();
    }
  });

  for (const [name, redirection] of [
    ["/dev/stdout", "| sleep 60"],
    ["/dev/fd/1", "| sleep 60"],
    ["-", "| sleep 60"],
    ["/dev/stderr", "2>&1 >/dev/null | sleep 60"],
  ] as const) {
    test(`-o ${name} into a pipe that nobody reads does not hold up a signal`, async () => {
      const line = `echo $$ > pid; exec "$0" "$1" ${TAIL.join(" ")} -o ${name}`;
      const script = `(sh -c '${line}' "$0" "$1"; echo $? > status) ${redirection}`;
      const shell = spawn("sh", ["-c", script, process.execPath, PROGRAM], {
        cwd: folder,
        env: childEnvironment({ server }),
        stdio: "ignore",
        detached: true,
      });
      try {
        await streams();
        await insert();
        await sleep(700);
        assert.equal(
          (await server.sql("SELECT FROM pg_stat_replication WHERE state = 'streaming'")).length >
            0,
          true,
        );
        const since = performance.now();
        process.kill(Number(readFileSync(join(folder, "pid"), "utf8")), "SIGTERM");
        await until(() => existsSync(join(folder, "status")), 10);
        assert.ok(performance.now() - since < END_MS_MAX, `${performance.now() - since} ms`);
        await sleep(20);
        assert.equal(readFileSync(join(folder, "status"), "utf8"), "0\n");
        assert.equal(existsSync(join(folder, name)) && name === "-", false, "no file of that name");
      } finally {
        if (shell.pid !== undefined) process.kill(-shell.pid, "SIGKILL");
      }
    });
  }

  test("-o - and -o /dev/stdout are standard output, also where that is a socket", async () => {
    await server.sql("INSERT INTO t VALUES (1, 'one')");
    for (const path of ["-", "/dev/stdout"]) {
      const args = ["tail", "-S", "s", "-P", "p", "-E", "now", "-o", path];
      const { status, stdout, stderr } = await walctl(args, { server, cwd: folder });
      assert.equal(status, 0, stderr);
      assert.deepEqual(insertedIds(parseLines(stdout.trim().split("\n"))), [1]);
    }
    assert.equal(existsSync(join(folder, "-")), false);
    const capture = await walctl(["tail", "-S", "s", "-P", "p", "--capture", "-"], { server });
    assert.equal(capture.status, 2, capture.stderr);
  });

  test("a closed standard output is refused where it would be acknowledged into; /dev/null is not", async () => {
    await server.sql("INSERT INTO t VALUES (1, 'one')");
    const start = await server.confirmed("s");
    const run = async (redirection: string): Promise<{ status: number; stderr: string }> => {
      const line = `"$0" "$1" ${TAIL.join(" ")} -E now ${redirection}`;
      const child = spawn("sh", ["-c", line, process.execPath, PROGRAM], {
        env: childEnvironment({ server }),
        stdio: ["ignore", "pipe", "pipe"],
      });
      const [stderr, [status]] = await Promise.all([buffer(child.stderr), once(child, "close")]);
      return { status: status as number, stderr: stderr.toString() };
    };
    const closed = await run(">&-");
    assert.equal(closed.status, 2);
    assert.match(closed.stderr, /^walctl: error: standard output is closed\n/);
    assert.equal(await server.confirmed("s"), start);
    const toFile = await run(`-o '${folder}/out' >&-`);
    assert.equal(toFile.status, 0, toFile.stderr);
    assert.notEqual(await server.confirmed("s"), start, "FILE does not need standard output");
    for (const redirection of ["> /dev/null", ">> /dev/null", "| cat"]) {
      assert.equal((await run(redirection)).status, 0, redirection);
    }
  });

  test("decode-file waits for a FIFO's writer, and not beyond a signal", async () => {
    const running = spawnWalctl(["decode-file", fifo]);
    try {
      await opens(running, fifo);
      // Not all of the input was read.
      await endsInTime(running, "SIGTERM", 1);
    } finally {
      await running.dispose();
    }
    const capture = "fixtures/captures/pg18-misc-p1.recvlogical";
    const decoding = walctl(["decode-file", fifo]);
    await sleep(300);
    const writer = openSync(fifo, "w");
    writeFileSync(writer, readFileSync(capture));
    closeSync(writer);
    const { status, stdout } = await decoding;
    assert.equal(status, 0);
    assert.equal(stdout, (await walctl(["decode-file", capture])).stdout);
    const byName = await walctl(["decode-file", "/dev/stdin"], { stdin: readFileSync(capture) });
    assert.equal(byName.stdout, stdout);
  });
});
