import type { RowChange } from "../../pgoutput/messages.ts";
import type { ColumnValue } from "../../pgoutput/tuple.ts";
import { formatColumn } from "../values/identifier.ts";
import {
  joined,
  type Paint,
  type Painted,
  painted,
  paintedWithin,
  type Palette,
  SPACE,
} from "../terminal/painted.ts";
import { type JsonDifference, jsonDifferences } from "./json-difference.ts";
import { formatDifference } from "./difference.ts";
import { type Field, fieldsOf } from "./fields.ts";
import type { FlowLimits, Piece } from "./flow.ts";
import { isJson } from "./json.ts";
import { formatValue } from "./value.ts";
import type { Canvas } from "./view.ts";

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
  let total = fields.length;
  for (const field of [...identifying, ...others]) {
    // A wide row has more columns than will ever be seen.
    if (room <= 0) break;
    const described = describeField(field, limits.width, canvas);
    for (const [index, piece] of described.entries()) {
      pieces.push({ ...piece, gap: index === 0 && field === others[0] ? bar : PIECE_GAP });
      room -= piece.width;
    }
    total += described.length - 1;
  }
  const note = noteOn(message, fields, changed);
  if (note === undefined) return { pieces, total };
  const last = paintedWithin(note, limits.width, palette.quiet);
  return { pieces: [...pieces, { ...last, gap: bar, cut: undefined }], total: total + 1 };
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

/** One piece, or of JSON that was changed one for each place where it was. */
function describeField(
  field: Field,
  width: number,
  canvas: Canvas,
): ReadonlyArray<Omit<Piece, "gap">> {
  const { column, before, value } = field;
  const differences =
    before !== undefined && isJson(column.typeOid, canvas.types)
      ? jsonDifferences(before, value)
      : undefined;
  if (differences === undefined) return [describeColumn(field, width, canvas)];
  return differences.map((difference) => describePlace(field, difference, width, canvas));
}

/** `items.teapot.colour="blue" → "red"` */
function describePlace(
  field: Field,
  { path, before, after }: JsonDifference,
  width: number,
  { palette, view }: Canvas,
): Omit<Piece, "gap"> {
  const name = formatColumn(field.relation, field.column) + path;
  const head = joined(
    paintedWithin(name, Math.floor(width / 2), palette.quiet),
    painted("=", palette.quiet),
  );
  const arrow = painted(" → ", palette.quiet);
  const room = Math.max(0, width - head.width - arrow.width);
  const valueMax = view.valueWidthMax ?? Math.floor(room / 2);
  const draw = (text: string | undefined, left: number, paint: Paint): Painted =>
    paintedWithin(text ?? "(absent)", left, text === undefined ? palette.quiet : paint);
  const from = draw(before, Math.min(valueMax, room), palette.oldValue);
  // What the old value does not need, the new one may have.
  const rest = view.valueWidthMax ?? Infinity;
  const to = draw(after, Math.min(rest, room - from.width), palette.newValue);
  return { ...joined(head, from, arrow, to), cut: undefined };
}

/** Values by themselves are cut to what lets several stand on a line. */
function describeColumn(field: Field, width: number, canvas: Canvas): Omit<Piece, "gap"> {
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
