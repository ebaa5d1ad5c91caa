/** `--ack-from` in the pipelines of a shell, to an end of tail's own. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Lsn, formatLsn } from "../../../src/lsn.ts";
import { PROGRAM, childEnvironment } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

describe("--ack-from, in a shell's pipeline", () => {
  let server: TestServer;
  let folder: string;
  before(async () => {
    server = await startServer({ version: 15 });
    await server.sql("CREATE TABLE t (id serial PRIMARY KEY)");
    await server.sql("CREATE PUBLICATION p FOR TABLE t");
    await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    folder = mkdtempSync(join(tmpdir(), "walctl-ack-from-"));
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });

  /** Runs a shell line with walctl as `tail`; `lsns` leaves the end_lsns of its lines. Gives what went to standard error. */
  async function consume(line: string): Promise<{ stderr: string; seconds: number }> {
    // Without exec a shell would have the pipe open too.
    const tail = `tail() { exec "$node" "$program" tail -S s -P p "$@"; }`;
    const lsns = `lsns() { sed -un 's/^{"kind":"commit".*"end_lsn":"\\([^"]*\\)".*/\\1/p'; }`;
    const since = performance.now();
    const script = `node=$0 program=$1; ${tail}; ${lsns}; rm -f f o; ${line}`;
    const child = spawn("sh", ["-c", script, process.execPath, PROGRAM], {
      cwd: folder,
      env: childEnvironment({ server }),
      stdio: ["ignore", "inherit", "pipe"],
    });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    await once(child, "close");
    return { stderr, seconds: (performance.now() - since) / 1000 };
  }

  /** Where the last of some new transactions ends: what `-E now` prints last. */
  async function commitSome(): Promise<string> {
    for (let count = 0; count < 3; count++) await server.sql("INSERT INTO t DEFAULT VALUES");
    // Of the last Commit message. The server itself writes to its log too, so that the log may end further on.
    const sql = `SELECT encode(substring(data from 11 for 8), 'hex') AS hex FROM pg_logical_slot_peek_binary_changes(
      's', NULL, NULL, 'proto_version', '1', 'publication_names', 'p') WHERE get_byte(data, 0) = ascii('C')`;
    const hex = (await server.sql<{ hex: string }>(sql)).at(-1)?.hex ?? "";
    return formatLsn(BigInt(`0x${hex}`) as Lsn);
  }

  const CONSUMERS: ReadonlyArray<readonly [what: string, line: string]> = [
    [
      "at the end of its input",
      "mkfifo f; tail -E now --ack-from f | lsns | command tail -n 1 > f",
    ],
    [
      "with a writer for each line",
      "mkfifo f; tail -E now --ack-from f | lsns | while read -r lsn; do echo $lsn > f; done",
    ],
    ["slowly, into a file", ": > f; tail -E now --ack-from f | lsns | (sleep 1; cat >> f)"],
    ["of a FIFO as output", "mkfifo f o; tail -E now --ack-from f -o o & lsns < o > f; wait"],
    ["at -n", "mkfifo f; tail -n 3 --ack-from f | lsns | command tail -n 1 > f"],
    ["at --endpos", "mkfifo f; tail -E END --ack-from f | lsns | command tail -n 1 > f"],
  ];
  for (const [what, line] of CONSUMERS) {
    test(`at an end of its own tail waits for the last confirmation: ${what}`, async () => {
      await server.sql(`SELECT pg_replication_slot_advance('s', pg_current_wal_insert_lsn())`);
      const end = await commitSome();
      const { stderr, seconds } = await consume(line.replace("END", end));
      assert.equal(await server.confirmed("s"), end, stderr);
      assert.doesNotMatch(stderr, /warning/);
      assert.ok(seconds < 5, `${seconds} s`);
    });
  }

  test("at an end of its own it warns of what is not confirmed, once the consumer has gone", async () => {
    await server.sql(`SELECT pg_replication_slot_advance('s', pg_current_wal_insert_lsn())`);
    const end = await commitSome();
    const line = "mkfifo f; tail -E now --ack-from f | (exec > f; lsns | sed -n 1p; sleep 1)";
    const { stderr, seconds } = await consume(line);
    const slot = await server.confirmed("s");
    assert.match(
      stderr,
      new RegExp(
        `^walctl: warning: 2 transactions were printed and not confirmed: what ended after ${slot}, up to ${end}, is sent again$`,
        "m",
      ),
    );
    assert.ok(seconds < 5, `${seconds} s`);
  });
});
