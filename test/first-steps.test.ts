/** README.md as a person follows it who has a server as it was installed, and has never seen logical replication. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { PROGRAM, childEnvironment } from "./support/program/cli.ts";
import { type TestServer, startServer } from "./support/server/server.ts";
import { toolPath } from "./support/tools/tools.ts";
import { until } from "./support/tools/until.ts";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

/** The blocks to paste below a heading, up to the next one. */
function blocks(heading: string): readonly string[] {
  const [, text = ""] = readme.split(`\n${heading}\n`);
  const found = text.split(/^##/m, 1)[0]?.matchAll(/^```sh\n([^]*?)^```$/gm) ?? [];
  return Array.from(found, ([, block = ""]) => block);
}

interface Ran {
  readonly status: number;
  readonly stdout: string;
}

describe("README.md, followed by a stranger", () => {
  let server: TestServer;
  let folder: string;

  before(async () => {
    server = await startServer({ version: 18, settings: { wal_level: "replica" } });
    await server.sql("CREATE DATABASE shop");
    folder = mkdtempSync(join(tmpdir(), "walctl-stranger-"));
    // What goes on until Ctrl-C is to end by itself: tail gets the words of END.
    const script = `[ "$1" = tail ] && set -- "$@" $END\nexec ${process.execPath} ${PROGRAM} "$@"`;
    writeFileSync(join(folder, "walctl"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    await shop("CREATE TABLE orders (id int PRIMARY KEY, status text)");
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });

  async function paste(block: string | undefined, end = ""): Promise<Ran> {
    assert.ok(block !== undefined);
    const tools = dirname(toolPath("psql"));
    const path = [folder, tools, dirname(toolPath("jq")), process.env["PATH"]].join(delimiter);
    const env = childEnvironment({ server, env: { PATH: path, PGDATABASE: undefined, END: end } });
    return await new Promise((resolve, reject) => {
      execFile("bash", ["-c", block], { env, cwd: folder, timeout: 60_000 }, (error, stdout) => {
        if (error !== null && typeof error.code !== "number") reject(error);
        else resolve({ status: Number(error?.code ?? 0), stdout });
      });
    });
  }

  async function shop(sql: string): Promise<void> {
    const { status } = await paste(`psql -XqAt -v ON_ERROR_STOP=1 -d shop -c "${sql}"`);
    assert.equal(status, 0, sql);
  }

  it("gets from wal_level = replica to their own changes", async () => {
    const [doctor, tail] = blocks("## Your own changes on the screen");
    const ill = await paste(`${doctor?.trimEnd()} -F ndjson`);
    assert.equal(ill.status, 1);
    const checks = ill.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { check: string; status: string; fix: string });
    const failed = checks.filter(({ status }) => status === "fail");
    assert.deepEqual(
      failed.map(({ check }) => check),
      ["wal_level"],
    );
    assert.equal((await paste(failed[0]?.fix)).status, 0);
    await server.restart();
    assert.equal((await paste(doctor)).status, 0);

    const watching = paste(tail, "-n 1 -F table");
    const streaming = "SELECT FROM pg_stat_replication WHERE state = 'streaming'";
    await until(async () => (await server.sql(streaming)).length > 0, 50);
    await shop("INSERT INTO orders VALUES (1, 'new')");
    const { status, stdout } = await watching;
    assert.equal(status, 0);
    assert.match(stdout, /, schema public ──\n.* \+ orders 1 {2}status=new/);
  });

  it("does the first four things", async () => {
    const one = blocks("### 1. Consume every change, and lose none")[0];
    assert.equal((await paste(one, "-E now")).status, 0);
    await shop("INSERT INTO orders VALUES (2, 'new')");
    await shop("UPDATE orders SET status = 'paid'");
    const waiting = await paste(blocks("### 2. See what is waiting, and leave it there")[0]);
    assert.match(waiting.stdout, /"kind":"insert".*"new":{"id":2,"status":"new"}/);
    const totals = await paste(
      blocks("### 3. Find out which tables and transactions change most")[0],
      "-F table",
    );
    assert.match(totals.stdout, /│ public\.orders +│ +1 │ +2 │/);
    const slots = await paste(blocks("### 4. Find out why the disk fills up")[0]);
    assert.match(slots.stdout, /"slot":"shop_slot".*"status":"ok"/);
    // Again, as the page says; now there is something to take.
    assert.equal((await paste(one, "-E now")).status, 0);
    const file = readFileSync(join(folder, "changes.ndjson"), "utf8");
    const changes = Array.from(file.matchAll(/^\{"kind":"(insert|update)".*"new":(.*)\}$/gm));
    assert.deepEqual(
      changes.map(([, kind, row]) => [kind, row]),
      [
        ["insert", '{"id":2,"status":"new"}'],
        ["update", '{"id":1,"status":"paid"}'],
        ["update", '{"id":2,"status":"paid"}'],
      ],
    );
    assert.equal(
      (await paste(blocks("### 2. See what is waiting, and leave it there")[0])).stdout,
      "",
    );
  });
});
