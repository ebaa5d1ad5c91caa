import type { Column, Relation } from "../../postgres/messages/messages.ts";
import { formatIdentifier, formatRelationName } from "../values/identifier.ts";

/**
 * Describes what ALTER TABLE changed between two announcements of a relation. Empty if they are alike: the server
 * repeats them after each reconnect.
 */
export function describeAlteration(before: Relation, after: Relation, arrow = "→"): string[] {
  const changes: string[] = [];
  if (formatRelationName(before) !== formatRelationName(after)) {
    changes.push(`was ${formatRelationName(before)}`);
  }
  if (before.replicaIdentity !== after.replicaIdentity) {
    changes.push(`replica identity ${before.replicaIdentity} ${arrow} ${after.replicaIdentity}`);
  }
  return [...changes, ...alteredColumns(before, after, arrow)];
}

function alteredColumns(before: Relation, after: Relation, arrow: string): string[] {
  const old = new Map(before.columns.map((column) => [column.name, column]));
  const names = new Set(after.columns.map((column) => column.name));
  const added = after.columns.filter((column) => !old.has(column.name));
  const dropped = before.columns.filter((column) => !names.has(column.name));
  const [from] = dropped;
  const [to] = added;
  // One column is gone, and one of the same type has its place: ALTER TABLE … RENAME COLUMN.
  if (
    from !== undefined &&
    to !== undefined &&
    added.length === 1 &&
    isRenamed(before, after, from, to)
  ) {
    return [`renamed ${formatIdentifier(from.name)} ${arrow} ${formatIdentifier(to.name)}`];
  }
  const isMoved =
    added.length + dropped.length === 0 &&
    before.columns.some(({ name }, place) => name !== after.columns[place]?.name);
  return [
    ...(isMoved ? ["columns in another order"] : []),
    ...added.map((column) => `added ${formatIdentifier(column.name)}`),
    ...dropped.map((column) => `dropped ${formatIdentifier(column.name)}`),
    ...after.columns.flatMap((column) =>
      alteredColumn(old.get(column.name), column, before.replicaIdentity === after.replicaIdentity),
    ),
  ];
}

function isRenamed(before: Relation, after: Relation, from: Column, to: Column): boolean {
  return (
    before.columns.length === after.columns.length &&
    before.columns.indexOf(from) === after.columns.indexOf(to) &&
    from.typeOid === to.typeOid
  );
}

function alteredColumn(
  before: Column | undefined,
  after: Column,
  identityStays: boolean,
): string[] {
  if (before === undefined) return [];
  const name = formatIdentifier(after.name);
  if (before.typeOid !== after.typeOid || before.typeModifier !== after.typeModifier) {
    return [`type of ${name} changed`];
  }
  if (identityStays && before.key !== after.key)
    return [`${name} ${after.key ? "is" : "is no longer"} identity`];
  return [];
}
