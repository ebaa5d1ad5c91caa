/** `--ack-from PATH`, with PATH written in every way that a consumer may choose. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  createReadStream,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { closeSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  PROGRAM,
  type RunningWalctl,
  childEnvironment,
  spawnWalctl,
  walctl,
} from "../../support/program/cli.ts";
import { parseLines } from "../../support/program/lines.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { until } from "../../support/tools/until.ts";

const PATIENCE_MS = 10_000;

describe("--ack-from", () => {
  let server: TestServer;
  let folder: string;
  let path: string;
  before(async () => {
    server = await startServer({ version: 15 });
    await server.sql("CREATE TABLE t (id serial PRIMARY KEY)");
    await server.sql("CREATE PUBLICATION p FOR TABLE t");
    await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    folder = mkdtempSync(join(tmpdir(), "walctl-ack-from-"));
    path = join(folder, "confirmed");
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });

  /** Commits a row; returns the end_lsn that it was printed with. */
  async function commit(running: RunningWalctl): Promise<string> {
    await server.sql("INSERT INTO t DEFAULT VALUES");
    const lines = parseLines(await running.waitFor((line) => line.includes('"kind":"commit"')));
    return lines.at(-1)?.end_lsn ?? "";
  }

  async function reaches(lsn: string, what: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while ((await server.confirmed("s")) !== lsn) {
      assert.ok(
        Date.now() < deadline,
        `${what}: the slot stands at ${await server.confirmed("s")}`,
      );
      await sleep(20);
    }
  }

  const renamed = (text: string): void => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  const inPlace = (text: string): void => {
    const fd = openSync(path, "r+");
    writeSync(fd, text, 0);
    closeSync(fd);
  };
  const WAYS: ReadonlyArray<readonly [way: string, write: (text: string) => void]> = [
    ["made", (text) => writeFileSync(path, `${text}\n`)],
    ["truncated and written", (text) => writeFileSync(path, `${text}\n`)],
    ["renamed over", (text) => renamed(`${text}\n`)],
    ["deleted and made again", (text) => (rmSync(path), writeFileSync(path, `${text}\n`))],
    ["rewritten in place", (text) => inPlace(`${text}\n`)],
    ["written without a line end", (text) => writeFileSync(path, text)],
    ["with all that was confirmed before", (text) => renamed(`0/10\n${text}\n`)],
    ["as a FIFO", (text) => (rmSync(path), execFileSync("mkfifo", [path]), throughFifo(text))],
    ["through its next writer", (text) => throughFifo(text)],
    ["as a file again", (text) => renamed(`${text}\n`)],
  ];
  const throughFifo = (text: string): void =>
    void execFileSync("sh", ["-c", 'echo "$1" > "$2"', "sh", text, path]);

  test("moves the slot, however PATH is written", async () => {
    const running = spawnWalctl(["tail", "-S", "s", "-P", "p", "--ack-from", path], { server });
    try {
      for (const [way, write] of WAYS) {
        // What is not the end of a commit any more stands there from the second round on.
        for (let round = 0; round < 3; round++) {
          if (round > 0 && /^(made|as a|deleted)/.test(way)) break;
          const lsn = await commit(running);
          write(lsn);
          await reaches(lsn, `${way}, ${round}`);
        }
      }
      const { status, stderr } = await running.stop();
      assert.equal(status, 0);
      assert.deepEqual(stderr.match(/warning/g), null, stderr);
    } finally {
      await running.dispose();
    }
  });

  test("the same text once more counts, when what it confirms has come again", async () => {
    const args = ["tail", "-S", "s", "-P", "p", "--ack-from", path];
    const first = spawnWalctl(args, { server });
    const lsn = await commit(first);
    await first.dispose();
    writeFileSync(path, `${lsn}\n`);
    const second = spawnWalctl(args, { server });
    try {
      await second.waitFor((line) => line.includes(`"end_lsn":"${lsn}"`));
      await sleep(200);
      assert.notEqual(
        await server.confirmed("s"),
        lsn,
        "what a file holds at the start does not count",
      );
      writeFileSync(path, `${lsn}\n`);
      await reaches(lsn, "rewritten with the same text");
    } finally {
      await second.dispose();
    }
  });

  test("a directory in its place is warned of once, and what comes after it counts", async () => {
    rmSync(path);
    const running = spawnWalctl(["tail", "-S", "s", "-P", "p", "--ack-from", path], { server });
    try {
      const lsn = await commit(running);
      mkdirSync(path);
      await running.waitForStderr(/could not read confirmations from ".*": it is a directory/);
      await sleep(300);
      rmdirSync(path);
      await sleep(100);
      writeFileSync(path, `${lsn}\n`);
      await reaches(lsn, "after the directory");
      const { status, stderr } = await running.stop();
      assert.equal(status, 0, stderr);
      assert.equal(stderr.match(/warning/g)?.length, 1, stderr);
    } finally {
      await running.dispose();
    }
  });

  test("- is standard input", async () => {
    const input = join(folder, "input");
    execFileSync("mkfifo", [input]);
    // Open for both, so that neither this test nor the shell waits for the other.
    const writer = openSync(input, "r+");
    const line = `exec "$0" "$1" tail -S s -P p --ack-from - < '${input}'`;
    const child = spawn("sh", ["-c", line, process.execPath, PROGRAM], {
      env: childEnvironment({ server }),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "exit");
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
    try {
      await server.sql("INSERT INTO t DEFAULT VALUES");
      await until(() => /"kind":"commit".*\n$/.test(printed));
      const lsn = /"end_lsn":"([0-9A-F/]+)"[^\n]*\n$/.exec(printed)?.[1] ?? "";
      writeSync(writer, `${lsn}\n`);
      await reaches(lsn, "standard input");
    } finally {
      child.kill();
      await ended;
      closeSync(writer);
    }
  });

  test("standard input that has ended is warned of, and holds up no end", async () => {
    const line = `exec "$0" "$1" tail -S s -P p --ack-from - "$2" "$3" < /dev/null`;
    const start = (...more: readonly string[]): ChildProcess =>
      spawn("sh", ["-c", line, process.execPath, PROGRAM, ...more], {
        env: childEnvironment({ server }),
        stdio: ["ignore", "pipe", "pipe"],
      });
    const running = start("-s", "1");
    let said = "";
    running.stdout?.resume();
    running.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
    await until(() => said.includes("standard input has ended: nothing more can be confirmed\n"));
    running.kill("SIGTERM");
    assert.deepEqual(await once(running, "close"), [0, null]);
    await server.sql("INSERT INTO t DEFAULT VALUES");
    const since = performance.now();
    const ending = start("-E", "now");
    ending.stdout?.resume();
    assert.deepEqual(await once(ending, "close"), [0, null]);
    assert.ok(performance.now() - since < 4000, "it does not wait for who has gone");
  });

  test("a file that the consumer does not make is warned of, once", async (t) => {
    const missing = join(folder, "missing");
    const running = spawnWalctl(["tail", "-S", "s", "-P", "p", "--ack-from", missing], { server });
    t.after(() => running.dispose());
    const end = await commit(running);
    await running.waitForStderr(`warning: "${missing}" is not there (--ack-from)`);
    writeFileSync(missing, `${end}\n`);
    await reaches(end, "made late");
    await running.stop("SIGTERM");
    assert.equal(running.stderr.match(/is not there/g)?.length, 1);
  });

  test("a folder that is not there is an error", async () => {
    const missing = join(folder, "none", "confirmed");
    const args = ["tail", "-S", "s", "-P", "p", "--ack-from", missing];
    const { status, stderr } = await walctl(args, { server });
    assert.equal(status, 2);
    assert.match(stderr, /^walctl: error: --ack-from: there is no folder ".*\/none"\n$/);
  });

  test("what a slow reader has read may be confirmed, though the write goes on", async () => {
    await server.sql("CREATE TABLE wide (value text)");
    await server.sql("ALTER PUBLICATION p ADD TABLE wide");
    await server.sql(`SELECT pg_replication_slot_advance('s', pg_current_wal_insert_lsn())`);
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    rmSync(path, { force: true });
    const line = `exec "$0" "$1" tail -S s -P p --ack-from '${path}' > '${pipe}'`;
    const child = spawn("sh", ["-c", line, process.execPath, PROGRAM], {
      env: childEnvironment({ server }),
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = once(child, "exit");
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    let printed = "";
    const reader = createReadStream(pipe, { encoding: "utf8", highWaterMark: 256 });
    const sent = "SELECT FROM pg_stat_replication WHERE sent_lsn >= pg_current_wal_flush_lsn()";
    const allSent = async (): Promise<void> => {
      await until(async () => (await server.sql(sent)).length > 0);
    };
    try {
      await allSent();
      // What is sent meanwhile comes in one read, and as JSON it is six times as long: more than a pipe takes.
      child.kill("SIGSTOP");
      await server.sql("INSERT INTO t DEFAULT VALUES");
      await server.sql("INSERT INTO wide SELECT repeat(chr(1), 9000) FROM generate_series(1, 5)");
      await allSent();
      child.kill("SIGCONT");
      for await (const text of reader.iterator({ destroyOnReturn: false })) {
        printed += String(text);
        if (/"kind":"commit".*\n/.test(printed)) break;
      }
      const lsn = /"kind":"commit".*"end_lsn":"([0-9A-F/]+)"/.exec(printed)?.[1] ?? "";
      writeFileSync(path, `${lsn}\n`);
      await reaches(lsn, "the first of the lines in one write");
      assert.match(stderr, /^walctl: \S+Z streaming from slot .*\n$/);
    } finally {
      child.kill("SIGKILL");
      reader.destroy();
      await ended;
    }
  });

  test("a signal ends the wait for confirmations", async () => {
    await server.sql("INSERT INTO t DEFAULT VALUES");
    rmSync(path, { force: true });
    const running = spawnWalctl(["tail", "-S", "s", "-P", "p", "-E", "now", "--ack-from", path], {
      server,
    });
    try {
      await until(() => running.child.stdout.readableEnded);
      const since = performance.now();
      const { status, stderr } = await running.stop("SIGINT");
      assert.equal(status, 0);
      assert.match(stderr, /not confirmed/);
      assert.ok(performance.now() - since < 1000);
    } finally {
      await running.dispose();
    }
  });

  for (const endless of ["/dev/zero", "/dev/urandom"]) {
    test(`${endless} holds up neither the stream nor a signal`, async () => {
      const running = spawnWalctl(["tail", "-S", "s", "-P", "p", "--ack-from", endless], {
        server,
      });
      try {
        await commit(running);
        await commit(running);
        const since = performance.now();
        assert.equal((await running.stop()).status, 0);
        assert.ok(performance.now() - since < 1500);
        assert.ok(running.stderr.length < 50_000, `${running.stderr.length} bytes of warnings`);
      } finally {
        await running.dispose();
      }
    });
  }
});
