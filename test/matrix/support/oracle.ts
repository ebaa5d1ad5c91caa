/**
 * What the server itself says of every changed row: triggers write row_to_json of the old and the new one
 * into a table that is not published, in the transaction of the change, so that its fate is theirs.
 */
import assert from "node:assert/strict";
import type { TestServer } from "../../support/server/server.ts";
import { membersOf } from "./exact-json.ts";
import type { Change, Transaction } from "./fates.ts";
import type { RelationInfo, Row } from "./stream-line.ts";

/** `watch('t')`; for a partition that is published as its root, `watch('t_1', 't')`. */
export const ORACLE_SETUP = `
  CREATE SCHEMA oracle;
  CREATE TABLE oracle.said (seq bigserial, xid text, tbl text, op text, old text, new text);
  CREATE FUNCTION oracle.record() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO oracle.said (xid, tbl, op, old, new) VALUES (
      pg_current_xact_id()::xid::text, coalesce(TG_ARGV[0], TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME), lower(TG_OP),
      CASE WHEN TG_OP <> 'INSERT' THEN row_to_json(OLD)::text END,
      CASE WHEN TG_OP <> 'DELETE' THEN row_to_json(NEW)::text END);
    RETURN NULL;
  END $$;
  CREATE FUNCTION watch(tbl regclass, published regclass DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
  DECLARE
    name text;
  BEGIN
    SELECT quote_literal(n.nspname || '.' || c.relname) INTO name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = published;
    EXECUTE format('CREATE TRIGGER oracle AFTER INSERT OR UPDATE OR DELETE ON %s '
      'FOR EACH ROW EXECUTE FUNCTION oracle.record(%s)', tbl, coalesce(name, ''));
  END $$`;

export interface Said {
  readonly xid: string;
  readonly tbl: string;
  readonly op: string;
  readonly old: string | null;
  readonly new: string | null;
}

/** All of it, in order. */
export async function readOracle(server: TestServer): Promise<readonly Said[]> {
  return await server.sql<Said>("SELECT xid, tbl, op, old, new FROM oracle.said ORDER BY seq");
}

/** Every row of our watched tables is as the server said; returns how many there were. */
export function compareRows(
  said: readonly Said[],
  transactions: readonly Transaction[],
  ours: (table: string) => boolean,
): number {
  const expected = groupBy(
    said.filter(({ tbl }) => ours(tbl)),
    ({ xid, tbl }) => `${xid} ${tbl}`,
  );
  const watched = new Set(said.map(({ tbl }) => tbl));
  const changes = transactions.flatMap(({ xid, changes: all }) =>
    all.map((change) => ({ xid, change })),
  );
  const actual = groupBy(
    changes.filter(
      ({ change }) =>
        change.relation !== undefined &&
        watched.has(change.relation.table) &&
        ours(change.relation.table),
    ),
    ({ xid, change }) => `${xid} ${change.relation?.table}`,
  );
  assert.deepEqual([...actual.keys()].toSorted(), [...expected.keys()].toSorted());
  let rows = 0;
  for (const [place, sayings] of expected) {
    const printed = actual.get(place) ?? [];
    assert.deepEqual(
      printed.map(({ change }) => change.line.kind),
      sayings.map(({ op }) => op),
      place,
    );
    for (const [index, saying] of sayings.entries()) {
      const change = printed[index]?.change;
      if (change !== undefined) compareChange(change, saying, `${place}, change ${index + 1}`);
    }
    rows += sayings.length;
  }
  return rows;
}

function compareChange(change: Change, said: Said, place: string): void {
  const { line, relation } = change;
  assert.ok(relation !== undefined);
  const before = said.old === null ? undefined : membersOf(said.old);
  const after = said.new === null ? undefined : membersOf(said.new);
  const { unchanged } = line;
  if (after !== undefined) {
    const sent = relation.columns
      .map(({ name }) => name)
      .filter((name) => !unchanged.includes(name));
    assertRow(line.row("new"), pick(after, sent), `${place}: new`);
    for (const name of unchanged) {
      assert.equal(after.get(name), before?.get(name), `${place}: ${name} is unchanged`);
    }
  }
  if (before !== undefined) compareOld(change, before, after, place);
}

function compareOld(
  { line, relation }: Change,
  before: Row,
  after: Row | undefined,
  place: string,
): void {
  assert.ok(relation !== undefined);
  const full = relation.identity === "full";
  const old = line.row("old");
  const key = line.row("key");
  if (full) {
    assertRow(old, pick(before, namesOf(relation)), `${place}: old`);
    assert.equal(key, undefined, place);
    return;
  }
  assert.equal(old, undefined, place);
  const keyColumns = relation.columns.filter((column) => column.key).map(({ name }) => name);
  const moved =
    after === undefined || keyColumns.some((name) => before.get(name) !== after.get(name));
  // The server also sends a key that did not change, when a part of it is stored out of line.
  if (key !== undefined || moved) assertRow(key, pick(before, keyColumns), `${place}: key`);
}

function assertRow(actual: Row | undefined, expected: Row, place: string): void {
  assert.deepEqual(actual === undefined ? undefined : [...actual], [...expected], place);
}

/** Those columns, in that order. */
export function pick(row: Row, names: readonly string[]): Row {
  return new Map(names.map((name) => [name, row.get(name) ?? "not in the row"]));
}

export function namesOf(relation: RelationInfo): readonly string[] {
  return relation.columns.map(({ name }) => name);
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
