/** The status line and the server's own position, which the stream does not tell. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { type Terminal, WALCTL_COMMAND, openTerminal } from "../../support/program/terminal.ts";

describe("the status line", { timeout: 120_000 }, () => {
  let server: TestServer;
  let terminal: Terminal;
  before(async () => {
    server = await startServer({ version: 18, settings: { wal_sender_timeout: "0" } });
    await server.sql("CREATE TABLE quiet (id int)");
    await server.sql("CREATE TABLE busy (id int, pad text)");
    await server.sql("CREATE PUBLICATION p FOR TABLE quiet");
    await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    const command = `${WALCTL_COMMAND} tail -S s -P p --ack`;
    terminal = await openTerminal(command, { columns: 100, rows: 24, server });
  });
  after(async () => {
    await terminal.close();
    await server.dispose();
  });

  const line = async (): Promise<string> => (await terminal.text()).split("\n").at(-1) ?? "";

  test("does not say that all is read while the server is far ahead", async () => {
    await terminal.waitFor(/-- at .*up to date, /);
    const [walsender] = await server.sql<{ pid: number }>("SELECT pid FROM pg_stat_replication");
    assert.ok(walsender !== undefined);
    // A walsender that is held up says nothing, and neither does one that decodes what is not published.
    process.kill(walsender.pid, "SIGSTOP");
    try {
      await server.sql(
        "INSERT INTO busy SELECT i, repeat('x', 1000) FROM generate_series(1, 25000) i",
      );
      const since = Date.now();
      for (let shown = ""; !/ \d+ MB( and [\d.]+ s)? behind, /.test(shown); shown = await line()) {
        assert.ok(Date.now() - since < 8000, `it was never said: ${shown}`);
        // The answer before was right when it was given.
        if (Date.now() - since > 3500) assert.doesNotMatch(shown, /up to date, /);
        await sleep(100);
      }
    } finally {
      process.kill(walsender.pid, "SIGCONT");
    }
    await terminal.waitFor(/-- at .*up to date( \d s ago)?, /);
  });

  test("leaves no connection open beside the stream, so that a smart stop is not held up", async () => {
    const own =
      "SELECT pid FROM pg_stat_activity WHERE application_name = 'walctl' AND backend_type = 'client backend'";
    let seen = 0;
    for (let look = 0; look < 120; look++) {
      seen += (await server.sql(own)).length;
      await sleep(50);
    }
    assert.ok(seen <= 3, `${seen} of 120 looks saw one`);
    const since = performance.now();
    await server.stop("smart");
    assert.ok(performance.now() - since < 3000);
    // Each reason is said once; the status line counts.
    const shown = await terminal.waitFor(/-- not connected, attempt [5-9], /);
    const reasons = shown.match(/^walctl: warning: .*$/gm) ?? [];
    // The connection ends, the socket refuses, the socket is gone.
    assert.ok(reasons.length > 0 && reasons.length <= 3, shown);
    await server.start();
    await terminal.waitFor(/1 reconnect$/m);
    await terminal.press("C-c");
    assert.equal(await terminal.exit(), 0);
  });
});
