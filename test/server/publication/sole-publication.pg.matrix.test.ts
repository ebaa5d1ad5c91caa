/** `walctl tail` that was not told which publication. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { pasteCommand } from "../../support/program/paste.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { newestOrBoth } from "../../matrix/support/versions.ts";

for (const version of newestOrBoth()) {
  describe(`the database's only publication, PostgreSQL ${version}`, () => {
    let server: TestServer;

    before(async () => {
      server = await startServer({ version });
      await server.sql("CREATE TABLE t (a int PRIMARY KEY)");
    });
    after(() => server.dispose());

    function tail(env: Readonly<Record<string, string>> = {}): Promise<RunResult> {
      return walctl(["tail", "-E", "now"], { server, env });
    }

    test("there is none: the hint makes one", async () => {
      const { status, stderr } = await tail();
      assert.equal(status, 1);
      assert.match(stderr, /^walctl: error: there are no publications in database "postgres"\n/);
      const [, hint = ""] = /^HINT: .*: (walctl .*)$/m.exec(stderr) ?? [];
      assert.match(await pasteCommand(hint, server.env), /"status":"created"/);
    });

    test("there is one: it is taken, and named", async () => {
      const { status, stderr } = await tail();
      assert.equal(status, 0);
      assert.match(stderr, /^walctl: taking publication "walctl", the only one there is/);
    });

    test("there are two: they are named, and the environment can choose", async () => {
      await server.sql('CREATE PUBLICATION "My Pub"');
      const { status, stdout, stderr } = await tail();
      assert.deepEqual([status, stdout], [2, ""]);
      assert.match(stderr, /^HINT: Name at least one with -P: "My Pub", "walctl"\.$/m);
      const chosen = await tail({ WALCTL_PUBLICATION: "My Pub" });
      assert.equal(chosen.status, 0, chosen.stderr);
      assert.ok(!chosen.stderr.includes("taking"));
    });

    test("one without tables: a warning that nothing will come", async () => {
      const warning = /^walctl: warning: publication "My Pub" publishes nothing/m;
      const quiet = await walctl(["tail", "-P", "My Pub", "-E", "now"], { server });
      assert.deepEqual([quiet.status, quiet.stdout], [0, ""]);
      assert.match(quiet.stderr, warning);
      for (const more of [["-P", "walctl"], ["--messages"]]) {
        const { stderr } = await walctl(["tail", "-P", "My Pub", "-E", "now", ...more], { server });
        assert.doesNotMatch(stderr, /publishes nothing/, more.join(" "));
      }
      await server.sql('ALTER PUBLICATION "My Pub" ADD TABLE t');
      const filled = await walctl(["tail", "-P", "My Pub", "-E", "now"], { server });
      assert.doesNotMatch(filled.stderr, /publishes nothing/);
    });

    test("a publication that --bootstrap creates without a name is called walctl", async () => {
      await server.sql("DROP PUBLICATION IF EXISTS walctl");
      const args = ["tail", "--bootstrap", "-t", "t", "-E", "now"];
      const { status, stderr } = await walctl(args, { server });
      assert.equal(status, 0, stderr);
      const tables = await server.sql(
        "SELECT tablename AS name FROM pg_publication_tables WHERE pubname = 'walctl'",
      );
      assert.deepEqual(tables, [{ name: "t" }]);
    });
  });
}
