import {
  EXPANDED_BAR_WIDTH,
  EXPANDED_LINES_MAX,
  EXPANDED_MARK_WIDTH,
  NAME_WIDTH_MAX,
} from "./measures.ts";
import type { RowChange } from "../../postgres/messages/messages.ts";
import type { ColumnValue } from "../../postgres/messages/tuple.ts";
import { formatColumn } from "../values/identifier.ts";
import {
  joined,
  type Paint,
  type Painted,
  painted,
  paintedWithin,
  SPACE,
  spaces,
} from "../terminal/painted.ts";
import { textWidth } from "../terminal/text-width.ts";
import { signOf } from "./event.ts";
import type { Field, Fields } from "./fields.ts";
import { kindOf } from "../cells/kinds.ts";
import { drawApart } from "../cells/difference.ts";
import { valueLines } from "../cells/lines.ts";
import type { Form } from "../cells/value.ts";
import { columnWithin, ShortNames } from "../cells/names.ts";
import { arrowOf, describePlace, differencesOf, drawChange, noteOn, tenseOf } from "./row.ts";
import type { Canvas } from "./view.ts";

/** Bytes of a value before the place where it changed. */
const COMMON_SHOWN = 40;

/** The columns of the terminal that a row's values occupy, and how much of each value is shown. */
interface Place {
  readonly name: number;
  readonly width: number;
  readonly valueWidthMax: number;
}

/**
 * A change as psql's \x shows a row: one line for each column. The key comes first, with a heavier bar, then the
 * columns known to have changed, marked, as `old → new`. A value that is too long for its line continues on the next
 * ones.
 */
export function expandedRow(
  message: RowChange,
  row: Fields,
  width: number,
  canvas: Canvas,
): readonly Painted[] {
  const { palette, names } = canvas;
  const { fields } = row;
  const place = placeFor(fields, width, canvas);
  const note = noteOn(message, row);
  const sign = signOf(message.kind, palette);
  const subject = paintedWithin(names.full(message.relation), width - 2, palette, palette.table);
  const tense = tenseOf(row);
  const head = joined(sign, SPACE, subject);
  return [
    tense === "" ? head : joined(head, SPACE, painted(tense, palette.quiet)),
    ...(note === "" ? [] : [painted(`${" ".repeat(EXPANDED_MARK_WIDTH)}${note}`, palette.quiet)]),
    ...fields.flatMap((field) => fieldLines(field, place, canvas)),
  ];
}

function placeFor(fields: readonly Field[], inner: number, { view }: Canvas): Place {
  const names = fields.map(({ relation, column }) => textWidth(formatColumn(relation, column)));
  const nameMax = Math.min(NAME_WIDTH_MAX, Math.floor(inner / 3));
  const name = Math.min(Math.max(0, ...names), nameMax);
  const width = inner - EXPANDED_MARK_WIDTH - name - EXPANDED_BAR_WIDTH;
  return { name, width, valueWidthMax: view.valueWidthMax ?? width * EXPANDED_LINES_MAX };
}

function fieldLines(field: Field, place: Place, canvas: Canvas): Painted[] {
  const { relation, column, identifies, before } = field;
  const { palette } = canvas;
  const { glyphs } = palette;
  const paint = identifies ? palette.key : palette.quiet;
  const label = columnWithin(relation, column, place.name, glyphs.ellipsis);
  const name = painted(label, paint);
  const mark = before === undefined ? SPACE : painted("~", palette.update);
  const bar = painted(` ${identifies ? glyphs.heavyBar : glyphs.bar} `, palette.quiet);
  const first = joined(spaces(2), mark, SPACE, name, spaces(place.name - name.width), bar);
  const next = joined(spaces(EXPANDED_MARK_WIDTH + place.name), bar);
  const lines = valuesOf(field, place, canvas);
  return lines.map((line, index) => joined(index === 0 ? first : next, line));
}

/** `value`, `old → new`, or the places where JSON changed. */
function valuesOf(field: Field, place: Place, canvas: Canvas): readonly Painted[] {
  const { palette, types } = canvas;
  const { column, identifies, before, value } = field;
  const json = kindOf(column.typeOid, types) === "json";
  const draw = (what: ColumnValue, width: number, paint?: Paint, form?: Form) => {
    const valueWidthMax = form?.roomy === true ? width : place.valueWidthMax;
    return valueLines(what, { valueWidthMax, width }, json, palette, paint, form);
  };
  if (before === undefined)
    return draw(value, place.width, identifies ? palette.key : undefined).lines;
  const places = differencesOf(field, canvas);
  const paths = new ShortNames(palette.glyphs.ellipsis);
  if (places !== undefined)
    return places.map((one) => describePlace(field, one, place.width, paths, canvas));
  const together = drawChange(field, place.width, place.valueWidthMax, canvas);
  if (!together.isCut && together.width <= place.width) return [together];
  const arrow = painted(arrowOf(field, palette).text.trimStart());
  const width = textWidth(palette.glyphs.arrow) + 1;
  const apart = drawApart(
    before,
    value,
    (form) => [
      draw(before, place.width, palette.oldValue, form),
      draw(value, place.width - width, palette.newValue, form),
    ],
    COMMON_SHOWN,
  );
  if (apart === undefined) return [together];
  const [from, to] = apart;
  return [
    ...from.lines,
    ...to.lines.map((line, index) =>
      joined(index === 0 ? { ...arrow, width } : spaces(width), line),
    ),
  ];
}
