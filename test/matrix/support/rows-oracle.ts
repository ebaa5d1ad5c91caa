/** Lines of tail and of decode-file --catalog, made comparable; docs/wal.md names what is left out here. */
import assert from "node:assert/strict";

/**
 * Without relation and type lines, which come where a table's content changed in place of where it was invalidated. On 14 also
 * without transactions of which nothing is printed, and without begin.lsn.
 */
export function comparable(stdout: string, version: number): readonly string[] {
  const lines = stdout.split("\n").filter((line) => {
    return (
      line !== "" && !line.startsWith('{"kind":"relation"') && !line.startsWith('{"kind":"type"')
    );
  });
  if (version > 14) return lines;
  const kept: string[] = [];
  for (const [index, line] of lines.entries()) {
    const isBegin = line.startsWith('{"kind":"begin"');
    const empty = isBegin && lines[index + 1]?.startsWith('{"kind":"commit"') === true;
    const endsEmpty =
      line.startsWith('{"kind":"commit"') &&
      lines[index - 1]?.startsWith('{"kind":"begin"') === true;
    if (!empty && !endsEmpty)
      kept.push(isBegin ? line.replace(/"lsn":"[^"]*"/, '"lsn":null') : line);
  }
  return kept;
}

export function assertSameLines(
  own: readonly string[],
  expected: readonly string[],
  what: string,
): void {
  for (let index = 0; index < Math.min(own.length, expected.length); index++) {
    if (own[index] === expected[index] || onlyUnknownFormsDiffer(own[index]!, expected[index]!))
      continue;
    const around = [index - 2, index - 1, index, index + 1].filter((at) => at >= 0);
    const show = (lines: readonly string[]): string =>
      around.map((at) => `    ${lines[at]?.slice(0, 600)}`).join("\n");
    assert.fail(
      `${what}: line ${index + 1} differs\n  walctl:\n${show(own)}\n  tail:\n${show(expected)}`,
    );
  }
  assert.equal(own.length, expected.length, `${what}: ${own.length} lines, not ${expected.length}`);
}

/** A value whose stored form nobody knows is printed as its bytes: docs/wal.md. */
function onlyUnknownFormsDiffer(own: string, expected: string): boolean {
  if (!own.includes('{"disk_base64":')) return false;
  const same = (a: unknown, b: unknown): boolean => {
    if (isUnknownForm(a)) return true;
    if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) {
      return Object.is(a, b);
    }
    const [keys, others] = [Object.keys(a), Object.keys(b)];
    return (
      keys.join() === others.join() &&
      keys.every((key) => same(Reflect.get(a, key), Reflect.get(b, key)))
    );
  };
  return same(JSON.parse(own), JSON.parse(expected));
}

function isUnknownForm(value: unknown): boolean {
  return typeof value === "object" && value !== null && "disk_base64" in value;
}
