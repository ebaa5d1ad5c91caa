import { ColumnKind } from "../../postgres/messages/tags.ts";
import type { TupleData } from "../../postgres/messages/tuple.ts";

/** Called for each column with its kind byte and the range of its value; the range is empty for null and unchanged. */
type ColumnVisitor = (column: number, kind: number, start: number, end: number) => void;

/** Walks the tuple in place without allocating anything for a column: rows come by the million. */
export function walkTuple(tuple: TupleData, visit: ColumnVisitor): void {
  const { bytes, view, columnCount } = tuple;
  let at = tuple.start;
  for (let column = 0; column < columnCount; column++) {
    const kind = bytes[at++]!;
    let start = at;
    if (kind === ColumnKind.text || kind === ColumnKind.binary) {
      start = at + 4;
      at = start + view.getUint32(at);
    }
    visit(column, kind, start, at);
  }
}
