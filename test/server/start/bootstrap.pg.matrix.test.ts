import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { WalctlError } from "../../../src/errors.ts";
import { type BootstrapRequest, bootstrap } from "../../../src/server/start/bootstrap.ts";
import { connect } from "../../../src/server/connection/connect.ts";
import type { PublicationPlan } from "../../../src/server/publication/plan.ts";
import { parseTableSpec } from "../../../src/server/publication/table-spec.ts";
import type { ConnectionTarget } from "../../../src/server/target/target.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { walctl } from "../../support/program/cli.ts";
import { newestOrBoth } from "../../matrix/support/versions.ts";

const NAME = 'My "Pub"';

function planOf(...tables: string[]): PublicationPlan {
  return {
    name: NAME,
    tables: tables.map(parseTableSpec),
    schemas: [],
    allTables: false,
    excluded: [],
    allSequences: false,
    publish: undefined,
    viaPartitionRoot: false,
    generatedColumns: undefined,
  };
}

for (const version of newestOrBoth()) {
  describe(`bootstrap on PostgreSQL ${version}`, () => {
    let server: TestServer;
    let target: ConnectionTarget;
    let client: pg.Client;
    let news: string[] = [];

    before(async () => {
      server = await startServer({ version, settings: { wal_level: "logical" } });
      await server.sql('CREATE SCHEMA "S 1"; CREATE TABLE "S 1"."T;drop" (a int PRIMARY KEY)');
      await server.sql("CREATE TABLE keyless (a int)");
      target = resolveTarget({}, server.env);
      client = await connect(target, "logical");
    });
    after(async () => {
      await client.end();
      await server.dispose();
    });

    function request(parts: Partial<BootstrapRequest>): BootstrapRequest {
      news = [];
      return {
        publications: [NAME],
        slot: "s",
        twoPhase: false,
        messages: false,
        createMissing: false,
        plan: undefined,
        lockTimeoutMs: 10_000,
        stop: new AbortController().signal,
        onWaiting: (text) => news.push(`waiting: ${text}`),
        onNotice: (text) => news.push(text),
        onWarning: (text) => news.push(`warning: ${text}`),
        ...parts,
      };
    }

    async function refusal(parts: Partial<BootstrapRequest>): Promise<WalctlError> {
      try {
        await bootstrap(client, target, request(parts));
      } catch (error) {
        assert.ok(error instanceof WalctlError, String(error));
        return error;
      }
      throw new assert.AssertionError({ message: "bootstrap succeeded" });
    }

    test("creates what is missing, publication first, and nothing the second time", async () => {
      const parts = { createMissing: true, plan: planOf('"S 1"."T;drop"') };
      const first = await bootstrap(client, target, request(parts));
      assert.deepEqual(news, [
        'created publication "My ""Pub"""',
        `created slot "s" at ${first.slotPosition}`,
      ]);
      assert.deepEqual(
        [
          first.slotName,
          first.temporary,
          first.slotCreated,
          Math.floor(first.serverVersion / 10_000),
        ],
        ["s", false, true, version],
      );
      const second = await bootstrap(client, target, request(parts));
      assert.deepEqual(news, []);
      assert.deepEqual(second, { ...first, slotCreated: false, oldest: second.oldest });
      // What may still be open when decoding starts began at restart_lsn at the earliest.
      assert.ok(second.oldest > 0n && second.oldest <= first.oldest);
      // What is there is enough without --bootstrap, too.
      assert.deepEqual(await bootstrap(client, target, request({})), second);
    });

    test("a publication that differs is not altered unasked", async () => {
      const error = await refusal({ createMissing: true, plan: planOf("keyless") });
      assert.match(error.message, /^publication "My ""Pub""" differs/);
      assert.match(error.hint ?? "", /walctl setup-publication 'My "Pub"_2' -t keyless /);
    });

    test("without a slot's name a temporary one lives on this connection", async () => {
      const outcome = await bootstrap(client, target, request({ slot: undefined }));
      assert.match(outcome.slotName, /^walctl_[0-9a-f]{16}$/);
      const find = `SELECT temporary FROM pg_replication_slots WHERE slot_name = '${outcome.slotName}'`;
      assert.deepEqual(await server.sql(find), [{ temporary: true }]);
      await client.query(`DROP_REPLICATION_SLOT ${outcome.slotName}`);
    });

    test("what is missing is told with the command that creates it", async () => {
      const slot = await refusal({ slot: "other" });
      assert.equal(slot.message, 'slot "other" does not exist');
      assert.match(slot.hint ?? "", /: walctl create-slot other -h /);
      const publication = await refusal({ publications: [NAME, "other"] });
      assert.equal(publication.message, 'publication "other" does not exist');
      assert.match(
        publication.hint ?? "",
        /: walctl setup-publication other -t '"S 1"."T;drop"' -h /,
      );
      const unsaid = await refusal({ publications: ["other"], createMissing: true });
      assert.equal(unsaid.exitCode, 2);
    });

    test("A slot of another database is refused before anything about publications.", async () => {
      await server.sql("CREATE DATABASE shop");
      const shop = { ...target, database: "shop" };
      const elsewhere = await connect(shop, "logical");
      try {
        for (const parts of [
          { publications: ["shop_changes"] },
          { createMissing: true, plan: planOf('"S 1"."T;drop"') },
        ]) {
          await assert.rejects(bootstrap(elsewhere, shop, request(parts)), (error: WalctlError) => {
            assert.match(error.message, /^slot "s" belongs to database "postgres", not "shop"$/);
            assert.match(
              error.hint ?? "",
              /read: walctl tail -S s -h .* -d postgres\. Another slot/,
            );
            return true;
          });
        }
      } finally {
        await elsewhere.end();
      }
      const run = await walctl(["tail", "-S", "s", "-d", "shop"], { server });
      assert.match(run.stderr, /^walctl: error: slot "s" belongs to database "postgres"/m);
    });

    test("Of a misspelt publication only the near name is said.", async () => {
      await server.sql("CREATE PUBLICATION shop_changes");
      for (const name of ["shop_change", "Shop_Changes", '"shop_changes"']) {
        const { hint, detail } = await refusal({ publications: [name] });
        assert.equal(hint, 'Did you mean "shop_changes"?');
        assert.match(detail ?? "", /^The publications of database "postgres": [^.]*\.$/);
      }
      await server.sql("DROP PUBLICATION shop_changes");
    });

    test("harm to other programs, and a slot that is too old, are warned of", async () => {
      await client.query('DROP PUBLICATION "My ""Pub"""');
      const keyless = { createMissing: true, plan: planOf("keyless") };
      const refused = await refusal(keyless);
      assert.match(refused.message, /would make the server reject UPDATE and DELETE of it/);
      assert.match(refused.hint ?? "", / -t keyless --replica-identity full -h /);
      await server.sql(
        "CREATE UNIQUE INDEX ON keyless (a); ALTER TABLE keyless ADD PRIMARY KEY (a)",
      );
      await bootstrap(client, target, request(keyless));
      assert.match(
        news[1] ?? "",
        /^warning: slot "s" is older than the publication.*beside it: walctl create-slot s_2 -h /,
      );
    });
  });
}
