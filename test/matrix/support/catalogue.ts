import assert from "node:assert/strict";
import type { TestServer } from "../../support/server/server.ts";
import type { Fates } from "./fates.ts";

interface Attribute {
  readonly name: string;
  readonly type: string;
  readonly type_oid: number;
  readonly type_modifier: number;
}

/** What was told of a table last is what the catalogue has of it, as far as its columns are published. */
export async function compareCatalogue(server: TestServer, fates: Fates): Promise<void> {
  for (const relation of fates.relations.values()) {
    const attributes = await server.sql<Attribute>(
      `SELECT attname AS name, typname AS type, atttypid::int8::float8 AS type_oid, atttypmod AS type_modifier
      FROM pg_attribute JOIN pg_type t ON t.oid = atttypid WHERE attrelid = ${relation.oid} AND attnum > 0 ORDER BY attnum`,
    );
    const told = relation.columns.map(({ key: _key, ...column }) => column);
    const names = new Set(told.map(({ name }) => name));
    assert.deepEqual(
      told,
      attributes.filter(({ name }) => names.has(name)).map((attribute) => ({ ...attribute })),
      relation.table,
    );
    await compareKeys(server, relation.oid, relation.identity, relation.columns);
  }
}

/** The columns of the replica identity. */
async function compareKeys(
  server: TestServer,
  oid: number,
  identity: string,
  columns: ReadonlyArray<{ readonly name: string; readonly key: boolean }>,
): Promise<void> {
  const marked = columns.filter(({ key }) => key).map(({ name }) => name);
  if (identity === "full") {
    assert.equal(marked.length, columns.length);
    return;
  }
  const which = identity === "index" ? "indisreplident" : "indisprimary";
  const keys = await server.sql<{ name: string }>(
    `SELECT attname AS name FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
    WHERE indrelid = ${oid} AND ${which} ORDER BY attnum`,
  );
  const expected = identity === "nothing" ? [] : keys.map(({ name }) => name);
  assert.deepEqual(marked, expected);
}
