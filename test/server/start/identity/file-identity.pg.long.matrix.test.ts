/** The next process on the same FILE: a server, a slot or a FILE that is not the one that was streamed. */
import assert from "node:assert/strict";
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { walctl } from "../../../support/program/cli.ts";
import { insertedIds, parseLines } from "../../../support/program/lines.ts";
import { LOAD_TABLE } from "../../../support/server/load.ts";
import { startServer } from "../../../support/server/server.ts";
import { newestOrBoth } from "../../../matrix/support/versions.ts";
import { IdentityScene } from "./scene.ts";

for (const version of newestOrBoth()) {
  describe(`identity of FILE on PostgreSQL ${version}`, () => {
    const scene = new IdentityScene();
    const { insert, fill, position, args, copy } = scene;
    before(() => scene.begin(version));
    after(() => scene.end());
    beforeEach(() => scene.newSlot());

    let file: string;
    beforeEach(() => {
      file = join(scene.folder, `${scene.slot}.ndjson`);
    });
    const run = (...more: string[]): Promise<Awaited<ReturnType<typeof walctl>>> =>
      walctl(args("--ack", "-o", file, "-E", "now", ...more), { server: scene.server });
    const held = (): number[] => insertedIds(parseLines(readFileSync(file, "utf8")));
    const refused = async (message: RegExp, ...more: string[]): Promise<void> => {
      const old = readFileSync(file);
      const { status, stderr } = await run(...more);
      assert.equal(status, 1, stderr);
      assert.match(stderr, message);
      assert.match(stderr, /^HINT: .*--allow-gap/m);
      assert.deepEqual(readFileSync(file), old, "FILE is as it was");
    };
    const allowed = async (ids: readonly number[]): Promise<void> => {
      const old = held().length;
      const { status, stderr } = await run("--allow-gap");
      assert.equal(status, 0, stderr);
      assert.match(stderr, /^walctl: warning: /m);
      assert.deepEqual(held().slice(old), ids);
      // And from then on all is well.
      const more = await insert(2);
      const again = await run();
      assert.equal(again.status, 0, again.stderr);
      assert.doesNotMatch(again.stderr, /warning/);
      assert.deepEqual(held().slice(old), [...ids, ...more]);
    };

    test("the server is behind", async (t) => {
      const older = await copy(t);
      await insert(20);
      assert.equal((await run()).status, 0);
      await older.restore();
      await refused(/^walctl: error: the server is at .*, and changes up to/m);
      await allowed([]);
    });

    test("the server was behind and has grown since", async (t) => {
      const older = await copy(t);
      await insert(3);
      assert.equal((await run()).status, 0);
      const end = await position();
      await older.restore();
      const ids = await insert(20);
      while ((await position()) < end) await fill();
      await refused(/^walctl: error: the server's log is not the one that was received/m);
      await allowed(ids);
    });

    test("it was promoted before that", async (t) => {
      const older = await copy(t);
      await insert(20);
      assert.equal((await run()).status, 0);
      await older.restore({ promoted: true });
      const ids = await insert(2);
      await refused(
        /^walctl: error: the server does not have all that was received: its timeline/m,
      );
      await allowed(ids);
    });

    test("the slot was moved, or made anew", async () => {
      await insert(3);
      assert.equal((await run()).status, 0);
      await insert(3);
      await scene.server.sql(
        `SELECT pg_replication_slot_advance('${scene.slot}', pg_current_wal_lsn())`,
      );
      await refused(/^walctl: error: slot ".*" is at .*, beyond what was received/m);
      await allowed([]);
      await insert(1);
      await scene.server.sql(`SELECT pg_drop_replication_slot('${scene.slot}')`);
      await scene.server.sql(
        `SELECT pg_create_logical_replication_slot('${scene.slot}', 'pgoutput')`,
      );
      await refused(/^walctl: error: slot ".*" is at .*, beyond what was received/m);
    });

    for (const filter of [
      ["--only", "insert"],
      ["--only", "begin,insert"],
      ["--where", "new.id > 0"],
    ]) {
      test(`a FILE is continued with and without ${filter.join(" ")}, and a gap is an error in both`, async () => {
        const ids: number[] = [];
        for (const options of [[], filter, filter, [], filter]) {
          ids.push(...(await insert(2)));
          const { status, stderr } = await run(...options);
          assert.equal(status, 0, stderr);
          assert.doesNotMatch(stderr, /notice: cut/);
          assert.deepEqual(held(), ids);
        }
        for (const options of [[], filter]) {
          assert.equal((await run(...options)).status, 0);
          await insert(1);
          await scene.server.sql(
            `SELECT pg_replication_slot_advance('${scene.slot}', pg_current_wal_lsn())`,
          );
          await insert(1);
          for (const next of [filter, [], filter]) {
            await refused(/^walctl: error: slot ".*" is at .*, beyond what was received/m, ...next);
          }
          assert.equal((await run("--allow-gap", ...options)).status, 0);
        }
      });
    }

    test("it is another server", async (t) => {
      await insert(3);
      assert.equal((await run()).status, 0);
      const second = await startServer({ version });
      t.after(() => second.dispose());
      await second.sql(`${LOAD_TABLE}; CREATE PUBLICATION p FOR TABLE load`);
      await second.sql(`SELECT pg_create_logical_replication_slot('${scene.slot}', 'pgoutput')`);
      const { status, stderr } = await walctl(args("--ack", "-o", file, "-E", "now"), {
        server: second,
      });
      assert.equal(status, 1);
      assert.match(stderr, /^walctl: error: this is another server: its system identifier is \d+/m);
    });

    test("FILE is another slot's", async () => {
      await insert(3);
      assert.equal((await run()).status, 0);
      await scene.server.sql(
        `SELECT pg_copy_logical_replication_slot('${scene.slot}', '${scene.slot}_copy')`,
      );
      const { status, stderr } = await walctl(
        ["tail", "-S", `${scene.slot}_copy`, "-P", "p", "--ack", "-o", file, "-E", "now"],
        { server: scene.server },
      );
      assert.equal(status, 1);
      assert.match(
        stderr,
        new RegExp(
          `^walctl: error: the file holds what slot "${scene.slot}" of database "postgres" sent`,
          "m",
        ),
      );
      assert.match(
        stderr,
        /^HINT: To keep both, and lose nothing: another FILE for this slot \(-o\)\. .*--allow-gap/m,
      );
    });

    test("without FILE.walctl, or with a damaged one, it goes on as well", async () => {
      for (const damage of [
        () => rmSync(`${file}.walctl`),
        () => appendFileSync(`${file}.walctl`, "x"),
      ]) {
        const ids = await insert(3);
        assert.equal((await run()).status, 0);
        damage();
        ids.push(...(await insert(3)));
        const { status, stderr } = await run();
        assert.equal(status, 0, stderr);
        assert.deepEqual(held().slice(-6), ids);
        assert.ok(existsSync(`${file}.walctl`));
      }
    });

    test("FILE deleted, and its state left: what the slot still has comes, and no error", async () => {
      await insert(3);
      assert.equal((await run()).status, 0);
      rmSync(file);
      const ids = await insert(3);
      const { status, stderr } = await run();
      assert.equal(status, 0, stderr);
      assert.deepEqual(held(), ids);
    });
  });
}
