/** A terminal that tells no size, as `docker run -t` and CI wrappers give: it is 80 columns wide and 24 rows high. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { textWidth } from "../../src/render/terminal/text-width.ts";
import { childEnvironment } from "../support/program/cli.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { WALCTL_COMMAND } from "../support/program/terminal.ts";
import { toolPath } from "../support/tools/tools.ts";
import { until } from "../support/tools/until.ts";

let server: TestServer;

before(async () => {
  server = await startServer({ version: 18 });
  await server.sql("CREATE TABLE t (id int PRIMARY KEY, a text, b text)");
  await server.sql("CREATE PUBLICATION p FOR TABLE t");
  await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
});
after(() => server.dispose());

/** `script` opens a pseudo-terminal, and gives it the size of its own: without one that is 0×0. */
function spawnUnsized(args: string, env: Record<string, string> = {}): ChildProcess {
  return spawn(toolPath("script"), ["-qec", `stty size; ${WALCTL_COMMAND} ${args}`, "/dev/null"], {
    env: childEnvironment({ server, env: { TERM: "xterm-256color", ...env } }),
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
}

/** What is on the terminal when the command has ended, or after so long. */
async function run(
  args: string,
  { env = {}, forMs = 20_000 }: { env?: Record<string, string>; forMs?: number } = {},
): Promise<{ text: string; status: number | null }> {
  const child = spawnUnsized(args, env);
  assert.ok(child.stdout !== null && child.pid !== undefined);
  const { pid } = child;
  const output = buffer(child.stdout);
  const exited = once(child, "exit");
  const timer = setTimeout(() => process.kill(-pid, "SIGKILL"), forMs);
  const [status] = (await exited) as [number | null];
  clearTimeout(timer);
  const text = (await output).toString("utf8");
  assert.match(text, /^0 0\r\n/, "the terminal tells no size");
  return { text: text.replace(/^0 0\r\n/, ""), status };
}

/** Of its lines, as far as they were not erased, without escapes. */
function widths(text: string): readonly number[] {
  // oxlint-disable-next-line no-control-regex -- what it looks for
  const plain = text.replaceAll("\u001b[1G", "\r").replaceAll(/\u001b\[[?0-9;]*[A-Za-z]/g, "");
  return plain.split("\r\n").map((line) => textWidth(line.split("\r").at(-1) ?? ""));
}

describe("a terminal of 0×0", () => {
  for (const [args, header] of [
    ["slots", /slot/],
    ["doctor", /wal_level/],
    ["create-slot t1", /t1/],
  ] as const) {
    it(`${args} ends, in lines of 80 columns`, async () => {
      const { text, status } = await run(args);
      assert.notEqual(status, null, "it hung");
      assert.match(text, header);
      // A command to paste is one line, however long.
      const widest = Math.max(...widths(text.replaceAll(/ +psql .*/g, "")));
      assert.ok(widest > 40 && widest <= 80, `${widest} columns: ${text}`);
      assert.ok(text.length < 20_000, `${text.length} bytes`);
    });
  }

  it("help is laid out for 80 columns", async () => {
    const { text } = await run("tail --help");
    const widest = Math.max(...widths(text.split("Examples:")[0] ?? ""));
    assert.ok(widest > 60 && widest <= 80, `${widest} columns`);
  });

  it("COLUMNS says what the terminal does not", async () => {
    const { text } = await run("slots", { env: { COLUMNS: "120" } });
    const widest = Math.max(...widths(text));
    assert.ok(widest > 80 && widest <= 120, `${widest} columns: ${text}`);
  });

  it("tail prints tables of 80 columns and a status line, and no storm", async () => {
    const running = run("tail -S s -P p -n 2", { env: { PGAPPNAME: "unsized" } });
    const sql =
      "SELECT FROM pg_stat_replication WHERE application_name = 'unsized' AND state = 'streaming'";
    await until(async () => (await server.sql(sql)).length > 0, 50);
    await server.sql("INSERT INTO t VALUES (1, 'one', repeat('x', 200))");
    await sleep(2500);
    await server.sql("INSERT INTO t VALUES (2, 'two', 'y')");
    const { text, status } = await running;
    assert.equal(status, 0, text);
    const widest = Math.max(...widths(text));
    assert.ok(widest > 64 && widest <= 80, `${widest} columns: ${text}`);
    assert.match(text, /-- at [0-9A-F]+\/[0-9A-F]+, .*rows\/s/);
    assert.ok(text.length < 20_000, `${text.length} bytes`);
  });

  it("TERM=dumb gets lines only, without control sequences", async () => {
    const dumb = { env: { TERM: "dumb" }, forMs: 5000 };
    const [tail, slots] = await Promise.all([
      run("tail -S s -P p", dumb),
      run("slots --watch 0.5", dumb),
    ]);
    assert.match(tail.text, /streaming from slot "s"/);
    assert.ok(slots.text.split("wal status").length > 2, slots.text);
    // oxlint-disable-next-line no-control-regex -- what it looks for
    assert.doesNotMatch(tail.text + slots.text, /\u001b/);
  });

  it("slots --watch draws a screen that fits 24 rows", async () => {
    for (let slot = 0; slot < 7; slot++) {
      await server.sql(`SELECT pg_create_logical_replication_slot('w${slot}', 'pgoutput')`);
    }
    const { text } = await run("slots --watch 0.5", { forMs: 6000 });
    const frames = text.split("\u001b[?2026h\u001b[H").slice(1);
    assert.ok(frames.length >= 2 && frames.length < 20, `${frames.length} frames`);
    for (const frame of frames) {
      const lines = (frame.split("\u001b[?2026l")[0] ?? "").split("\r\n");
      assert.ok(lines.length > 4 && lines.length <= 24, `${lines.length} rows`);
      assert.match(frame, /w0/);
    }
  });
});
