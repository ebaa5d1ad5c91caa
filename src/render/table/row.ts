import {
  CUT_CHANGE_WIDTH_MIN,
  CUT_WIDTH_MIN,
  GAP,
  NAME_WIDTH_MAX,
  PLACES_EXPANDED_MAX,
  PLACES_MAX,
  SHORT_CHANGE_WIDTH_MIN,
  SHORT_WIDTH_MIN,
  VALUE_WIDTH,
} from "./measures.ts";
import type { RowChange } from "../../postgres/messages/messages.ts";
import { formatColumn } from "../values/identifier.ts";
import { joined, type Painted, painted, type Palette, SPACE } from "../terminal/painted.ts";
import { drawPair } from "../cells/difference.ts";
import type { Field, Fields } from "./fields.ts";
import type { Piece, Rest } from "./flow.ts";
import { kindOf, leastWidth } from "../cells/kinds.ts";
import { type JsonDifference, jsonDifferences } from "../cells/json-difference.ts";
import { columnWithin, ShortNames } from "../cells/names.ts";
import { countOf, formatCount } from "../cells/numbers.ts";
import { type Drawn, drawValue } from "../cells/value.ts";
import type { Canvas } from "./view.ts";

export interface RowPieces {
  /** As many pieces as can fit. */
  readonly pieces: readonly Piece[];
  /** The number of all pieces. */
  readonly total: number;
}

/** What the values are that are no changes: an update's row as it is, a deleted row as it was seen earlier. */
export function tenseOf({ unknown, remembered }: Fields): string {
  return unknown ? "is now" : remembered ? "was" : "";
}

/**
 * Columns as `name=value` or `name=old → new`, the identifying ones first and a bar behind them.
 * @param tense what stands before the other ones
 */
export function describeFields(
  fields: readonly Field[],
  width: number,
  linesMax: number,
  canvas: Canvas,
  tense = "",
): RowPieces {
  const { palette } = canvas;
  const bar = joined(SPACE, painted(palette.glyphs.bar, palette.quiet), SPACE);
  const pieces: Piece[] = [];
  let room = width * linesMax;
  let total = fields.length;
  let identified = false;
  let said = tense === "";
  for (const field of fields) {
    // A wide row has more columns than fit.
    if (room <= 0) break;
    let gap = identified && !field.identifies ? bar : GAP;
    if (!said && !field.identifies) {
      said = true;
      total += 1;
      pieces.push({ ...painted(tense, palette.quiet), gap, cut: undefined });
      gap = GAP;
    }
    const before = pieces.length;
    describeField(field, width, canvas, gap, pieces);
    for (let index = before; index < pieces.length; index++) room -= pieces[index]?.width ?? 0;
    identified = field.identifies;
    total += pieces.length - before - 1;
  }
  return { pieces, total };
}

/** What the columns do not say. */
export function noteOn(message: RowChange, { fields, changed, unknown, unsure }: Fields): string {
  if (fields.length === 0) return message.kind === "delete" ? "(no key)" : "(no columns)";
  const compared = message.kind === "update" && !unknown;
  if (!compared || fields.some((field) => field.before !== undefined) || message.key !== null)
    return "";
  if (changed) return "(other columns changed)";
  return unsure ? "" : "(nothing changed)";
}

/** `… 3 more, 12 NULL`, `… 58 unchanged` */
export function restOf(
  { nulls, blanks, unchanged }: Pick<Fields, "nulls" | "blanks" | "unchanged">,
  note: string,
  { palette }: Canvas,
): Rest {
  return (count) => {
    const counts = [
      ...(count > 0 ? [`${formatCount(count)} more`] : []),
      ...(unchanged > 0 && note === "" ? [`${formatCount(unchanged)} unchanged`] : []),
      ...(nulls > 0 ? [`${formatCount(nulls)} NULL`] : []),
      ...(blanks > 0 ? [`${formatCount(blanks)} blank`] : []),
    ];
    const hidden = count > 0 || unchanged > 0;
    const text =
      note === "" || count > 0
        ? `${hidden ? `${palette.glyphs.ellipsis} ` : ""}${counts.join(", ")}`
        : [note, ...counts].join(" ");
    if (counts.length === 0 && note === "") return undefined;
    const spare = note === "" && nulls + blanks === 0;
    const short = spare ? painted(palette.glyphs.ellipsis, palette.quiet) : undefined;
    return { ...painted(text, palette.quiet), gap: GAP, cut: undefined, short };
  };
}

/** Like restOf(), for things other than rows. */
export function moreOf(what: string, { palette }: Canvas): Rest {
  return (count) => {
    if (count === 0) return undefined;
    const text = `${palette.glyphs.ellipsis} +${countOf(count, what)}`;
    return { ...painted(text, palette.quiet), gap: GAP, cut: undefined };
  };
}

/** Adds one piece, or of JSON that was changed one for each place where it was. */
function describeField(
  field: Field,
  width: number,
  canvas: Canvas,
  gap: Painted,
  pieces: Piece[],
): void {
  const differences = differencesOf(field, canvas);
  if (differences === undefined) return void pieces.push(describeColumn(field, width, canvas, gap));
  const paths = new ShortNames(canvas.palette.glyphs.ellipsis);
  for (const [index, difference] of differences.entries()) {
    const piece = describePlace(field, difference, width, paths, canvas);
    pieces.push({ ...piece, gap: index === 0 ? gap : GAP });
  }
}

/** Undefined if it is not JSON, or the two values are easier to read. */
export function differencesOf(
  { column, before, value }: Field,
  { types, view }: Canvas,
): readonly JsonDifference[] | undefined {
  if (before === undefined || kindOf(column.typeOid, types) !== "json") return undefined;
  return jsonDifferences(before, value, view.expanded ? PLACES_EXPANDED_MAX : PLACES_MAX);
}

/**
 * `items.teapot.colour="blue" → "red"`
 * @param paths those of the same row
 */
export function describePlace(
  field: Field,
  difference: JsonDifference,
  width: number,
  paths: ShortNames,
  { palette, view }: Canvas,
): Omit<Piece, "gap"> {
  const full = formatColumn(field.relation, field.column) + difference.path;
  const path = paths.within(full, Math.floor(width / 2));
  const head = joined(painted(path, palette.quiet), painted("=", palette.quiet));
  const to = (columns: number): Painted =>
    joined(
      head,
      drawPair(
        difference.before,
        difference.after,
        {
          width: columns - head.width,
          valueMax: view.valueWidthMax ?? Infinity,
          kind: "json",
          arrow: arrowOf(field, palette),
        },
        palette,
      ),
    );
  const widthMin = head.width + SHORT_CHANGE_WIDTH_MIN;
  return { ...to(width), cut: { anywayMin: Infinity, widthMin, to } };
}

/** The arrow tells whether the old value was printed earlier or sent by the server. */
export function arrowOf({ seen }: Field, { arrow, seenArrow }: Palette): Painted {
  return seen ? seenArrow : arrow;
}

/** Values are cut so that several fit on a line. */
function describeColumn(field: Field, width: number, canvas: Canvas, gap: Painted): Piece {
  const name = describeName(field, width, canvas.palette);
  const valueMax = canvas.view.valueWidthMax ?? Math.max(VALUE_WIDTH, Math.floor(width / 2));
  const within = (left: number): Drawn => drawChange(field, left, valueMax, canvas);
  const drawn = within(width - name.width);
  const to = (columns: number): Painted => joined(name, within(columns - name.width));
  const least = field.before === undefined ? CUT_WIDTH_MIN : CUT_CHANGE_WIDTH_MIN;
  const anywayMin = drawn.isCut ? name.width + least : Infinity;
  const kind = kindOf(field.column.typeOid, canvas.types);
  const short =
    field.before === undefined
      ? leastWidth(kind, drawn.width) || SHORT_WIDTH_MIN
      : SHORT_CHANGE_WIDTH_MIN;
  return {
    text: name.text + drawn.text,
    width: name.width + drawn.width,
    gap,
    cut: { anywayMin, widthMin: name.width + short, to },
  };
}

/** `value`, or `old → new`. Different values look different. */
export function drawChange(field: Field, room: number, valueMax: number, canvas: Canvas): Drawn {
  const { column, identifies, before, value, seen } = field;
  const { palette, types } = canvas;
  const kind = kindOf(column.typeOid, types);
  if (before !== undefined) {
    const arrow = arrowOf(field, palette);
    return drawPair(before, value, { width: room, valueMax, kind, arrow }, palette);
  }
  const paint = identifies ? palette.key : seen ? palette.quiet : undefined;
  const width = value.kind === "null" ? room : Math.min(room, valueMax);
  return drawValue(value, width, kind, palette, paint);
}

/** `name=` */
function describeName(field: Field, width: number, palette: Palette): Painted {
  const { relation, column, identifies } = field;
  const nameMax = Math.min(NAME_WIDTH_MAX, Math.floor(width / 3));
  const paint = identifies ? palette.key : palette.quiet;
  const name = columnWithin(relation, column, nameMax, palette.glyphs.ellipsis);
  return joined(painted(name, paint), painted("=", palette.quiet));
}
