import assert from "node:assert/strict";
import type { Workload } from "../support/workload.ts";

/** Replica identities of every kind, and keys that change. */
export const identities: Workload = {
  name: "identities",
  setup: [
    "CREATE TABLE by_default (a int, b text, c text, PRIMARY KEY (b, a))",
    "CREATE TABLE by_full (a int, b text, c text)",
    "ALTER TABLE by_full REPLICA IDENTITY FULL",
    "CREATE TABLE by_index (a int PRIMARY KEY, b text NOT NULL, c numeric NOT NULL, UNIQUE (c, b))",
    "ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_c_b_key",
    "CREATE TABLE by_nothing (a int PRIMARY KEY, b text)",
    "ALTER TABLE by_nothing REPLICA IDENTITY NOTHING",
    "CREATE TABLE keyless (a int, b text)",
    ...["by_default", "by_full", "by_index", "by_nothing", "keyless"].map(
      (table) => `SELECT watch('${table}')`,
    ),
    // What has no identity cannot be updated once updates of it are published.
    "CREATE PUBLICATION matrix_identities FOR TABLE by_default, by_full, by_index",
    "CREATE PUBLICATION matrix_inserts FOR TABLE by_nothing, keyless WITH (publish = 'insert, truncate')",
  ],
  steps: [
    ...["by_default", "by_full", "by_index"].flatMap((table) => [
      `INSERT INTO ${table} VALUES (1, 'one', '1.10'), (2, 'two', '2'), (3, 'three', '3')`,
      `UPDATE ${table} SET c = '10' WHERE a = 1`,
      `UPDATE ${table} SET b = 'zwei' WHERE a = 2`,
      `UPDATE ${table} SET a = a + 100`,
      `UPDATE ${table} SET a = -a, b = b || '!', c = '5' WHERE a > 102`,
      `DELETE FROM ${table} WHERE a = 101`,
    ]),
    "INSERT INTO by_full VALUES (NULL, NULL, NULL), (NULL, NULL, NULL), (7, NULL, '')",
    "UPDATE by_full SET b = 'x' WHERE b IS NULL",
    "INSERT INTO by_nothing VALUES (1, 'a'), (2, NULL)",
    "INSERT INTO keyless VALUES (1, 'a'), (1, 'a')",
    "BEGIN; ALTER TABLE by_default REPLICA IDENTITY FULL; UPDATE by_default SET c = 'full'; ALTER TABLE by_default REPLICA IDENTITY DEFAULT; UPDATE by_default SET c = 'key', b = 'k' WHERE a = 102; COMMIT",
  ],
  rows: 30,
  check: ({ fates }) => {
    const kinds = new Map(
      [...fates.relations.values()].map(({ table, identity }) => [table, identity]),
    );
    assert.equal(kinds.get("identities.by_default"), "default");
    assert.equal(kinds.get("identities.by_full"), "full");
    assert.equal(kinds.get("identities.by_index"), "index");
    assert.equal(kinds.get("identities.by_nothing"), "nothing");
  },
};
