import assert from "node:assert/strict";
import { test } from "node:test";
import { comparePublications, creationSql } from "../../../src/server/publication/diff.ts";
import type { PublicationState, PublishedTable } from "../../../src/server/publication/plan.ts";
import type { NamedTable } from "../../../src/server/publication/sql.ts";

const ALL = ["insert", "update", "delete", "truncate"] as const;
const EMPTY: PublicationState = {
  allTables: false,
  excluded: [],
  allSequences: undefined,
  tables: [],
  schemas: [],
  publish: ALL,
  viaPartitionRoot: false,
  generatedColumns: "none",
};

function published(oid: number, name: string, parts: Partial<PublishedTable> = {}): PublishedTable {
  const whole = { columns: undefined, filter: undefined, filterColumns: [] };
  return { oid, schema: "S 1", name, ...whole, ...parts };
}

function named(name: string, parts: Partial<NamedTable> = {}): NamedTable {
  return { schema: "S 1", name, columns: undefined, where: undefined, ...parts };
}

interface Case {
  readonly actual: Partial<PublicationState>;
  readonly asked: Partial<PublicationState>;
  readonly named?: readonly NamedTable[];
  readonly texts: readonly string[];
  readonly sql: readonly string[];
}

const CASES: readonly Case[] = [
  {
    actual: { tables: [published(1, "a", { columns: ["x", "y"], filter: "(x > 1)" })] },
    asked: { tables: [published(1, "a", { columns: ["y", "x"], filter: "(x > 1)" })] },
    texts: [],
    sql: [],
  },
  {
    actual: { publish: ["truncate", "delete", "update", "insert"] },
    asked: {},
    texts: [],
    sql: [],
  },
  {
    actual: { tables: [published(1, "a"), published(2, "b")] },
    asked: { tables: [published(1, "a"), published(3, "T;drop")] },
    named: [named("a"), named("T;drop")],
    texts: [
      'table "S 1"."T;drop" is not published',
      'table "S 1"."b" is published and not asked for',
    ],
    sql: ['ALTER PUBLICATION "My ""Pub""" SET TABLE "S 1"."a", "S 1"."T;drop"'],
  },
  {
    actual: { tables: [published(1, "a")] },
    asked: { tables: [published(1, "a", { columns: ["x"], filter: "(x > 1)" })] },
    named: [named("a", { columns: ["x"], where: "x > 1" })],
    texts: [
      'table "S 1"."a" has no column list, not ("x")',
      'table "S 1"."a" has no WHERE, not WHERE (x > 1)',
    ],
    sql: ['ALTER PUBLICATION "My ""Pub""" SET TABLE "S 1"."a" ("x") WHERE (x > 1)'],
  },
  {
    actual: { schemas: ["s", "t"] },
    asked: { schemas: ["s", "u"] },
    texts: ['schema "u" is not published', 'schema "t" is published and not asked for'],
    sql: ['ALTER PUBLICATION "My ""Pub""" SET TABLES IN SCHEMA "s", "u"'],
  },
  {
    actual: { generatedColumns: "stored" },
    asked: { publish: ["insert"], viaPartitionRoot: true },
    texts: [
      'publish is "insert, update, delete, truncate", not "insert"',
      "publish_via_partition_root is false, not true",
      "publish_generated_columns is stored, not none",
    ],
    sql: [
      `ALTER PUBLICATION "My ""Pub""" SET (publish = 'insert', publish_via_partition_root = true, publish_generated_columns = none)`,
    ],
  },
  {
    actual: { tables: [published(1, "a")] },
    asked: { allTables: true, publish: ["insert", "update"] },
    texts: [
      "it is not for all tables",
      'publish is "insert, update, delete, truncate", not "insert, update"',
    ],
    sql: [
      'DROP PUBLICATION "My ""Pub"""',
      `CREATE PUBLICATION "My ""Pub""" FOR ALL TABLES WITH (publish = 'insert, update')`,
    ],
  },
  // PostgreSQL 19: what is for all of something is altered to be for all of something else.
  {
    actual: { allTables: true, allSequences: false, excluded: [published(1, "a")] },
    asked: { allTables: true, allSequences: true, excluded: [published(2, 'b"\n')] },
    texts: [
      "it is not for all sequences",
      'table "S 1"."b""\n" is not excluded',
      'table "S 1"."a" is excluded, which is not asked for',
    ],
    sql: [
      'ALTER PUBLICATION "My ""Pub""" SET ALL TABLES EXCEPT (TABLE "S 1"."b""\n"), ALL SEQUENCES',
    ],
  },
  {
    actual: { allTables: true, allSequences: true, excluded: [published(1, "a")] },
    asked: { allTables: true, allSequences: true, excluded: [published(1, "a")] },
    texts: [],
    sql: [],
  },
  {
    actual: { allSequences: true },
    asked: {
      allTables: true,
      allSequences: false,
      excluded: [published(1, "a"), published(2, "b")],
    },
    texts: ["it is not for all tables", "it is for all sequences"],
    sql: ['ALTER PUBLICATION "My ""Pub""" SET ALL TABLES EXCEPT (TABLE "S 1"."a", "S 1"."b")'],
  },
  {
    actual: { allTables: true, allSequences: false, excluded: [published(1, "a")] },
    asked: { allSequences: true },
    texts: ["it is for all tables", "it is not for all sequences"],
    sql: ['ALTER PUBLICATION "My ""Pub""" SET ALL SEQUENCES'],
  },
  {
    actual: { allSequences: true },
    asked: { allSequences: false, tables: [published(1, "a")] },
    named: [named("a")],
    texts: ["it is for all sequences"],
    sql: ['DROP PUBLICATION "My ""Pub"""', 'CREATE PUBLICATION "My ""Pub""" FOR TABLE "S 1"."a"'],
  },
];

test("what differs is told in words and mended in SQL", () => {
  for (const { actual, asked, named: tables = [], texts, sql } of CASES) {
    const state = { ...EMPTY, ...asked };
    const objects = { ...state, tables };
    const { takesAway: _, ...difference } = comparePublications(
      'My "Pub"',
      { ...EMPTY, ...actual },
      state,
      objects,
    );
    assert.deepEqual(difference, { texts, sql });
  }
});

const A = published(1, "a");
const CHANGES: ReadonlyArray<
  readonly [actual: Partial<PublicationState>, asked: Partial<PublicationState>, takesAway: boolean]
> = [
  [{ tables: [A] }, { tables: [A, published(2, "b")] }, false],
  [{ tables: [A, published(2, "b")] }, { tables: [A] }, true],
  [{ tables: [A] }, { allTables: true }, false],
  [{ allTables: true }, { tables: [A] }, true],
  [{ tables: [A] }, { tables: [A], schemas: ["s"] }, false],
  [{ schemas: ["s", "t"] }, { schemas: ["s"] }, true],
  [{ tables: [A] }, { tables: [published(1, "a", { columns: ["x"] })] }, true],
  [{ tables: [published(1, "a", { columns: ["x"] })] }, { tables: [A] }, false],
  [
    { tables: [published(1, "a", { columns: ["x"] })] },
    { tables: [published(1, "a", { columns: ["x", "y"] })] },
    false,
  ],
  [{ tables: [A] }, { tables: [published(1, "a", { filter: "(x > 1)" })] }, true],
  [{ tables: [published(1, "a", { filter: "(x > 1)" })] }, { tables: [A] }, false],
  [{ publish: ["insert"] }, { publish: ["insert", "update"] }, false],
  [{ publish: ["insert", "update"] }, { publish: ["insert"] }, true],
  [{ viaPartitionRoot: true }, {}, true],
  [{ generatedColumns: "stored" }, {}, true],
  [{}, { generatedColumns: "stored" }, false],
  [{ allTables: true }, { allTables: true, publish: ["insert"] }, true],
  [{ allTables: true }, { allTables: true, excluded: [A] }, true],
  [{ allTables: true, excluded: [A] }, { allTables: true, excluded: [A] }, false],
  [{ allTables: true, excluded: [A] }, { allTables: true }, false],
  [{ tables: [A] }, { allTables: true, excluded: [published(2, "b")] }, true],
  [{}, { allTables: true, excluded: [A] }, false],
  [{ allSequences: true }, { allTables: true, allSequences: true }, false],
  [{ allSequences: true }, { allTables: true }, true],
];

test("what takes something away from the readers is told from what adds", () => {
  for (const [actual, asked, takesAway] of CHANGES) {
    const state = { ...EMPTY, ...asked };
    const objects = { ...state, tables: [named("a")] };
    const difference = comparePublications("p", { ...EMPTY, ...actual }, state, objects);
    assert.equal(difference.takesAway, takesAway, difference.texts.join("; "));
  }
});

test("a row filter on a partitioned table comes only while the root is published", () => {
  const filtered = { tables: [published(1, "p", { filter: "(x > 1)" })], viaPartitionRoot: true };
  const plain = { tables: [published(1, "p")] };
  const order = (actual: Partial<PublicationState>, asked: Partial<PublicationState>): string[] =>
    comparePublications(
      "p",
      { ...EMPTY, ...actual },
      { ...EMPTY, ...asked },
      { ...EMPTY, tables: [named("p")] },
    ).sql.map((statement) => (statement.includes("SET TABLE") ? "tables" : "options"));
  assert.deepEqual(order(plain, filtered), ["options", "tables"]);
  assert.deepEqual(order(filtered, plain), ["tables", "options"]);
});

test("creation says only what is not the server's default", () => {
  const objects = { ...EMPTY, tables: [named("a")], schemas: ["s"] };
  assert.equal(
    creationSql("p", objects, EMPTY),
    'CREATE PUBLICATION "p" FOR TABLE "S 1"."a", TABLES IN SCHEMA "s"',
  );
  assert.equal(
    creationSql("p", objects, { ...EMPTY, viaPartitionRoot: true }),
    'CREATE PUBLICATION "p" FOR TABLE "S 1"."a", TABLES IN SCHEMA "s" WITH (publish_via_partition_root = true)',
  );
});
