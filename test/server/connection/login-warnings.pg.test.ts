/** What the server warns of at a login, as of a password that expires: told once, and no fault. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

describe("a warning at each login", () => {
  let server: TestServer;

  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql("CREATE TABLE t (a int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t");
    await server.sql("CREATE SEQUENCE days");
    // Each login has its own number, as the time to an expiry has.
    await server.sql(`CREATE FUNCTION warns() RETURNS event_trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE WARNING 'your password will expire in % days', nextval('public.days') USING DETAIL = 'So be it.';
        RAISE NOTICE 'hello';
      END $$`);
    await server.sql("CREATE EVENT TRIGGER warns ON login EXECUTE FUNCTION warns()");
  });
  after(() => server.dispose());

  for (const args of [
    ["slots"],
    ["doctor"],
    ["publications"],
    ["create-slot", "s"],
    ["tail", "-S", "s", "-P", "p", "-E", "now"],
  ]) {
    test(`walctl ${args.join(" ")} tells it once, on standard error`, async () => {
      const { stdout, stderr } = await walctl([...args, "-F", "ndjson"], { server });
      const told = stderr.match(/^.*(?:will expire|hello|So be it).*$/gm) ?? [];
      assert.deepEqual(
        told.map((line) => line.replace(/in \d+ days/, "in N days")),
        [
          "walctl: warning: server: your password will expire in N days (SQLSTATE 01000)",
          "DETAIL: So be it.",
        ],
        stderr,
      );
      for (const line of stdout.trimEnd().split("\n").filter(Boolean)) JSON.parse(line);
    });
  }
});
