import type { RowChange } from "../pgoutput/messages.ts";
import type { ColumnValue } from "../pgoutput/tuple.ts";
import { formatColumn } from "./identifier.ts";
import {
  joined,
  type Paint,
  type Painted,
  painted,
  paintedWithin,
  type Palette,
  SPACE,
} from "./painted.ts";
import { type Field, fieldsOf } from "./table-fields.ts";
import type { FlowLimits, Piece } from "./table-flow.ts";
import { formatValue } from "./table-value.ts";

export interface RowPieces {
  /** As many as can fit. */
  readonly pieces: readonly Piece[];
  /** All that there would be. */
  readonly total: number;
}

const NAME_WIDTH_MAX = 30;
const VALUE_WIDTH = 40;
export const PIECE_GAP: Painted = painted("  ");

/** The columns of a change as `name=value` or `name=old → new`, the identifying ones first and a bar behind them. */
export function describeRow(message: RowChange, limits: FlowLimits, palette: Palette): RowPieces {
  const fields = fieldsOf(message);
  const identifying = fields.filter((field) => field.identifies);
  const others = fields.filter((field) => !field.identifies);
  const bar = joined(SPACE, painted("│", palette.quiet), SPACE);
  const pieces: Piece[] = [];
  let room = limits.width * limits.linesMax;
  for (const field of [...identifying, ...others]) {
    // A wide row has more columns than will ever be seen.
    if (room <= 0) break;
    const gap = field === others[0] ? bar : PIECE_GAP;
    const piece = { ...describeField(field, limits.width, palette), gap };
    pieces.push(piece);
    room -= piece.width;
  }
  const note = noteOn(message, fields);
  if (note === undefined) return { pieces, total: fields.length };
  return {
    pieces: [...pieces, { ...paintedWithin(note, limits.width, palette.quiet), gap: bar }],
    total: fields.length + 1,
  };
}

/** What the columns alone would leave unsaid. */
function noteOn(message: RowChange, fields: readonly Field[]): string | undefined {
  if (fields.length === 0) return "(no columns)";
  const compared = message.kind === "update" && message.old !== null;
  if (compared && fields.every((field) => field.before === undefined)) return "(nothing changed)";
  return undefined;
}

function describeField(field: Field, width: number, palette: Palette): Painted {
  const { identifies, before, value } = field;
  const name = describeName(field, width, palette);
  const room = width - name.width;
  const valueMax = Math.max(VALUE_WIDTH, Math.floor(width / 2));
  if (before === undefined) {
    const paint = identifies ? palette.key : undefined;
    return joined(name, describeValue(value, Math.min(room, valueMax), palette, paint));
  }
  const arrow = painted(" → ", palette.quiet);
  const half = Math.floor((room - arrow.width) / 2);
  const from = describeValue(before, half, palette, palette.oldValue);
  // What the old value does not need, the new one may have.
  const left = room - arrow.width - from.width;
  const to = describeValue(value, Math.min(left, valueMax), palette, palette.newValue);
  return joined(name, from, arrow, to);
}

/** `name=` */
function describeName(field: Field, width: number, palette: Palette): Painted {
  const { relation, column, identifies } = field;
  const nameMax = Math.min(NAME_WIDTH_MAX, Math.floor(width / 3));
  const paint = identifies ? palette.key : palette.quiet;
  return joined(
    paintedWithin(formatColumn(relation, column), nameMax, paint),
    painted("=", palette.quiet),
  );
}

function describeValue(
  value: ColumnValue,
  width: number,
  palette: Palette,
  paint: Paint | undefined,
): Painted {
  const absent = value.kind === "null" || value.kind === "unchanged";
  return painted(formatValue(value, width), absent ? palette.quiet : paint);
}
