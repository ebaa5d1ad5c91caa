/** FOR ALL TABLES EXCEPT and FOR ALL SEQUENCES: what PostgreSQL 19 adds to the catalogues, read from a server that has its columns. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { WalctlError } from "../../../src/errors.ts";
import { connect } from "../../../src/server/connection/connect.ts";
import { inspectPublications } from "../../../src/server/doctor/inspect-stream.ts";
import { publicationFindings } from "../../../src/server/doctor/publication-findings.ts";
import { dropPublication } from "../../../src/server/publication/drop.ts";
import { planFlags } from "../../../src/server/publication/plan-flags.ts";
import type { PublicationPlan } from "../../../src/server/publication/plan.ts";
import {
  type PublicationOutcome,
  differentPublication,
  setUpPublication,
} from "../../../src/server/publication/publication.ts";
import { findIdentityFaults } from "../../../src/server/publication/replica-identity.ts";
import { rightsHint } from "../../../src/server/publication/rights.ts";
import { readPublication, surveyPublications } from "../../../src/server/publication/state.ts";
import { parseTableName } from "../../../src/server/publication/table-spec.ts";
import { TypeCatalogue } from "../../../src/server/types/catalogue.ts";
import type { ConnectionTarget } from "../../../src/server/target/target.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";
import { pretendCatalogueOf19 } from "../../support/server/catalogue-19.ts";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { FaultProxy } from "../../support/server/proxy.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { OWN } from "../doctor/support.ts";

const NINETEEN = 190_000;
const ODD = '"a ""b"".\nc"';
const STEPS = { sync: false, dryRun: false, replicaIdentityFull: false, force: false };

function planOf(name: string, ...excluded: string[]): PublicationPlan {
  return {
    name,
    tables: [],
    schemas: [],
    allTables: true,
    excluded: excluded.map((text) => parseTableName("--except", text)),
    allSequences: false,
    publish: undefined,
    viaPartitionRoot: false,
    generatedColumns: undefined,
  };
}

describe("a publication for all tables but some", () => {
  let server: TestServer;
  let target: ConnectionTarget;
  let client: pg.Client;

  before(async () => {
    server = await startServer({ version: 18, settings: { wal_level: "logical" } });
    // Only "sound" has a replica identity; all others are excluded, or under one that is.
    await server.sql(`
      CREATE TABLE sound (id int PRIMARY KEY);
      CREATE TABLE hidden (id int);
      CREATE TABLE ${ODD} (id int);
      CREATE TABLE parent (id int);
      CREATE TABLE heir () INHERITS (parent);
      CREATE TABLE root (id int) PARTITION BY RANGE (id);
      CREATE TABLE middle PARTITION OF root FOR VALUES FROM (0) TO (9) PARTITION BY RANGE (id);
      CREATE TABLE leaf PARTITION OF middle FOR VALUES FROM (0) TO (9)`);
    const excluded = `hidden, ${ODD}, parent, root`;
    await server.sql(`CREATE PUBLICATION px FOR TABLE ${excluded}`);
    await server.sql(
      `CREATE PUBLICATION viaroot FOR TABLE ${excluded} WITH (publish_via_partition_root)`,
    );
    await server.sql("CREATE PUBLICATION ps; CREATE PUBLICATION empty");
    await server.sql("CREATE PUBLICATION plain FOR TABLE sound");
    await server.sql("CREATE PUBLICATION everything FOR ALL TABLES");
    target = resolveTarget({}, server.env);
    await pretendCatalogueOf19(server, ["px", "viaroot"], ["ps", "viaroot"]);
    client = await connect(target, "ordinary");
  });
  after(async () => {
    await client.end();
    await server.dispose();
  });

  test("has them as excluded, and none as published", async () => {
    const state = await readPublication(client, "px", NINETEEN);
    assert.deepEqual([state?.allTables, state?.allSequences, state?.tables], [true, false, []]);
    const names = state?.excluded.map(({ schema, name }) => `${schema}.${name}`);
    assert.deepEqual(names, [
      'public.a "b".\nc',
      "public.heir",
      "public.hidden",
      "public.parent",
      "public.root",
    ]);
    const plain = await readPublication(client, "plain", NINETEEN);
    assert.deepEqual([plain?.tables.length, plain?.excluded], [1, []]);
    const both = await readPublication(client, "viaroot", NINETEEN);
    assert.deepEqual([both?.allTables, both?.allSequences], [true, true]);
  });

  test("is not at fault for the keys that excluded tables lack, whatever partitions are published as", async () => {
    for (const name of ["px", "viaroot"]) {
      const state = await readPublication(client, name, NINETEEN);
      assert.ok(state !== undefined);
      assert.deepEqual(await findIdentityFaults(client, NINETEEN, name, state), []);
    }
    const all = await readPublication(client, "everything", NINETEEN);
    assert.ok(all !== undefined);
    const faults = await findIdentityFaults(client, NINETEEN, "everything", all);
    assert.equal(new Set(faults.map(({ table }) => table)).size, 5);
  });

  test("does not count among the publications of an excluded table's changes", async () => {
    const catalogue = new TypeCatalogue(target);
    const partial = async (table: string, ...publications: string[]): Promise<boolean> => {
      const [row] = await server.sql(`SELECT '${table}'::regclass::oid::int AS oid`);
      const columns = [{ name: "id", typeOid: 23, typeModifier: -1, isKey: false }];
      const relation = { oid: Number(row?.["oid"]), schema: "public", table, columns };
      const ruled = await catalogue.ruledColumns(
        relation as unknown as Parameters<TypeCatalogue["ruledColumns"]>[0],
        publications,
      );
      return ruled.partial;
    };
    try {
      assert.equal(await partial("sound", "px"), false);
      assert.equal(await partial("hidden", "everything"), false);
      // No publication has them now: what else was left out nobody knows.
      assert.equal(await partial("hidden", "px"), true);
      assert.equal(await partial("leaf", "viaroot"), true);
      assert.equal(await partial("leaf", "px", "everything"), false);
    } finally {
      catalogue.close();
    }
  });

  test("is compared by its excluded tables, and mended in one statement", async () => {
    const outcome = (plan: PublicationPlan): Promise<PublicationOutcome> =>
      setUpPublication(client, target, NINETEEN, plan, STEPS);
    const same = await outcome(planOf("px", "hidden", ODD, "parent", "public.root"));
    assert.deepEqual([same.status, same.differences, same.sql], ["unchanged", [], []]);
    const plan = planOf("px", ODD, "root", "sound");
    const other = await outcome(plan);
    assert.equal(other.status, "different");
    assert.deepEqual(other.differences, [
      'table "public"."sound" is not excluded',
      'table "public"."heir" is excluded, which is not asked for',
      'table "public"."hidden" is excluded, which is not asked for',
      'table "public"."parent" is excluded, which is not asked for',
    ]);
    assert.deepEqual(other.sql, [
      `ALTER PUBLICATION "px" SET ALL TABLES EXCEPT (TABLE "public".${ODD}, "public"."root", "public"."sound")`,
    ]);
    assert.equal(other.takesAway, true);
    const error = differentPublication(target, plan, STEPS, other);
    assert.match(error.hint ?? "", /--all-tables --except .* --except root --except sound/);
    const bare = await outcome(planOf("px"));
    assert.deepEqual(
      [bare.sql, bare.takesAway],
      [['ALTER PUBLICATION "px" SET ALL TABLES'], false],
    );
    // Without --all-sequences the sequences are taken away.
    const noSequences = await outcome({
      ...planOf("viaroot", "hidden", ODD, "parent", "root"),
      viaPartitionRoot: true,
    });
    assert.deepEqual(
      [noSequences.differences, noSequences.takesAway],
      [["it is for all sequences"], true],
    );
  });

  test("excludes whole tables that are there", async () => {
    const refused = async (table: string): Promise<WalctlError> => {
      const plan = planOf("new", table);
      const error: unknown = await setUpPublication(client, target, NINETEEN, plan, STEPS).catch(
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof WalctlError);
      return error;
    };
    const leaf = await refused("leaf");
    assert.match(leaf.message, /^"leaf" is a partition, and PostgreSQL excludes /);
    assert.equal(leaf.hint, "To exclude all of it: --except public.root");
    const missing = await refused("hiddn");
    assert.equal(missing.message, 'table "hiddn" does not exist');
    assert.match(missing.hint ?? "", /^Do you mean --except .*hidden/);
    const view = await refused("pg_catalog.pg_tables");
    assert.match(view.message, /is not a table, and --except takes tables only$/);
  });

  test("is created again without the tables that it excluded", async () => {
    const dry = { dryRun: true, force: true };
    const { undo } = await dropPublication(client, target, NINETEEN, "viaroot", dry);
    assert.deepEqual(undo, [
      `CREATE PUBLICATION "viaroot" FOR ALL TABLES EXCEPT (TABLE "public".${ODD}, "public"."heir", "public"."hidden", ONLY "public"."parent", "public"."root"), ALL SEQUENCES WITH (publish_via_partition_root = true)`,
    ]);
    const { undo: sequences } = await dropPublication(client, target, NINETEEN, "ps", dry);
    assert.deepEqual(sequences, ['CREATE PUBLICATION "ps" FOR ALL SEQUENCES']);
  });

  test("of sequences is a superuser's", async () => {
    const plan = { ...planOf("s"), allTables: false, allSequences: true };
    const words = ["setup-publication", "s", ...planFlags(plan)];
    const hint = await rightsHint(client, target, NINETEEN, plan, words, false);
    assert.match(
      hint,
      /^Only a superuser publishes all sequences: walctl setup-publication s --all-sequences /,
    );
  });

  describe("on a server that says that it is 19", () => {
    let proxy: FaultProxy;

    before(async () => {
      proxy = await FaultProxy.start(server);
      const [row] = await server.sql("SHOW server_version_num");
      proxy.replace(String(row?.["server_version_num"]), String(NINETEEN));
    });
    after(() => proxy.close());

    const run = (...args: string[]): Promise<RunResult> =>
      walctl(args, { env: { ...server.env, ...proxy.env } });

    test("is shown with what it leaves out", async () => {
      const { status, stdout, stderr } = await run("publications", "px", "ps", "-F", "ndjson");
      assert.deepEqual([status, stderr], [0, ""]);
      const [px, ps] = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      assert.deepEqual(
        [px?.["status"], px?.["faults"], px?.["all_tables"], px?.["all_sequences"]],
        ["ok", [], true, false],
      );
      const except = px?.["except"] as ReadonlyArray<{ table: string }>;
      assert.deepEqual(
        except.map(({ table }) => table),
        ['a "b".\nc', "heir", "hidden", "parent", "root"],
      );
      assert.deepEqual(
        [ps?.["status"], ps?.["faults"], ps?.["all_sequences"], ps?.["except"]],
        ["ok", [], true, []],
      );
      const table = await run("publications", "px", "-F", "table", "--width", "200");
      assert.match(table.stdout, /all tables/);
      assert.match(table.stdout, /except public\.hidden/);
    });

    test("of sequences alone is a risk to a stream, and no place to add tables to", async () => {
      const warning =
        'publication "ps" publishes sequences and no tables, so nothing will come: pgoutput sends no changes of sequences; -P names a publication of tables';
      const tail = await run("tail", "-P", "ps", "-E", "now", "-F", "ndjson");
      assert.deepEqual([tail.status, tail.stdout], [0, ""], tail.stderr);
      assert.ok(tail.stderr.includes(`walctl: warning: ${warning}\n`), tail.stderr);
      const both = await run("tail", "-P", "ps", "-P", "empty", "-E", "now");
      assert.match(
        both.stderr,
        /publications "ps", "empty" publish nothing that pgoutput sends, so nothing will come; ALTER/,
      );
      const filled = await run("tail", "-P", "ps", "-P", "px", "-E", "now");
      assert.doesNotMatch(filled.stderr, /nothing will come/);
      const doctor = await run("doctor", "-P", "ps", "-F", "ndjson");
      assert.match(
        doctor.stdout,
        /"check":"publication","status":"warning","message":"[^}]*so nothing is streamed of it","fix":null/,
      );
    });

    test("differs from what --bootstrap asks for, or is as it is asked for", async () => {
      const bootstrap = ["tail", "--bootstrap", "-P", "px", "--all-tables", "-E", "now"];
      const { status, stderr } = await run(...bootstrap);
      assert.equal(status, 1);
      assert.match(
        stderr,
        /publication "px" differs from what is asked for\nDETAIL: .*"hidden" is excluded, which is not asked for/,
      );
      const flags = ["--all-tables", "--except", "hidden", "--except", ODD, "--except", "parent"];
      const same = await run("setup-publication", "px", ...flags, "--except", "public.root");
      assert.deepEqual([same.status, same.stderr], [0, ""]);
      assert.match(same.stdout, /"status":"unchanged","sql":\[\]/);
    });
  });

  test("of sequences alone is told from an empty one", async () => {
    const survey = await surveyPublications(client, NINETEEN);
    const kinds = new Map(survey.map(({ name, ...kind }) => [name, kind]));
    assert.deepEqual(kinds.get("ps"), { empty: true, sequences: true });
    assert.deepEqual(kinds.get("empty"), { empty: true, sequences: false });
    for (const name of ["px", "viaroot", "plain"]) {
      assert.deepEqual(kinds.get(name), { empty: false, sequences: false });
    }
    const facts = await inspectPublications(client, target, NINETEEN, ["ps"]);
    assert.ok(Array.isArray(facts));
    const [check] = publicationFindings(facts, target, OWN);
    assert.deepEqual(check, {
      check: "publication",
      status: "ok",
      message:
        'publication "ps": all sequences and no tables; pgoutput sends no changes of sequences',
      fix: null,
    });
  });
});
