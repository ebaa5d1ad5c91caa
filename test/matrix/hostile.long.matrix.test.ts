/** More rounds of what `npm test` does a little of, on every version. */
import { after, before, describe, test } from "node:test";
import { fuzzLogins } from "../support/wire/login-fuzz.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { fuzzStreams } from "../support/wire/stream-fuzz.ts";
import { isThorough, testedVersions } from "./support/versions.ts";

test("logins at servers that mean harm", async () => {
  for (let seed = 100; seed < (isThorough() ? 110 : 101); seed++) await fuzzLogins(seed, 200);
});

for (const version of testedVersions()) {
  describe(`a hostile stream on PostgreSQL ${version}`, () => {
    let server: TestServer;

    before(async () => {
      server = await startServer({ version });
      await server.sql(
        "CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION fuzzed FOR TABLE t",
      );
      await server.sql("SELECT pg_create_logical_replication_slot('fuzzed', 'pgoutput')");
      await server.sql("INSERT INTO t SELECT generate_series(1, 20)");
    });
    after(() => server.dispose());

    test("whatever comes in it is one error at most", async () => {
      await fuzzStreams({ server, seed: 1000 + version, rounds: isThorough() ? 80 : 5 });
    });
  });
}
