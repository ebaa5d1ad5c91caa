/** How long a server that stops waits for a hung walctl (PostgreSQL 19): on servers without that, by a setting like it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { sessionSettings } from "../../../src/server/query/session-settings.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

const NAME = "wal_sender_shutdown_timeout";
/** -1 by default too, and in milliseconds. */
const LIKE_IT = "log_min_duration_sample";

describe("the limit that walctl sets for its own walsender", () => {
  let server: TestServer;

  before(async () => {
    server = await startServer({ version: 18 });
  });
  after(() => server.dispose());

  async function settingAfter(sql: string): Promise<unknown> {
    const client = await server.connect();
    try {
      await client.query(sql);
      const { rows } = await client.query<Record<string, unknown>>(`SHOW ${LIKE_IT}`);
      return rows[0]?.[LIKE_IT];
    } finally {
      await client.end();
    }
  }

  test("is set where the server would wait for ever, and only there", async () => {
    const settings = sessionSettings("logical").replace(NAME, LIKE_IT);
    assert.equal(await settingAfter(settings), "10s");
    for (const limit of ["5s", "1min", "0"])
      assert.equal(await settingAfter(`SET ${LIKE_IT} = '${limit}'; ${settings}`), limit);
    // As on servers that do not have it.
    assert.equal(await settingAfter(sessionSettings("logical")), "-1");
  });

  test("gives way to what the user asks for in options or PGOPTIONS, and is not for ordinary sessions", () => {
    assert.ok(sessionSettings("logical", "-c statement_timeout=5s").includes(NAME));
    for (const own of [`-c ${NAME}=-1`, `--${NAME}=60s`, "--wal-sender-shutdown-timeout=-1"])
      assert.ok(!sessionSettings("logical", own).includes(NAME), own);
    assert.ok(!sessionSettings("ordinary").includes(NAME));
  });
});
