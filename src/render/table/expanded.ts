import { formatLsn, type Lsn } from "../../lsn.ts";
import type { RowChange } from "../../pgoutput/messages.ts";
import type { ColumnValue } from "../../pgoutput/tuple.ts";
import { formatColumn, formatRelationName } from "../values/identifier.ts";
import {
  joined,
  type Paint,
  type Painted,
  painted,
  paintedWithin,
  SPACE,
} from "../terminal/painted.ts";
import { describeOperation } from "./event.ts";
import { type Field, fieldsOf } from "./fields.ts";
import { isJson } from "./json.ts";
import { valueLines } from "./lines.ts";
import { isAbsent, noteOn } from "./row.ts";
import type { Canvas } from "./view.ts";
import { textWidth } from "../terminal/text-width.ts";

const NAME_WIDTH_MAX = 30;
const VALUE_LINES_MAX = 8;
/** Two spaces, the mark of what changed, a space. */
const MARK_WIDTH = 4;
const BAR_WIDTH = 3;

/** Where the values of a row stand, and how much of each. */
interface Place {
  readonly name: number;
  readonly width: number;
  readonly valueWidthMax: number;
}

/**
 * A change as psql's \x shows a row: one column a line and the key first, with a heavier bar. A column that
 * is known to have changed is marked, and shown as `old → new`, on lines of its own where one is too short.
 */
export function expandedRow(message: RowChange, canvas: Canvas): readonly Painted[] {
  const { layout, palette } = canvas;
  const { fields, changed } = fieldsOf(message, canvas);
  const ordered = [
    ...fields.filter((field) => field.identifies),
    ...fields.filter((field) => !field.identifies),
  ];
  const place = placeFor(ordered, canvas);
  const note = noteOn(message, fields, changed);
  const operation = describeOperation(message.kind, palette);
  const subject = formatRelationName(message.relation);
  return [
    joined(
      operation,
      SPACE,
      paintedWithin(subject, layout.inner - operation.width - 1, palette.table),
    ),
    ...(note === undefined ? [] : [painted(`${" ".repeat(MARK_WIDTH)}${note}`, palette.quiet)]),
    ...ordered.flatMap((field) => fieldLines(field, place, canvas)),
  ];
}

/** What a recovery that is to stop just before a transaction needs. */
export function recoveryLines(commitLsn: Lsn, { layout, palette }: Canvas): readonly Painted[] {
  return [
    paintedWithin("to stop before it", layout.inner, palette.quiet),
    paintedWithin(`  recovery_target_lsn = '${formatLsn(commitLsn)}'`, layout.inner),
    paintedWithin("  recovery_target_inclusive = off", layout.inner),
  ];
}

function placeFor(fields: readonly Field[], { layout, view }: Canvas): Place {
  const names = fields.map(({ relation, column }) => textWidth(formatColumn(relation, column)));
  const nameMax = Math.min(NAME_WIDTH_MAX, Math.floor(layout.inner / 3));
  const name = Math.min(Math.max(0, ...names), nameMax);
  const width = layout.inner - MARK_WIDTH - name - BAR_WIDTH;
  return { name, width, valueWidthMax: view.valueWidthMax ?? width * VALUE_LINES_MAX };
}

function fieldLines(field: Field, place: Place, canvas: Canvas): Painted[] {
  const { relation, column, identifies, before } = field;
  const { palette } = canvas;
  const paint = identifies ? palette.key : palette.quiet;
  const name = paintedWithin(formatColumn(relation, column), place.name, paint);
  const mark = before === undefined ? SPACE : painted("~", palette.update);
  const bar = painted(identifies ? " ┃ " : " │ ", palette.quiet);
  const first = joined(spaces(2), mark, SPACE, name, spaces(place.name - name.width), bar);
  const next = joined(spaces(MARK_WIDTH + place.name), bar);
  const lines = valuesOf(field, place, canvas);
  return lines.map((line, index) => joined(index === 0 ? first : next, line));
}

/** `value`, or `old → new`. */
function valuesOf(field: Field, place: Place, { palette, types }: Canvas): Painted[] {
  const { column, identifies, before, value } = field;
  const json = isJson(column.typeOid, types);
  const draw = (what: ColumnValue, width: number, paint: Paint | undefined): Painted[] =>
    valueLines(what, { ...place, width }, json).map((line) =>
      painted(line, isAbsent(what) ? palette.quiet : paint),
    );
  if (before === undefined) return draw(value, place.width, identifies ? palette.key : undefined);
  const arrow = painted("→ ", palette.quiet);
  const from = draw(before, place.width, palette.oldValue);
  const to = draw(value, place.width - arrow.width, palette.newValue);
  const together = joined(...from, SPACE, arrow, ...to);
  if (from.length === 1 && to.length === 1 && together.width <= place.width) return [together];
  return [...from, ...to.map((line, index) => joined(index === 0 ? arrow : spaces(2), line))];
}

function spaces(count: number): Painted {
  return painted(" ".repeat(Math.max(count, 0)));
}
