/** --except and --all-sequences before PostgreSQL 19, and where they contradict other options. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { walctl } from "../../support/program/cli.ts";
import { startServer } from "../../support/server/server.ts";

test("older servers are asked for neither, and nothing is created", async (t) => {
  const server = await startServer({ version: 18 });
  t.after(() => server.dispose());
  await server.sql("CREATE TABLE a (id int PRIMARY KEY)");
  const cases: ReadonlyArray<readonly [flags: readonly string[], message: RegExp]> = [
    [["--all-tables", "--except", "a"], /--except needs PostgreSQL 19; this server is 18\.\d+\n/],
    // The version comes before what is not there.
    [["--all-tables", "--except", "gone"], /--except needs PostgreSQL 19; /],
    [["--all-sequences"], /--all-sequences needs PostgreSQL 19; this server is 18\.\d+\n/],
    [["--all-tables", "--all-sequences"], /--all-sequences needs PostgreSQL 19; /],
    [["--except", "a"], /--except leaves tables out of all tables, and --all-tables is not given/],
    [["-t", "a", "--except", "a"], /and --all-tables is not given/],
    [["--all-sequences", "-t", "a"], /--all-sequences goes with --all-tables or alone/],
    [["--all-tables", "--except", "a (id)"], /"a \(id\)" given for --except is malformed/],
  ];
  for (const [flags, message] of cases) {
    const { status, stdout, stderr } = await walctl(["setup-publication", "p", ...flags], {
      server,
    });
    assert.deepEqual([status, stdout], [2, ""], stderr);
    assert.match(stderr, message);
  }
  assert.equal((await server.sql("SELECT FROM pg_publication")).length, 0);
  await server.sql("CREATE PUBLICATION p FOR ALL TABLES");
  const shown = await walctl(["publications", "-F", "ndjson"], { server });
  assert.match(shown.stdout, /,"faults":\[\],"all_sequences":null,"except":null\}\n$/);
});
