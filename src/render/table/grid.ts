import {
  CELL_TEXT_WIDTH_MIN,
  CELL_WIDTHS,
  GAP,
  GRID_REST_WIDTH,
  HEADER_WIDTH_MAX,
  HEADER_WIDTH_MIN,
  INDENT,
  NULL_WIDTH,
} from "./measures.ts";
import { familyOf } from "../../postgres/types/table.ts";
import type { Family } from "../../postgres/types/type.ts";
import type { Column } from "../../postgres/messages/messages.ts";
import { NOTHING, type Painted, painted, spaces } from "../terminal/painted.ts";
import { type Field, type Fields, isBlank } from "./fields.ts";
import { flow } from "./flow.ts";
import { kindOf, leastWidth } from "../cells/kinds.ts";
import { columnWithin } from "../cells/names.ts";
import { describeFields, differencesOf, drawChange, restOf } from "./row.ts";
import type { Canvas } from "./view.ts";

const [CELL_WIDTH_MAX] = CELL_WIDTHS;
/** `2026-11-24` */
const DATE_LENGTH = 10;
const NUMBERS = new Set<Family | undefined>(["integer", "oid", "float", "money", "numeric"]);

export interface GridRow {
  /** Identifies the row, below the table's name; empty if the columns do so. */
  readonly subject: Painted;
  readonly row: Fields;
}

interface GridColumn {
  readonly column: Column;
  header: Painted;
  readonly right: boolean;
  width: number;
  /** The date of all its timestamps, which the header says: the cells then show the times. */
  readonly date: string | undefined;
  /** In less its values say nothing. */
  readonly least: number;
}

/** Rows of one kind and one table, in columns. Later rows may only widen them. */
export class Grid {
  readonly #canvas: Canvas;
  readonly #width: number;
  readonly #columns: readonly GridColumn[];
  /** Columns without room: they are not shown. */
  readonly #left: ReadonlySet<Column>;
  readonly #places: ReadonlyMap<Column, number>;
  readonly #rest: Painted;
  readonly #subjectWidth: number;

  /**
   * @param head sign and table
   * @param rows the rows so far
   */
  constructor(head: Painted, rows: readonly GridRow[], width: number, canvas: Canvas) {
    this.#canvas = canvas;
    this.#width = width;
    this.#subjectWidth = Math.max(head.width, ...rows.map(({ subject }) => subject.width));
    const { columns: wide, nulls, blanks } = columnsOf(rows, canvas, width, Infinity);
    const unchanged = Math.min(...rows.map(({ row }) => row.unchanged));
    const rest = restOf({ nulls, blanks, unchanged }, "", canvas);
    // The header says how many columns are left out.
    const roomBeside = (missing: number): number => {
      const mark = rest(missing);
      return width - this.#subjectWidth - (mark === undefined ? 0 : GAP.width + mark.width);
    };
    const all =
      totalWidth(wide, CELL_WIDTH_MAX) <= roomBeside(0)
        ? wide
        : columnsOf(rows, canvas, width, HEADER_WIDTH_MAX, datesOf(rows, canvas)).columns;
    const max = CELL_WIDTHS.find((one) => totalWidth(all, one) <= roomBeside(0));
    const columns = all.map((column) => ({
      ...column,
      width: narrowed(column, max ?? 0),
    }));
    const missing = (): number => all.length - columns.length;
    while (columns.length > 1 && totalWidth(columns) > roomBeside(missing())) columns.pop();
    const [only] = columns;
    if (only !== undefined && columns.length === 1) {
      only.width = Math.min(only.width, Math.max(roomBeside(missing()) - GAP.width, 1));
      const most = Math.max(width - this.#subjectWidth - GAP.width, 1);
      if (only.header.width > most) only.header = headerOf(only, most, rows, canvas);
    }
    this.#columns = columns;
    // Before the header is drawn: it has the cells' widths.
    for (const [place, column] of columns.entries())
      column.width += Math.min((all[place]?.width ?? 0) - column.width, this.#spare);
    this.#places = new Map(columns.map(({ column }, place) => [column, place]));
    this.#left = new Set(all.slice(columns.length).map(({ column }) => column));
    this.#rest = rest(missing()) ?? NOTHING;
  }

  header(head: Painted): readonly Painted[] {
    const cells = this.#columns.map(({ header }) => header);
    return this.#lines(head, cells, this.#rest);
  }

  /** What the columns could still take. */
  get #spare(): number {
    return Math.max(this.#width - this.#subjectWidth - totalWidth(this.#columns), 0);
  }

  /** Whether the columns that identify a row, or the first one, show it whole, and the others something of it. */
  tells({ row }: GridRow): boolean {
    const canvas = this.#canvas;
    let spare = this.#spare;
    return row.fields.every((field) => {
      const place = this.#places.get(field.column) ?? -1;
      const column = this.#columns[place];
      if (column === undefined || differencesOf(field, canvas) !== undefined) return true;
      const { isCut, width } = cellOf(field, column.width + spare, canvas, column.date);
      spare -= Math.max(width - column.width, 0);
      const isKey = field.identifies || place === 0;
      return !isCut || (!isKey && width > canvas.palette.glyphs.ellipsis.length);
    });
  }

  row({ subject, row }: GridRow): readonly Painted[] {
    const canvas = this.#canvas;
    const fields: Field[] = [];
    const others: Field[] = [];
    for (const field of row.fields) {
      const place = this.#places.get(field.column);
      const differs = differencesOf(field, canvas) !== undefined;
      if (place !== undefined && !differs) fields[place] = field;
      else if (!this.#isTold(field, row, subject)) others.push(field);
    }
    let spare = this.#spare;
    const cells = this.#columns.map((column, place) => {
      const field = fields[place];
      if (field === undefined) return NOTHING;
      const cell = cellOf(field, column.width + spare, canvas, column.date);
      if (cell.width > column.width) {
        spare -= cell.width - column.width;
        column.width = cell.width;
      }
      return cell;
    });
    const room = this.#width - this.#subjectWidth - totalWidth(this.#columns) - GAP.width;
    if (others.length === 0) return this.#lines(subject, cells, NOTHING);
    // Where there is no room behind the last column, they stand below.
    const width = room < GRID_REST_WIDTH ? this.#width - INDENT : room;
    const { pieces, total } = describeFields(others, width, 1, canvas);
    const rest = restOf({ nulls: 0, blanks: 0, unchanged: 0 }, "", canvas);
    return this.#lines(subject, cells, flow(pieces, total, [width], rest)[0] ?? NOTHING);
  }

  /** Whether the header counts it, or the subject shows it. */
  #isTold(field: Field, { unknown }: Fields, subject: Painted): boolean {
    if (field.before !== undefined) return false;
    if (field.identifies) return subject.width > 0;
    return this.#left.has(field.column) || unknown || field.value.kind === "null" || isBlank(field);
  }

  #lines(subject: Painted, cells: readonly Painted[], rest: Painted): readonly Painted[] {
    let text = subject.text + spaces(this.#subjectWidth - subject.width).text;
    let width = Math.max(this.#subjectWidth, subject.width);
    for (const [place, column] of this.#columns.entries()) {
      const cell = cells[place] ?? NOTHING;
      const pad = spaces(column.width - cell.width).text;
      text += spaces(GAP.width).text + (column.right ? pad + cell.text : cell.text + pad);
      width += GAP.width + Math.max(column.width, cell.width);
    }
    if (rest.width > 0 && width + GAP.width + rest.width <= this.#width)
      return [
        { text: text + spaces(GAP.width).text + rest.text, width: width + GAP.width + rest.width },
      ];
    const trimmed = text.replace(/ +$/, "");
    const shown = { text: trimmed, width: width - (text.length - trimmed.length) };
    const below = { text: spaces(INDENT).text + rest.text, width: INDENT + rest.width };
    return rest.width === 0 ? [shown] : [shown, below];
  }
}

interface Columns {
  readonly columns: readonly GridColumn[];
  /** The number of columns that are NULL or blank in all rows: these are not shown. */
  readonly nulls: number;
  readonly blanks: number;
}

/** The columns that hold something in any of the rows, in the table's order. */
function columnsOf(
  rows: readonly GridRow[],
  canvas: Canvas,
  pageWidth: number,
  headerMax: number,
  dates?: ReadonlyMap<Column, string>,
): Columns {
  const widths = new Map<Column, number>();
  const empty = new Map<Column, "null" | "blank">();
  for (const { subject, row } of rows) {
    for (const field of row.fields) {
      const { column, before, value, identifies } = field;
      if (identifies && before === undefined && subject.width > 0) continue;
      // The places that changed stand behind the columns.
      if (differencesOf(field, canvas) !== undefined) continue;
      const isEmpty = before === undefined && canvas.view.columns === undefined && !row.unknown;
      if (isEmpty && value.kind === "null") empty.set(column, "null");
      else if (isEmpty && isBlank(field)) empty.set(column, "blank");
      else {
        const { width } = cellOf(field, pageWidth, canvas, dates?.get(column));
        widths.set(column, Math.max(widths.get(column) ?? 0, width));
      }
    }
  }
  const relation = rows[0]?.row.fields[0]?.relation;
  const columns = (relation?.columns ?? []).flatMap((column) => {
    const width = widths.get(column);
    if (relation === undefined || width === undefined) return [];
    const max =
      headerMax === Infinity ? headerMax : Math.min(Math.max(width, HEADER_WIDTH_MIN), headerMax);
    const date = dates?.get(column);
    const header = headerOf({ column, date }, max, rows, canvas);
    const right = NUMBERS.has(familyOf(column.typeOid));
    const kind = kindOf(column.typeOid, canvas.types);
    const least = leastWidth(kind, width, date === undefined) || CELL_TEXT_WIDTH_MIN;
    const widest = Math.max(width, header.width, empty.has(column) ? NULL_WIDTH : 0);
    return [{ column, header, right, width: widest, date, least }];
  });
  const only = [...empty].filter(([column]) => !widths.has(column)).map(([, what]) => what);
  const nulls = only.filter((what) => what === "null").length;
  return { columns, nulls, blanks: only.length - nulls };
}

function headerOf(
  { column, date }: Pick<GridColumn, "column" | "date">,
  width: number,
  rows: readonly GridRow[],
  { palette, times }: Canvas,
): Painted {
  const relation = rows[0]?.row.fields[0]?.relation;
  if (relation === undefined) return NOTHING;
  const name = columnWithin(relation, column, width, palette.glyphs.ellipsis);
  return painted(
    date === undefined || date === times.date ? name : `${name} ${date}`,
    palette.quiet,
  );
}

/** Of the columns of timestamps that have one date in all rows, and no other value. */
function datesOf(rows: readonly GridRow[], { types }: Canvas): ReadonlyMap<Column, string> {
  const dates = new Map<Column, string | null>();
  for (const { row } of rows) {
    for (const { column, before, value } of row.fields) {
      if (value.kind !== "text" || kindOf(column.typeOid, types) !== "moment") continue;
      const text = Buffer.from(value.bytes.subarray(0, DATE_LENGTH + 1)).toString("latin1");
      const date = /^\d{4}-\d\d-\d\d(?= )/.exec(text)?.[0] ?? null;
      const isOther = dates.has(column) && dates.get(column) !== date;
      dates.set(column, isOther || before !== undefined ? null : date);
    }
  }
  return new Map([...dates].flatMap(([column, date]) => (date === null ? [] : [[column, date]])));
}

/** @param date its column's, which the cell does not repeat */
function cellOf(
  field: Field,
  width: number,
  canvas: Canvas,
  date: string | undefined,
): Painted & { isCut: boolean } {
  // A cut NULL would look like a value.
  const isNull = field.value.kind === "null" && field.before === undefined;
  if (isNull && width < NULL_WIDTH) {
    const mark = canvas.palette.glyphs.ellipsis.slice(0, width);
    return { ...painted(mark, canvas.palette.quiet), isCut: true };
  }
  return drawChange(timeOf(field, date), width, canvas.view.valueWidthMax ?? width, canvas);
}

/** Without the date that its column has. */
function timeOf(field: Field, date: string | undefined): Field {
  const { value, before } = field;
  if (date === undefined || before !== undefined || value.kind !== "text") return field;
  const start = Buffer.from(value.bytes.subarray(0, DATE_LENGTH)).toString("latin1");
  if (start !== date) return field;
  return { ...field, value: { kind: "text", bytes: value.bytes.subarray(DATE_LENGTH + 1) } };
}

function narrowed({ width, header, least }: GridColumn, max: number): number {
  return Math.min(width, Math.max(max, header.width, least));
}

function totalWidth(columns: readonly GridColumn[], max = Number.POSITIVE_INFINITY): number {
  let total = 0;
  for (const column of columns) total += GAP.width + narrowed(column, max);
  return total;
}
