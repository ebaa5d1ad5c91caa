/** Whether walctl knows which writes the server will reject, and what lets them through: the server is asked each time. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { connect } from "../../../src/server/connection/connect.ts";
import { WalctlError } from "../../../src/errors.ts";
import { readServerVersion } from "../../../src/server/settings/preflight.ts";
import { setUpPublication } from "../../../src/server/publication/publication.ts";
import type { Operation, PublicationPlan } from "../../../src/server/publication/plan.ts";
import type { ConnectionTarget } from "../../../src/server/target/target.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";
import { parseTableSpec } from "../../../src/server/publication/table-spec.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { newestOrBoth } from "../../matrix/support/versions.ts";

const TABLES = `
  CREATE TABLE keyed (a int PRIMARY KEY, b int);
  CREATE TABLE keyless (a int, b int);
  CREATE TABLE whole (a int PRIMARY KEY, b int); ALTER TABLE whole REPLICA IDENTITY FULL;
  CREATE TABLE nothing (a int PRIMARY KEY, b int); ALTER TABLE nothing REPLICA IDENTITY NOTHING;
  CREATE TABLE indexed (a int PRIMARY KEY, b int NOT NULL UNIQUE);
  ALTER TABLE indexed REPLICA IDENTITY USING INDEX indexed_b_key;
  CREATE TABLE late (a int PRIMARY KEY DEFERRABLE, b int);
  CREATE TABLE parted (a int, b int) PARTITION BY RANGE (a);
  CREATE TABLE part1 PARTITION OF parted (PRIMARY KEY (a)) FOR VALUES FROM (0) TO (100);
  CREATE TABLE part2 PARTITION OF parted FOR VALUES FROM (100) TO (200);
  CREATE UNLOGGED TABLE unlogged (a int, b int);
  CREATE TABLE parent (a int PRIMARY KEY, b int); CREATE TABLE heir () INHERITS (parent)`;
const TABLES_18 = `
  CREATE TABLE stored (a int PRIMARY KEY, b int, c int GENERATED ALWAYS AS (a) STORED);
  CREATE TABLE stored_whole (a int PRIMARY KEY, b int, c int GENERATED ALWAYS AS (a) STORED);
  ALTER TABLE stored_whole REPLICA IDENTITY FULL;
  CREATE TABLE stored_key (a int, b int, c int GENERATED ALWAYS AS (a) STORED PRIMARY KEY);
  CREATE TABLE stored_keyless (a int, b int, c int GENERATED ALWAYS AS (a) STORED);
  CREATE TABLE virtual_whole (a int PRIMARY KEY, b int, c int GENERATED ALWAYS AS (a) VIRTUAL);
  ALTER TABLE virtual_whole REPLICA IDENTITY FULL;
  CREATE TABLE virtual_keyless (a int, b int, c int GENERATED ALWAYS AS (a) VIRTUAL)`;
const NAMES = ["keyed", "keyless", "whole", "nothing", "indexed", "late", "parted", "parent"];
const NAMES_18 = [
  "stored",
  "stored_whole",
  "stored_key",
  "stored_keyless",
  "virtual_whole",
  "virtual_keyless",
];
const SPECS = ["", " (a)", " (a, b)", " WHERE a > 1", " WHERE b > 1", " (a) WHERE b > 1"];
const PUBLISH: readonly (readonly Operation[] | undefined)[] = [
  undefined,
  ["update"],
  ["insert", "delete"],
  ["insert", "truncate"],
];

for (const version of newestOrBoth()) {
  describe(`the writes that a publication makes PostgreSQL ${version} reject`, () => {
    let server: TestServer;
    let client: pg.Client;
    let target: ConnectionTarget;
    const names = version >= 18 ? [...NAMES, ...NAMES_18] : NAMES;

    before(async () => {
      server = await startServer({ version });
      await server.sql(TABLES + (version >= 18 ? `;${TABLES_18}` : ""));
      target = resolveTarget({}, server.env);
      client = await connect(target, "ordinary");
    });
    after(async () => {
      await client.end();
      await server.dispose();
    });

    function planOf(
      specs: readonly string[],
      more: Partial<PublicationPlan> = {},
    ): PublicationPlan {
      return {
        name: "p",
        tables: specs.map(parseTableSpec),
        schemas: [],
        allTables: false,
        excluded: [],
        allSequences: false,
        publish: undefined,
        viaPartitionRoot: true,
        generatedColumns: undefined,
        ...more,
      };
    }

    /** True: it was refused. */
    async function refused(
      plan: PublicationPlan,
      steps: { readonly force?: boolean; readonly replicaIdentityFull?: boolean } = {},
    ): Promise<boolean> {
      try {
        await setUpPublication(client, target, await readServerVersion(client), plan, {
          sync: false,
          dryRun: false,
          replicaIdentityFull: false,
          force: false,
          ...steps,
        });
        return false;
      } catch (error) {
        assert.ok(error instanceof WalctlError, String(error));
        assert.match(error.message, /would make the server reject (UPDATE|DELETE)/);
        return true;
      }
    }

    async function rejected(tables: readonly string[]): Promise<readonly string[]> {
      const found: string[] = [];
      for (const table of tables) {
        for (const [word, sql] of [
          ["UPDATE", `UPDATE ${table} SET b = b`],
          ["DELETE", `DELETE FROM ${table}`],
        ] as const) {
          try {
            await server.sql(sql);
          } catch (error) {
            assert.match(String(error), /cannot (update|delete from) table/);
            found.push(`${word} ${table}`);
          }
        }
      }
      return found;
    }

    async function undo(): Promise<void> {
      await server.sql("DROP PUBLICATION IF EXISTS p");
    }

    test("are known before, table by table, and REPLICA IDENTITY FULL is run only where it helps", async () => {
      let refusals = 0;
      let remedies = 0;
      for (const name of names) {
        for (const spec of SPECS) {
          for (const publish of PUBLISH) {
            const story = `${name}${spec} ${String(publish)}`;
            const plan = planOf([`${name}${spec}`], { publish });
            const no = await refused(plan);
            if (!no) assert.deepEqual(await rejected([name]), [], story);
            await undo();
            if (!no) continue;
            refusals++;
            assert.equal(await refused(plan, { force: true }), false);
            const found = await rejected([name]);
            assert.ok(found.length > 0, `${story}: refused, and the server rejects nothing`);
            await undo();
            // In a copy of its own, since the identity stays.
            const [{ identities = "" } = {}] = await server.sql<{ identities?: string }>(
              `SELECT string_agg(format('ALTER TABLE %s REPLICA IDENTITY %s', oid::regclass,
                 CASE relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' WHEN 'd' THEN 'DEFAULT'
                 ELSE 'USING INDEX indexed_b_key' END), '; ') AS identities
               FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
            );
            if (!(await refused(plan, { replicaIdentityFull: true }))) {
              remedies++;
              assert.deepEqual(await rejected([name]), [], `${story}: FULL does not help`);
            }
            await undo();
            await server.sql(identities);
          }
        }
      }
      assert.ok(refusals > 50 && remedies > 10, `${refusals} refused, ${remedies} remedies`);
    });

    test("of all tables and of a schema too; unlogged and the system's are not published", async () => {
      for (const whole of [{ allTables: true }, { schemas: ["public"] }]) {
        assert.equal(await refused(planOf([], whole)), true);
        assert.equal(await refused(planOf([], { ...whole, publish: ["insert"] })), false);
        await undo();
      }
      assert.equal(await refused(planOf([], { schemas: ["information_schema"] })), false);
      await undo();
    });

    test("FULL is not offered where another publication's column list forbids it", async () => {
      await server.sql("CREATE PUBLICATION narrow FOR TABLE keyed (a)");
      const plan = planOf(["keyed WHERE b > 1"]);
      assert.equal(await refused(plan, { replicaIdentityFull: true }), true);
      assert.deepEqual(await rejected(["keyed"]), []);
      await server.sql("DROP PUBLICATION narrow");
      assert.equal(await refused(plan, { replicaIdentityFull: true }), false);
      assert.deepEqual(await rejected(["keyed"]), []);
      await undo();
      await server.sql("ALTER TABLE keyed REPLICA IDENTITY DEFAULT");
    });

    test("generated columns that are published identify", { skip: version < 18 }, async () => {
      for (const name of NAMES_18) {
        const plan = planOf([name], { generatedColumns: "stored" });
        const no = await refused(plan);
        assert.equal(
          no,
          ["stored_keyless", "virtual_whole", "virtual_keyless"].includes(name),
          name,
        );
        if (!no) assert.deepEqual(await rejected([name]), []);
        await undo();
      }
      assert.equal(
        await refused(planOf(["stored_keyless"], { generatedColumns: "stored" }), {
          replicaIdentityFull: true,
        }),
        false,
      );
      assert.deepEqual(await rejected(["stored_keyless"]), []);
      await undo();
    });
  });
}
