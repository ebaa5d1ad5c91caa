/** The first signal: answered within a second, and with the truth. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { type AddressInfo, type Server, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningWalctl, spawnWalctl } from "./support/program/cli.ts";
import { Traces } from "./support/program/traces.ts";
import { until } from "./support/tools/until.ts";

/** Generous, for machines that have much else to do. */
const ANSWER_MS_MAX = 3000;

describe("a signal while a server does not answer", () => {
  let silent: Server;
  before(async () => {
    silent = createServer((socket) => void socket.resume());
    await new Promise<void>((resolve) => {
      silent.listen(0, "127.0.0.1", resolve);
    });
  });
  after(() => silent.close());

  const ends = async (...args: string[]): Promise<readonly [number | null, string]> => {
    const { port } = silent.address() as AddressInfo;
    const connected = new Promise((resolve) => {
      silent.once("connection", resolve);
    });
    const running = spawnWalctl([...args, "-h", "127.0.0.1", "-p", String(port), "-d", "postgres"]);
    try {
      await connected;
      const since = performance.now();
      const { status, stderr } = await running.stop("SIGTERM");
      assert.ok(performance.now() - since < ANSWER_MS_MAX);
      return [status, stderr];
    } finally {
      await running.dispose();
    }
  };

  it("is the end of what has no other", async () => {
    assert.deepEqual(await ends("tail", "-P", "p"), [0, ""]);
    assert.deepEqual(await ends("tail"), [0, ""]);
    assert.deepEqual(await ends("slots", "--watch"), [0, ""]);
  });

  it("SIGHUP does not end tail --output before the stream starts, nor where that is a FIFO", async () => {
    const folder = await mkdtemp(join(tmpdir(), "walctl-signals-"));
    execFileSync("mkfifo", [join(folder, "fifo")]);
    try {
      for (const name of ["file", "fifo"]) {
        for (const more of [[], ["-P", "p"]]) {
          const args = ["tail", "-o", join(folder, name), ...more];
          const { port } = silent.address() as AddressInfo;
          const connected = once(silent, "connection");
          const running = spawnWalctl([...args, "-h", "127.0.0.1", "-p", String(port), "-d", "d"]);
          await connected;
          running.signal("SIGHUP");
          const { status, signal, stderr } = await running.stop("SIGTERM");
          assert.deepEqual([status, signal], [0, null]);
          // Without -P it has asked for the publications first, and has not opened FILE yet.
          const said =
            name === "file" ? /^(?:walctl: \S+Z opened ".*" again \(SIGHUP\)\n)?$/ : /^$/;
          assert.match(stderr, said);
        }
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("SIGHUP as soon as walctl listens ends no tail, and another command within a second", async () => {
    const { port } = silent.address() as AddressInfo;
    const where = ["-h", "127.0.0.1", "-p", String(port), "-d", "d"];
    for (const [args, status] of [
      [["tail", "-P", "p"], 0],
      [["drop-slot", "s"], 1],
    ] as const) {
      const connected = once(silent, "connection");
      const running = spawnWalctl([...args, ...where]);
      const listens = (): boolean => {
        const caught = /^SigCgt:\s*(\w+)$/m.exec(
          readFileSync(`/proc/${running.child.pid}/status`, "utf8"),
        )?.[1];
        return (BigInt(`0x${caught ?? "0"}`) & 1n) === 1n;
      };
      await until(() => listens(), 2);
      running.signal("SIGHUP");
      await connected;
      if (status === 0) {
        await sleep(1500);
        running.signal("SIGTERM");
      }
      const ended = await running.exit();
      assert.deepEqual([ended.status, ended.signal], [status, null], ended.stderr);
    }
  });

  it("SIGHUP ends no tail that a busy machine takes longer than a second to load", async () => {
    const { port } = silent.address() as AddressInfo;
    const slow = `process.on("newListener", (event) => {
      if (event === "SIGHUP") process.nextTick(() => {
        process.kill(process.pid, "SIGHUP");
        while (performance.now() < 1200);
      });
    })`;
    const connected = once(silent, "connection");
    const args = ["tail", "-P", "p", "-h", "127.0.0.1", "-p", String(port), "-d", "d"];
    const NODE_OPTIONS = `--import data:text/javascript,${encodeURIComponent(slow)}`;
    const running = spawnWalctl(args, { env: { NODE_OPTIONS } });
    await connected;
    const { status, stderr } = await running.stop("SIGTERM");
    assert.deepEqual([status, stderr], [0, ""]);
  });

  it("does not make a success of what was not done", async () => {
    // The process ended with 0, as if the slot had been dropped.
    assert.deepEqual(await ends("drop-slot", "s"), [1, "walctl: error: interrupted\n"]);
    assert.deepEqual(await ends("slots"), [1, "walctl: error: interrupted\n"]);
  });
});

describe("a signal to walctl demo", () => {
  let traces: Traces;
  before(async () => {
    traces = await Traces.watch();
  });
  after(() => traces.forget());

  const postmasterOf = async (): Promise<number> => {
    const [folder = ""] = await readdir(traces.folder);
    const pidFile = await readFile(join(traces.folder, folder, "data", "postmaster.pid"), "utf8");
    return Number.parseInt(pidFile, 10);
  };
  const ended = ({ child }: RunningWalctl): boolean => child.exitCode !== null;

  it("gives it the time that its server takes to end", async () => {
    const running = spawnWalctl(["demo"], { env: { TMPDIR: traces.folder } });
    try {
      await running.nextLine();
      const pid = await postmasterOf();
      process.kill(pid, "SIGSTOP");
      running.signal("SIGINT");
      await sleep(1500);
      const cutShort = ended(running);
      process.kill(pid, "SIGCONT");
      assert.equal(cutShort, false);
      const { status, stderr } = await running.exit();
      assert.equal(status, 0, stderr);
      assert.deepEqual(await traces.left(), []);
    } finally {
      await running.dispose();
    }
  });
});
