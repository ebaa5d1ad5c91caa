/** A stream in which not all is the server's. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { authentication, claiming, message } from "../../support/server/hostile-messages.ts";
import { walctl } from "../../support/program/cli.ts";
import { startHostileServer } from "../../support/server/hostile-server.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { checkStream, fuzzStreams } from "../../support/wire/stream-fuzz.ts";

describe("a hostile stream", () => {
  let server: TestServer;

  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql(
      "CREATE TABLE t (id int PRIMARY KEY, v int[]); CREATE PUBLICATION fuzzed FOR TABLE t",
    );
    await server.sql("SELECT pg_create_logical_replication_slot('fuzzed', 'pgoutput')");
    await server.sql("INSERT INTO t SELECT n, ARRAY[n] FROM generate_series(1, 20) n");
  });
  after(() => server.dispose());

  for (const [story, bytes, pattern] of [
    [
      "a request for a cleartext password",
      authentication(3),
      /sent a message of type "R" in the middle of a stream/,
    ],
    ["an offer of SASL", authentication(10, "SCRAM-SHA-256\0\0"), /type "R"/],
    ["RowDescription", message("T", "\0\0"), /type "T"/],
    ["CopyInResponse", message("G", "\0\0\0"), /type "G"/],
    ["PortalSuspended", message("s"), /type "s"/],
    ["ReadyForQuery", message("Z", "I"), /type "Z"/],
    ["an ErrorResponse without an end", message("E", "SFATAL\0M"), /malformed message of type "E"/],
    ["a length of 4 GB", claiming("d", 0xffffffff), /type "d" and length 4294967295/],
    ["a length of 2 GB", claiming("d", 0x7fffffff), /type "d" and length 2147483647/],
    ["a length of 3", claiming("d", 3), /type "d" and length 3/],
    ["a long ParameterStatus", claiming("S", 100_000), /type "S" and length 100000/],
    ["an unknown type", message("\x01"), /type 0x01/],
  ] as const)
    test(`${story} is one error`, async () => {
      const stderr = await checkStream(server, story, (client) => client.write(bytes));
      assert.match(stderr, /^walctl: error: the server broke the protocol: /m);
      assert.match(stderr, pattern);
    });

  test("of several hosts one that lets us in and then hangs has connect_timeout", async (t) => {
    const evil = await startHostileServer(async (socket, next) => {
      await next();
      socket.write(Buffer.concat([authentication(0), message("Z", "I")]));
    });
    t.after(() => evil.close());
    for (const PGTARGETSESSIONATTRS of ["any", "primary"]) {
      const PGHOST = `127.0.0.1,${server.host}`;
      const PGPORT = `${evil.port},${server.port}`;
      const { status, stderr } = await walctl(["slots"], {
        server,
        env: { PGHOST, PGPORT, PGTARGETSESSIONATTRS, PGCONNECT_TIMEOUT: "1", PGSSLMODE: "disable" },
        timeoutMs: 10_000,
      });
      assert.equal(status, 0, stderr);
    }
  });

  test("whatever comes in the stream: one error, valid lines, an end, no password", async () => {
    await fuzzStreams({ server, seed: 1, rounds: 25 });
  });
});
