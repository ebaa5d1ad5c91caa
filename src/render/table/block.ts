import { joined, NOTHING, type Painted, SPACE, spaces } from "../terminal/painted.ts";
import { flow, type Piece, type Rest } from "./flow.ts";
import { GAP, INDENT, LINES_MAX } from "./measures.ts";

/** What a line, or a few of them, say of a row or an event. */
export interface Block {
  /** Sign, name and key. */
  readonly subject: Painted;
  /**
   * What stands behind it.
   * @param width of the widest line
   * @returns as many pieces as may fit, and how many there are
   */
  readonly describe: (
    width: number,
    lines: number,
  ) => { readonly pieces: readonly Piece[]; readonly total: number };
  readonly rest: Rest;
  /** So many lines at most, unless these show almost nothing. */
  readonly linesMax: number;
  /** All pieces are to be shown if at all possible. */
  readonly isWhole: boolean;
}

interface Room {
  /** Time and xid where they stand on the first line. NOTHING: they stand in the gutter, or above. */
  readonly head: Painted;
  /** The width for the subject. */
  readonly column: number;
  /** Behind the gutter. */
  readonly width: number;
}

/** Lays the block into lines of that width: as much of it as fits. */
export function linesOf(block: Block, { head, column, width }: Room): readonly Painted[] {
  const { describe, isWhole, linesMax, rest, subject } = block;
  const before = head.width > 0 ? joined(head, SPACE, subject) : subject;
  const start = before.width - subject.width + column + GAP.width;
  const below = width - INDENT;
  const widths = [Math.max(width - start, 0), ...Array<number>(linesMax - 1).fill(below)];
  let missing = 0;
  const noting = (count: number): Piece | undefined => {
    missing = count;
    return rest(count);
  };
  let { pieces, total } = describe(Math.max(...widths), linesMax);
  let [first = NOTHING, ...others] = flow(pieces, total, widths, noting);
  // One line shows almost nothing of a wide row.
  const more = (): boolean =>
    isWhole ? missing > 0 && widths.length < LINES_MAX : missing * 2 > total && widths.length < 2;
  while (more()) {
    widths.push(below);
    ({ pieces, total } = describe(below, widths.length));
    [first = NOTHING, ...others] = flow(pieces, total, widths, noting);
  }
  const gap = first.width === 0 ? NOTHING : spaces(start - before.width);
  return [joined(before, gap, first), ...others.map((line) => joined(spaces(INDENT), line))];
}
