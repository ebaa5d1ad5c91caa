/** A transaction that is streamed while it is open, and a connection that is lost meanwhile. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, after, before, describe, test } from "node:test";
import { type RunningWalctl, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { LOAD_TABLE } from "../../support/server/load.ts";
import { FaultProxy } from "../../support/server/proxy.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { Transcript } from "../../chaos/transcript.ts";
import { newestOrBoth } from "../../matrix/support/versions.ts";

for (const version of newestOrBoth()) {
  describe(`a streamed transaction that is cut on PostgreSQL ${version}`, () => {
    let server: TestServer;
    let proxy: FaultProxy;
    let folder: string;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), "walctl-streamed-"));
      server = await startServer({ version, settings: { logical_decoding_work_mem: "64kB" } });
      await server.sql(`${LOAD_TABLE}; CREATE PUBLICATION p FOR TABLE load`);
      proxy = await FaultProxy.start(server, { unix: true });
    });
    after(async () => {
      await proxy.close();
      await server.dispose();
      rmSync(folder, { recursive: true });
    });

    const tailFor = async (t: TestContext, slot: string): Promise<RunningWalctl> => {
      await server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
      const capture = join(folder, slot);
      const args = [
        "tail",
        "-S",
        slot,
        "-P",
        "p",
        "--ack",
        "--streaming",
        "on",
        "--capture",
        capture,
      ];
      const running = spawnWalctl(args, { server, env: proxy.env });
      t.after(() => running.dispose());
      return running;
    };

    test("what a savepoint took back while nobody was connected does not count", async (t) => {
      // The server does not tell of it the second time: it sends the transaction without, in one piece.
      const running = await tailFor(t, "sub");
      const writer = await server.connect();
      t.after(() => writer.end());
      await writer.query(
        "BEGIN; INSERT INTO load VALUES (1, 'top'); SAVEPOINT s; INSERT INTO load SELECT 10 + i, repeat('x', 100) FROM generate_series(1, 2000) i",
      );
      const lines = await running.waitFor((line) => line.includes('"id":1000,'));
      await server.sql("INSERT INTO load VALUES (5, 'another transaction')");
      lines.push(...(await running.waitFor((line) => line.includes('"kind":"commit"'))));
      proxy.refusing = true;
      proxy.cut();
      await running.waitForStderr("lost the connection");
      await writer.query("ROLLBACK TO s; INSERT INTO load VALUES (6, 'kept')");
      await writer.query("COMMIT");
      proxy.refusing = false;
      lines.push(...(await running.waitFor((line) => /"kind":"(stream_)?commit"/.test(line))));
      const transcript = new Transcript();
      for (const line of lines) transcript.take(line);
      assert.deepEqual(
        transcript.committed.map(({ ids }) => ids),
        [[5], [1, 6]],
      );
      assert.deepEqual(transcript.twice, []);
      assert.equal((await running.stop()).status, 0);
      const decoded = await walctl(["decode-file", join(folder, "sub")]);
      assert.deepEqual(decoded.stdout.trimEnd().split("\n"), lines);
      const { notes, messages } = framesOf(join(folder, "sub"));
      const sub = lines.map((line) =>
        /"kind":"stream_abort".*"xid":(\d+),"subxid":(\d+)/.exec(line),
      );
      const [, xid, subxid] = sub.find((found) => found !== null) ?? assert.fail(lines.join("\n"));
      assert.deepEqual(notes, [{ rolled_back: [{ xid: Number(xid), subxid: Number(subxid) }] }]);
      assert.deepEqual(messages("A"), []);
    });

    test("it goes on, without a second first block", async (t) => {
      const running = await tailFor(t, "again");
      const writer = await server.connect();
      t.after(() => writer.end());
      const rows = (from: number): string =>
        `INSERT INTO load SELECT ${from} + i, repeat('x', 100) FROM generate_series(1, 3000) i`;
      await writer.query(`BEGIN; ${rows(10_000)}`);
      const lines = await running.waitFor((line) => line.includes('"id":11000,'));
      proxy.cut();
      await running.waitForStderr("lost the connection");
      await writer.query(rows(20_000));
      await writer.query(rows(30_000));
      await writer.query("COMMIT");
      lines.push(...(await running.waitFor((line) => /"kind":"(stream_)?commit"/.test(line))));
      const transcript = new Transcript();
      for (const line of lines) transcript.take(line);
      assert.deepEqual(transcript.twice, []);
      assert.equal(transcript.committed[0]?.ids.length, 9000);
      const first = lines.filter((line) => line.includes('"first_segment":true'));
      assert.equal(first.length, 1);
      assert.equal((await running.stop()).status, 0);
      const decoded = await walctl(["decode-file", join(folder, "again")]);
      assert.deepEqual(decoded.stdout.trimEnd().split("\n"), lines);
      const { notes, messages } = framesOf(join(folder, "again"));
      const { xid } = JSON.parse(first[0]!);
      assert.deepEqual(notes, [{ stream_continues: xid }]);
      const starts = messages("S").map((message) => message.at(-1));
      assert.equal(starts.filter((flag) => flag === 1).length, 2, "as the server sent them");
    });
  });
}

/** The capture's messages of one type as they were received, and what walctl noted of reconnections. */
function framesOf(path: string): {
  notes: readonly unknown[];
  messages: (tag: string) => readonly Buffer[];
} {
  const bytes = readFileSync(path);
  const frames: Buffer[] = [];
  for (let at = 8; at < bytes.length; at += 4 + bytes.readUInt32BE(at)) {
    frames.push(bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at)));
  }
  const metadata = frames.filter((frame) => frame[0] === "m".charCodeAt(0));
  return {
    notes: metadata
      .map((frame) => JSON.parse(frame.toString("utf8", 1)))
      .filter((json) => "rolled_back" in json || "stream_continues" in json),
    messages: (tag) =>
      frames
        .filter((frame) => frame[0] === "w".charCodeAt(0) && frame[25] === tag.charCodeAt(0))
        .map((frame) => frame.subarray(25)),
  };
}
