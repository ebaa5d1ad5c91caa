import assert from "node:assert/strict";
import type { TestServer } from "../../support/server/server.ts";
import type { Fates } from "./fates.ts";
import { replay } from "./replay.ts";

/** Most arguments that a function takes. */
const COLUMNS_MAX = 50;

/** `--values text`: each value is what its type's output function prints, as a string. */
export async function compareTexts(server: TestServer, fates: Fates): Promise<void> {
  const ours = (table: string): boolean =>
    table.startsWith("types.of_") || table.startsWith("own_types.");
  const tables = replay(fates, ours);
  let compared = 0;
  for (const { oid, table, columns } of fates.relations.values()) {
    if (!ours(table)) continue;
    assert.ok(columns.length < COLUMNS_MAX);
    // format() calls the output function, where a cast to text may be another one's.
    const texts = columns.map(({ name }) => {
      const column = `"${name.replaceAll('"', '""')}"`;
      return `CASE WHEN num_nulls(${column}) = 0 THEN format('%s', ${column}) END`;
    });
    const rows = await server.sql<{ texts: string }>(
      `SELECT json_build_array(${texts.join(", ")})::text AS texts FROM ${table} `,
    );
    const expected = rows.map((row) => JSON.stringify(JSON.parse(row.texts)));
    const actual = (tables.get(oid) ?? []).map((row) => `[${[...row.values()].join(",")}]`);
    assert.deepEqual(actual.toSorted(), expected.toSorted(), table);
    compared += expected.length;
  }
  assert.ok(compared > 100);
}
