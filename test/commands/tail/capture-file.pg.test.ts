/** `tail --capture FILE`, and a FILE that is there already. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { spawnWalctl, walctl } from "../../support/program/cli.ts";
import { LOAD_TABLE } from "../../support/server/load.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

describe("tail --capture", () => {
  let server: TestServer;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "walctl-capture-"));
    server = await startServer({ version: 18 });
    await server.sql(`${LOAD_TABLE}; CREATE PUBLICATION p FOR TABLE load`);
    await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });

  const args = (file: string): string[] => ["tail", "-S", "s", "-P", "p", "--capture", file];

  test("a second tail on a slot that is in use leaves the first one's capture alone", async (t) => {
    // The file was emptied as soon as the second one was started, and the first wrote on behind a hole.
    const file = join(folder, "mine");
    const first = spawnWalctl(args(file), { server });
    t.after(() => first.dispose());
    await server.sql("INSERT INTO load VALUES (1, 'before')");
    const lines = await first.waitFor((line) => line.includes('"kind":"commit"'));
    const second = await walctl(args(file), { server });
    assert.equal(second.status, 1);
    assert.match(second.stderr, /slot "s" is in use/);
    await server.sql("INSERT INTO load VALUES (2, 'after')");
    lines.push(...(await first.waitFor((line) => line.includes('"kind":"commit"'))));
    assert.equal((await first.stop()).status, 0);
    const decoded = await walctl(["decode-file", file]);
    assert.equal(decoded.stdout, `${lines.join("\n")}\n`, decoded.stderr);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  test("what is there is replaced by a tail that has the slot, and by no other", async () => {
    const file = join(folder, "old");
    writeFileSync(file, "x".repeat(1_000_000));
    const missing = await walctl(["tail", "-S", "none", "-P", "p", "--capture", file], { server });
    assert.equal(missing.status, 1);
    assert.equal(readFileSync(file, "utf8"), "x".repeat(1_000_000));
    const tail = await walctl([...args(file), "-E", "now"], { server });
    assert.equal(tail.status, 0, tail.stderr);
    assert.equal((await walctl(["decode-file", file])).stdout, tail.stdout);
  });

  test("what cannot be written is refused before the server is asked", async (t) => {
    const refused = async (file: string): Promise<string> => {
      const { status, stderr } = await walctl(args(file), { server, env: { PGPORT: "1" } });
      assert.equal(status, 1);
      return stderr.replaceAll(folder, "");
    };
    assert.match(await refused(folder), /error: could not open "" for writing \(EISDIR\)/);
    assert.match(
      await refused(join(folder, "none", "file")),
      /error: could not open "\/none\/file" for writing \(ENOENT\)/,
    );
    const file = join(folder, "locked");
    writeFileSync(file, "", { mode: 0o400 });
    chmodSync(file, 0o400);
    if (process.getuid?.() === 0) return t.diagnostic("root may write everything");
    assert.match(await refused(file), /error: could not open "\/locked" for writing \(EACCES\)/);
  });
});
