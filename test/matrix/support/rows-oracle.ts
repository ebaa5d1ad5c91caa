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
    if (own[index] === expected[index]) continue;
    const around = [index - 2, index - 1, index, index + 1].filter((at) => at >= 0);
    const show = (lines: readonly string[]): string =>
      around.map((at) => `    ${lines[at]?.slice(0, 600)}`).join("\n");
    assert.fail(
      `${what}: line ${index + 1} differs\n  walctl:\n${show(own)}\n  tail:\n${show(expected)}`,
    );
  }
  assert.equal(own.length, expected.length, `${what}: ${own.length} lines, not ${expected.length}`);
}
