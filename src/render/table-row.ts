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
import { formatDifference } from "./table-difference.ts";
import { type Field, fieldsOf } from "./table-fields.ts";
import type { FlowLimits, Piece } from "./table-flow.ts";
import { isJson } from "./table-json.ts";
import { formatValue } from "./table-value.ts";
import type { Canvas } from "./table-view.ts";

export interface RowPieces {
  /** As many as can fit. */
  readonly pieces: readonly Piece[];
  /** All that there would be. */
  readonly total: number;
}

const NAME_WIDTH_MAX = 30;
const VALUE_WIDTH = 40;
/** Less than this of a value that is cut anyway is not worth the rest of a line. */
const CUT_WIDTH_MIN = 16;
const CUT_CHANGE_WIDTH_MIN = 60;
export const PIECE_GAP: Painted = painted("  ");

/** The columns of a change as `name=value` or `name=old → new`, the identifying ones first and a bar behind them. */
export function describeRow(message: RowChange, limits: FlowLimits, canvas: Canvas): RowPieces {
  const { palette } = canvas;
  const { fields, changed } = fieldsOf(message, canvas);
  const identifying = fields.filter((field) => field.identifies);
  const others = fields.filter((field) => !field.identifies);
  const bar = joined(SPACE, painted("│", palette.quiet), SPACE);
  const pieces: Piece[] = [];
  let room = limits.width * limits.linesMax;
  for (const field of [...identifying, ...others]) {
    // A wide row has more columns than will ever be seen.
    if (room <= 0) break;
    const gap = field === others[0] ? bar : PIECE_GAP;
    const piece = { ...describeField(field, limits.width, canvas), gap };
    pieces.push(piece);
    room -= piece.width;
  }
  const note = noteOn(message, fields, changed);
  if (note === undefined) return { pieces, total: fields.length };
  const last = paintedWithin(note, limits.width, palette.quiet);
  return { pieces: [...pieces, { ...last, gap: bar, cut: undefined }], total: fields.length + 1 };
}

/** What the columns alone would leave unsaid. `changed`: whether any column was, shown or not. */
export function noteOn(
  message: RowChange,
  fields: readonly Field[],
  changed: boolean,
): string | undefined {
  if (fields.length === 0) return "(no columns)";
  const compared = message.kind === "update" && message.old !== null;
  if (!compared || fields.some((field) => field.before !== undefined)) return undefined;
  return changed ? "(other columns changed)" : "(nothing changed)";
}

/** Values by themselves are cut to what lets several stand on a line. */
function describeField(field: Field, width: number, canvas: Canvas): Omit<Piece, "gap"> {
  const name = describeName(field, width, canvas.palette);
  const valueMax = canvas.view.valueWidthMax ?? Math.max(VALUE_WIDTH, Math.floor(width / 2));
  const within = (left: number): Values => describeValues(field, left, valueMax, canvas);
  const { text, isCut } = within(width - name.width);
  const to = (columns: number): Painted => joined(name, within(columns - name.width).text);
  const leastWidth = field.before === undefined ? CUT_WIDTH_MIN : CUT_CHANGE_WIDTH_MIN;
  const cut = isCut ? { widthMin: name.width + leastWidth, to } : undefined;
  return { ...joined(name, text), cut };
}

interface Values {
  readonly text: Painted;
  readonly isCut: boolean;
}

/** `value`, or `old → new`. */
function describeValues(field: Field, room: number, valueMax: number, canvas: Canvas): Values {
  const { column, identifies, before, value } = field;
  const { palette, types } = canvas;
  const json = isJson(column.typeOid, types);
  const describe = (what: ColumnValue, width: number, paint: Paint | undefined): Values => {
    const text = formatValue(what, Math.min(width, valueMax), json);
    const plain = isAbsent(what) ? palette.quiet : paint;
    return { text: painted(text, plain), isCut: text.endsWith("…") };
  };
  if (before === undefined) return describe(value, room, identifies ? palette.key : undefined);
  const arrow = painted(" → ", palette.quiet);
  const from = describe(before, Math.floor((room - arrow.width) / 2), palette.oldValue);
  // What the old value does not need, the new one may have.
  const to = describe(value, room - arrow.width - from.text.width, palette.newValue);
  const isCut = from.isCut || to.isCut;
  const half = Math.min(Math.floor((room - arrow.width) / 2), valueMax);
  const differing = isCut ? formatDifference(before, value, half, json) : undefined;
  if (differing === undefined) return { text: joined(from.text, arrow, to.text), isCut };
  const [old, now] = differing;
  const pair = joined(painted(old, palette.oldValue), arrow, painted(now, palette.newValue));
  return { text: pair, isCut };
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

/** NULL, or not sent: what is said of it is no value. */
export function isAbsent(value: ColumnValue): boolean {
  return value.kind === "null" || value.kind === "unchanged";
}
