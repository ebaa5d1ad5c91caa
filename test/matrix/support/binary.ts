import assert from "node:assert/strict";
import type { Change, Fates } from "./fates.ts";
import type { RelationInfo } from "./stream-line.ts";

/** Types whose binary form is not documented, or tells an oid where the text tells its name, and what is made of these. */
const OPAQUE = /(?:cube|lquery|ltree|ltxtquery|money|reg[a-z]+|span|span_multi|text_range)$/;

/** Every value as in the stream of texts, unless its type has no binary form that is known. */
export function compareBinary(actual: Fates, expected: Fates): void {
  const opaque = new Set<string>();
  const ours = actual.committed.flatMap(({ changes }) => changes);
  const theirs = expected.committed.flatMap(({ changes }) => changes);
  assert.equal(ours.length, theirs.length);
  for (const [index, change] of ours.entries()) {
    const other = theirs[index];
    if (other !== undefined) compareChange(change, other, opaque);
  }
  const unexpected = [...opaque].filter((type) => !OPAQUE.test(type));
  assert.deepEqual(unexpected.toSorted(), []);
}

function compareChange(actual: Change, expected: Change, opaque: Set<string>): void {
  const { relation } = expected;
  for (const key of ["key", "old", "new"] as const) {
    const row = actual.line.row(key);
    const other = expected.line.row(key);
    assert.deepEqual([...(row?.keys() ?? [])], [...(other?.keys() ?? [])]);
    for (const [name, value] of row ?? []) {
      if (value === other?.get(name)) continue;
      const place = `${relation?.table}, ${name}: ${typeOf(relation, name)}`;
      assert.match(value, /"binary_base64":/, `${place}: ${value} for ${other?.get(name)}`);
      opaque.add(typeOf(relation, name));
    }
  }
}

function typeOf(relation: RelationInfo | undefined, name: string): string {
  return String(relation?.columns.find((column) => column.name === name)?.type);
}
