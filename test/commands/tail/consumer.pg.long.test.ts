/** The shell consumer of docs/recipes.md, which confirms for itself, killed again and again. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PROGRAM, childEnvironment } from "../../support/program/cli.ts";
import { committedIds, parseLines } from "../../support/program/lines.ts";
import { LOAD_TABLE, startLoad } from "../../support/server/load.ts";
import { seededRandom } from "../../support/tools/random.ts";
import { startServer } from "../../support/server/server.ts";
import { until } from "../../support/tools/until.ts";

const ROUNDS = 12;

test("a consumer that confirms what it has stored, killed again and again, loses nothing", async (t) => {
  const seed = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 1_000_000);
  t.diagnostic(`WALCTL_TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), "walctl-consumer-"));
  t.after(() => rm(folder, { recursive: true }));
  const server = await startServer({ version: 18 });
  t.after(() => server.dispose());
  await server.sql(LOAD_TABLE);
  await server.sql("CREATE PUBLICATION shop_changes FOR TABLE load");
  await server.sql("SELECT pg_create_logical_replication_slot('shop_slot', 'pgoutput')");

  const walctl = join(folder, "walctl");
  await writeFile(walctl, `#!/bin/sh\nexec ${process.execPath} ${PROGRAM} "$@"\n`);
  await chmod(walctl, 0o755);
  const page = await readFile(new URL("../../../../docs/recipes.md", import.meta.url), "utf8");
  const block = /^## Shell: [^]*?^```sh\n([^]*?)^```$/m.exec(page)?.[1];
  assert.ok(block !== undefined);
  const script = block.replace("-d shop", "-d postgres");
  const path = `${folder}${delimiter}${process.env["PATH"]}`;
  const consume = (line: string) =>
    spawn("bash", ["-c", line], {
      cwd: folder,
      env: { ...childEnvironment({ server, env: { PATH: path } }) },
      stdio: "ignore",
      // A group of its own: all of it is killed at once, consumer and walctl.
      detached: true,
    });
  const slotIs = async (active: boolean): Promise<void> => {
    const sql = "SELECT 1 FROM pg_replication_slots WHERE active";
    await until(async () => (await server.sql(sql)).length > 0 === active, 10);
  };
  const confirmed = async (): Promise<bigint> => {
    const sql = "SELECT (confirmed_flush_lsn - '0/0')::text AS lsn FROM pg_replication_slots";
    return BigInt((await server.sql<{ lsn: string }>(sql))[0]?.lsn ?? "0");
  };

  const load = await startLoad(server, { pauseMs: 5 });
  t.after(() => load.stop());
  const from = await confirmed();
  for (let round = 0; round < ROUNDS; round++) {
    const running = consume(script);
    const ended = once(running, "close");
    // On a busy machine the start alone may take a second.
    await slotIs(true);
    await sleep(400 + random() * 500);
    if (running.pid !== undefined) process.kill(-running.pid, "SIGKILL");
    await ended;
    await slotIs(false);
  }
  const committed = await load.stop();
  assert.ok((await confirmed()) > from, "the slot has moved");
  // What is left, to its end.
  const last = consume(script.replace("walctl tail", "walctl tail -E now"));
  await once(last, "close");
  const stored = (await readFile(join(folder, "stored.ndjson"), "utf8")).split("\n");
  // A killed writer may leave half a line behind, with the next one's beginning.
  const whole = stored.filter((line) => line.startsWith('{"kind"') && isJson(line));
  const ids = new Set(committedIds(parseLines(whole)));
  assert.deepEqual(
    committed.filter((id) => !ids.has(id)),
    [],
  );
});

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}
