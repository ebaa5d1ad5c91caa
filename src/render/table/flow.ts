import { joined, NOTHING, type Painted } from "../terminal/painted.ts";

export interface Piece extends Painted {
  /** What stands between this piece and the one before it on the same line. */
  readonly gap: Painted;
  /** It is cut anyway, so that it may as well be cut to what is left of a line. Undefined: it is not. */
  readonly cut: Cut | undefined;
}

export interface Cut {
  /** With less than this it is not worth it. */
  readonly widthMin: number;
  readonly to: (width: number) => Painted;
}

export interface FlowLimits {
  readonly width: number;
  readonly linesMax: number;
}

/**
 * Lays pieces into lines, as many as fit. What does not is counted: `rest(n)` stands at the end of the last
 * line in place of n pieces. `total` counts pieces that were not even made, since they could not fit.
 */
export function flow(
  pieces: readonly Piece[],
  total: number,
  limits: FlowLimits,
  rest: (count: number) => Piece,
): Painted[] {
  const lines: Piece[][] = [[]];
  let line: Piece[] = [];
  lines[0] = line;
  let placed = 0;
  for (const piece of pieces) {
    const left = limits.width - lineWidth(line) - (line.length === 0 ? 0 : piece.gap.width);
    const fitting = fit(piece, left);
    if (fitting === undefined && line.length > 0) {
      if (lines.length === limits.linesMax) break;
      line = [];
      lines.push(line);
    }
    line.push(fitting ?? piece);
    placed += 1;
  }
  if (placed < total) makeRoomForRest(line, total - placed, limits.width, rest);
  return lines.map(joinLine);
}

/** Undefined: not on this line. */
function fit(piece: Piece, width: number): Piece | undefined {
  if (piece.width <= width) return piece;
  if (piece.cut === undefined || width < piece.cut.widthMin) return undefined;
  return { ...piece, ...piece.cut.to(width) };
}

/** Takes pieces from the end of the line until the count of what is missing fits behind the others. */
function makeRoomForRest(
  line: Piece[],
  missing: number,
  width: number,
  rest: (count: number) => Piece,
): void {
  let count = missing;
  let mark = rest(count);
  while (line.length > 0 && lineWidth(line) + mark.gap.width + mark.width > width) {
    line.pop();
    count += 1;
    mark = rest(count);
  }
  line.push(mark);
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
