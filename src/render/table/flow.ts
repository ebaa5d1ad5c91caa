import { joined, NOTHING, type Painted, SPACE } from "../terminal/painted.ts";

export interface Piece extends Painted {
  /** The gap before it if another piece precedes it on the line. */
  readonly gap: Painted;
  /** Undefined if it cannot be cut. */
  readonly cut: Cut | undefined;
}

export interface Cut {
  /**
   * It is cut in any case, so it may as well be cut to the rest of a line if that is at least this wide. Infinity if it
   * is not cut.
   */
  readonly anywayMin: number;
  /** If it would be left out otherwise, it may be cut to this width. */
  readonly widthMin: number;
  readonly to: (width: number) => Painted;
}

/** What the line's end says instead of that many pieces. */
export type Rest = (count: number) => RestPiece | undefined;

interface RestPiece extends Piece {
  /** It is not worth a line: this stands for it where there is no room. */
  readonly short?: Painted | undefined;
}

/**
 * Lays pieces into lines of the given widths, as many as fit. The others are counted: `rest(n)` is printed at the end
 * of the last line instead of n pieces. `total` includes pieces that were not created because they could not fit.
 */
export function flow(
  pieces: readonly Piece[],
  total: number,
  widths: readonly number[],
  rest: Rest,
): Painted[] {
  const lines: Piece[][] = [[]];
  let line: Piece[] = [];
  lines[0] = line;
  let placed = 0;
  for (const piece of pieces) {
    let fitting = fit(piece, line, widths[lines.length - 1] ?? 0);
    while (fitting === undefined && lines.length < widths.length) {
      line = [];
      lines.push(line);
      fitting = fit(piece, line, widths[lines.length - 1] ?? 0);
    }
    if (fitting === undefined) break;
    line.push(fitting);
    placed += 1;
  }
  const missing = total - placed;
  const mark = rest(missing);
  if (mark === undefined) return lines.map(joinLine);
  let width = widths[lines.length - 1] ?? 0;
  const fits = lineWidth([...line, mark]) <= width;
  // It is not worth a line, but what is left out has to be said.
  if (!fits && missing === 0 && mark.short !== undefined) {
    const short = { ...mark, ...mark.short, gap: SPACE };
    if (lineWidth([...line, short]) <= width) line.push(short);
    else lines.push([mark]);
    return lines.map(joinLine);
  }
  // The count may have a line of its own.
  if (!fits && missing === 0 && lines.length < widths.length) {
    width = widths[lines.length] ?? 0;
    line = [];
    lines.push(line);
  }
  makeRoomForRest(line, missing, width, rest);
  return lines.map(joinLine);
}

/** Undefined if it does not fit this line. */
function fit(piece: Piece, line: readonly Piece[], lineWidthMax: number): Piece | undefined {
  const width = lineWidthMax - lineWidth(line) - (line.length === 0 ? 0 : piece.gap.width);
  if (piece.width <= width) return piece;
  return width < (piece.cut?.anywayMin ?? Infinity) ? undefined : cutTo(piece, width);
}

/** Undefined if too little of it would be left. */
function cutTo(piece: Piece, width: number): Piece | undefined {
  if (piece.cut === undefined || width < piece.cut.widthMin) return undefined;
  const cut = piece.cut.to(width);
  return cut.width > width ? undefined : { ...piece, ...cut };
}

/** Removes pieces from the end of the line until the count of missing pieces fits. */
function makeRoomForRest(line: Piece[], missing: number, width: number, rest: Rest): void {
  let count = missing;
  let mark = rest(count);
  while (mark !== undefined && line.length > 0 && lineWidth([...line, mark]) > width) {
    const last = line.pop();
    const room = width - lineWidth([...line, mark]) - (last?.gap.width ?? 0) - mark.gap.width;
    // The only piece is not replaced by a count.
    const short = last === undefined || line.length > 0 ? undefined : cutTo(last, room);
    if (short !== undefined) {
      line.push(short);
      break;
    }
    count += 1;
    mark = rest(count);
  }
  if (mark !== undefined && mark.width <= width) line.push(mark);
}

function lineWidth(line: readonly Piece[]): number {
  return line.reduce(
    (sum, piece, index) => sum + piece.width + (index > 0 ? piece.gap.width : 0),
    0,
  );
}

function joinLine(line: readonly Piece[]): Painted {
  return joined(...line.flatMap((piece, index) => [index > 0 ? piece.gap : NOTHING, piece]));
}
