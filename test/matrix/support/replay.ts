/** A subscriber in memory: what a table is, told by nothing but its lines. */
import assert from "node:assert/strict";
import type { TestServer } from "../../support/server/server.ts";
import { membersOf } from "./exact-json.ts";
import type { Change, Fates } from "./fates.ts";
import { namesOf, pick } from "./oracle.ts";
import type { RelationInfo, Row } from "./stream-line.ts";

/** By the table's oid: names change. */
type Tables = ReadonlyMap<number, readonly Row[]>;

export function replay(fates: Fates, ours: (table: string) => boolean): Tables {
  const tables = new Map<number, Row[]>();
  for (const { changes } of fates.committed) {
    for (const change of changes) apply(tables, change, ours);
  }
  return tables;
}

function apply(
  tables: Map<number, Row[]>,
  { line, relation, truncated }: Change,
  ours: (table: string) => boolean,
): void {
  for (const { oid } of truncated) tables.set(oid, []);
  if (relation === undefined || !ours(relation.table)) return;
  const rows = tables.get(relation.oid) ?? [];
  tables.set(relation.oid, rows);
  const after = line.row("new");
  if (line.kind === "insert") {
    if (after !== undefined) rows.push(after);
    return;
  }
  const before = line.row("old") ?? line.row("key") ?? keyOf(relation, after);
  const index = rows.findIndex((row) => matches(row, before));
  const row = rows[index];
  assert.ok(row !== undefined, `${relation.table}: no row for the ${line.kind}`);
  if (after === undefined) rows.splice(index, 1);
  else rows[index] = fill(after, row, relation);
}

/** What did not change is not sent, so it is what it was. */
function fill(after: Row, before: Row, relation: RelationInfo): Row {
  return new Map(
    namesOf(relation).map((name) => [name, after.get(name) ?? before.get(name) ?? "never sent"]),
  );
}

function keyOf(relation: RelationInfo, row: Row | undefined): Row {
  const names = relation.columns.filter(({ key }) => key).map(({ name }) => name);
  assert.ok(row !== undefined && names.length > 0, `${relation.table} has no key`);
  return pick(row, names);
}

function matches(row: Row, before: Row): boolean {
  return [...before].every(([name, value]) => row.get(name) === value);
}

/** Each of our tables that the stream knows is as its replay; `where`: of a table whose rows are filtered. */
export async function compareTables(
  server: TestServer,
  fates: Fates,
  ours: (table: string) => boolean,
  where: Readonly<Record<string, string>>,
): Promise<void> {
  const replayed = replay(fates, ours);
  for (const relation of fates.relations.values()) {
    const { oid, table } = relation;
    if (!ours(table)) continue;
    const [found] = await server.sql<{ name: string }>(
      `SELECT format('%I.%I', n.nspname, c.relname) AS name
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${oid}`,
    );
    if (found === undefined) continue;
    const rows = await server.sql<{ row: string }>(
      `SELECT row_to_json("the row")::text AS row FROM ${found.name} "the row" WHERE ${where[table] ?? "true"}`,
    );
    const expected = rows.map(({ row }) => text(pick(membersOf(row), namesOf(relation))));
    const actual = (replayed.get(oid) ?? []).map(text);
    assert.deepEqual(actual.toSorted(), expected.toSorted(), table);
  }
}

function text(row: Row): string {
  return [...row].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",");
}
