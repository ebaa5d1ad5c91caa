import {
  BESIDE_MIN,
  GAP,
  GRID_ROWS_MIN,
  INDENT,
  KEY_WIDTH,
  LINES_MAX,
  SIGN_WIDTH,
  SUBJECT_SHARE,
  SUBJECT_WIDTH_MAX,
  SUBJECT_WIDTH_MIN,
} from "./measures.ts";
import { familyOf } from "../../postgres/types/table.ts";
import type { Family } from "../../postgres/types/type.ts";
import type { Relation } from "../../postgres/messages/messages.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import {
  joined,
  NOTHING,
  type Painted,
  painted,
  paintedWithin,
  SPACE,
  spaces,
} from "../terminal/painted.ts";
import { textWidth } from "../terminal/text-width.ts";
import { type Block, linesOf } from "./block.ts";
import { type Event, signOf } from "./event.ts";
import { expandedRow } from "./expanded.ts";
import { type Field, type Fields, fieldsOf, soleKey } from "./fields.ts";
import { Grid, type GridRow } from "./grid.ts";
import { Page, type Place } from "./page.ts";
import { describeFields, noteOn, restOf, tenseOf } from "./row.ts";
import { drawValue } from "../cells/value.ts";
import type { Canvas } from "./view.ts";
import { type Item, type SheetRow, isAlike, placeOf } from "./items.ts";
import { kindOf } from "../cells/kinds.ts";

const INTEGERS: ReadonlySet<Family | undefined> = new Set(["integer", "oid"] as const);

/**
 * Draws items in the terminal's width. Items that arrive together are laid out together, and nothing waits for more: a
 * transaction of one row is a line, and rows of one kind and table are a grid.
 */
export class Sheet {
  readonly #canvas: Canvas;
  readonly #page: Page;
  #grid: { readonly grid: Grid; readonly row: SheetRow; readonly keyed: boolean } | undefined;
  #subjectWidth = 0;

  constructor(canvas: Canvas) {
    this.#canvas = canvas;
    this.#page = new Page(canvas);
  }

  /** @param end only the items before it are drawn; those behind it are known to follow */
  draw(items: readonly Item[], terminalWidth: number, end = items.length): string {
    if (this.#page.resize(terminalWidth)) this.#grid = undefined;
    for (let at = 0; at < end; at++) {
      const item = items[at];
      if (item === undefined) break;
      if (item.kind === "row") at += this.#rows(items, at, end) - 1;
      else {
        this.#grid = undefined;
        this.#other(item, placeOf(items, at));
      }
    }
    return this.#page.take();
  }

  /** Whether the row continues the grid that was drawn last. */
  isGoing(row: SheetRow): boolean {
    return this.#grid !== undefined && isAlike(this.#grid.row, row);
  }

  #other(item: Exclude<Item, { kind: "row" }>, place: Place): void {
    switch (item.kind) {
      case "open":
        return this.#page.open(item.head);
      case "close":
        return this.#page.close(item.parts);
      case "divide":
        return this.#page.divide(item.parts);
      case "line":
        return this.#page.aside(item.parts, item.head);
      case "remark":
        return this.#page.remark(item.text);
      case "aside":
        return this.#page.apart(item.time, () => this.#event(item.event, "last"));
      case "event":
        if (typeof item.event.subject !== "string") this.#canvas.names.see(item.event.subject);
        this.#event(item.event, place);
    }
  }

  /** Draws that row and those that belong together with it. Returns their number. */
  #rows(items: readonly Item[], at: number, end: number): number {
    const first = items[at];
    if (first?.kind !== "row") return 0;
    const { message } = first;
    this.#canvas.names.see(message.relation);
    const run: SheetRow[] = [];
    for (let next = at; ; next++) {
      const item = items[next];
      if (item?.kind !== "row" || !isAlike(item, first)) break;
      run.push(item);
    }
    const place = placeOf(items, at + run.length - 1);
    const going = this.isGoing(first);
    if (!this.#canvas.view.expanded && (going || run.length >= GRID_ROWS_MIN)) {
      this.#drawGrid(run, going, place === "last", end - at);
      return run.length;
    }
    this.#grid = undefined;
    this.#row(first, run.length === 1 ? place : "inner");
    return 1;
  }

  #row({ message, seen }: SheetRow, place: Place): void {
    const canvas = this.#canvas;
    const fields = fieldsOf(message, seen, canvas);
    if (canvas.view.expanded) {
      this.#page.begin();
      this.#page.put(
        this.#page.mark(place),
        expandedRow(message, fields, this.#page.inner, canvas),
      );
      return;
    }
    const key = this.#keyOf(message.relation, fields);
    const shown =
      key === undefined
        ? fields.fields
        : fields.fields.filter((one) => !isKeyOf(one, canvas.types));
    this.#draw(place, {
      subject: joined(
        signOf(message.kind, canvas.palette),
        SPACE,
        this.#nameOf(message.relation, key),
      ),
      describe: (width, lines) => describeFields(shown, width, lines, canvas, tenseOf(fields)),
      rest: restOf(fields, noteOn(message, fields), canvas),
      // A transaction of one row may take two lines.
      linesMax: this.#page.isNarrow || this.#page.isSingle(place) ? 2 : 1,
      isWhole: message.kind === "update" && !fields.unknown,
    });
  }

  #event(event: Event, place: Place): void {
    const { names } = this.#canvas;
    const { sign, subject, paint, lines } = event;
    const room = this.#page.inner - SIGN_WIDTH;
    // Nothing else names this table, so its name is not shortened if possible.
    const name =
      typeof subject === "string"
        ? paintedWithin(subject, room, this.#canvas.palette, paint)
        : painted(names.within(subject, room), paint);
    const head = joined(sign, SPACE, name);
    if (lines !== undefined) return this.#beside(head, lines, place);
    this.#draw(place, {
      subject: head,
      describe: (width) => {
        const pieces = event.pieces(width);
        return { pieces, total: pieces.length };
      },
      rest: event.rest,
      linesMax: head.width > this.#subjectMax ? LINES_MAX : event.linesMax,
      isWhole: false,
    });
  }

  /** Draws the lines beside the subject if there is room. */
  #beside(subject: Painted, lines: (width: number) => readonly Painted[], place: Place): void {
    const page = this.#page;
    const alone = page.isSingle(place) && !page.ownHead;
    if (alone) page.announce();
    else page.begin();
    const column = Math.max(subject.width, page.isNarrow ? 0 : this.#subjectWidth) + GAP.width;
    const beside = page.inner - column >= BESIDE_MIN;
    const indent = beside ? column : INDENT;
    const drawn = lines(page.inner - indent).map((line, index) => {
      const start = beside && index === 0 ? subject : NOTHING;
      return joined(start, spaces(indent - start.width), line);
    });
    page.put(alone ? "none" : page.mark(place), beside ? drawn : [subject, ...drawn]);
  }

  #draw(place: Place, block: Block): void {
    const page = this.#page;
    const { width } = block.subject;
    const single = page.isSingle(place);
    if (single) page.announce();
    else page.begin();
    if (!page.isNarrow && width <= this.#subjectMax)
      this.#subjectWidth = Math.max(this.#subjectWidth, width);
    // In a narrow terminal a transaction's head stands before its only row.
    const isHeaded = single && page.isNarrow;
    const lines = linesOf(block, {
      head: isHeaded ? page.headText() : NOTHING,
      column: page.isNarrow ? width : Math.max(this.#subjectWidth, width),
      width: isHeaded ? page.width : page.inner,
    });
    if (single) page.single(lines);
    else page.put(page.mark(place), lines);
  }

  /** @param count the number of rows that are drawn; the others will be */
  #drawGrid(run: readonly SheetRow[], going: boolean, last: boolean, count: number): void {
    const canvas = this.#canvas;
    const { palette } = canvas;
    const [first] = run;
    if (first === undefined) return;
    // Columns of the day that is printed above need not repeat it.
    this.#page.begin();
    const { relation, kind } = first.message;
    const all = run.map(({ message, seen }) => fieldsOf(message, seen, canvas, false));
    let grid = going ? this.#grid : undefined;
    const keys = all.map((row) => this.#keyOf(relation, row));
    const keyed = grid?.keyed ?? keys.every((key) => key !== undefined);
    const rows = all.map((row, index): GridRow => {
      const key = keyed ? keys[index] : undefined;
      return { subject: key === undefined ? NOTHING : joined(spaces(SIGN_WIDTH), key), row };
    });
    const [tense = ""] = all.map(tenseOf);
    const name = this.#nameOf(relation, undefined);
    const head = joined(
      signOf(kind, palette),
      SPACE,
      tense === "" ? name : joined(name, painted(` ${tense}`, palette.quiet)),
    );
    const tells = (one: Grid): boolean => rows.every((row) => one.tells(row));
    const same = grid !== undefined && tells(grid.grid) ? grid.grid : undefined;
    const next = same ?? new Grid(head, rows, this.#page.inner, canvas);
    // A key that is cut does not tell one row from another: a new grid may have the room.
    if (grid === undefined || (same === undefined && tells(next))) {
      grid = { grid: next, row: first, keyed };
      this.#page.put(this.#page.mark("inner"), grid.grid.header(head));
      this.#grid = grid;
    }
    for (const [index, row] of rows.slice(0, count).entries()) {
      const end = last && index === rows.length - 1;
      this.#page.put(this.#page.mark(end ? "last" : "inner"), grid.grid.row(row));
    }
  }

  /** The identifying value, if one column identifies the row and it fits behind the name. */
  #keyOf(relation: Relation, { fields }: Fields): Painted | undefined {
    const { palette, types } = this.#canvas;
    if (soleKey(relation, types) === undefined) return undefined;
    const field = fields.find((one) => isKeyOf(one, types));
    if (field === undefined) return undefined;
    const name = textWidth(this.#shortName(relation));
    const room = Math.max(this.#subjectMax - SIGN_WIDTH - name - 1, 0);
    const kind = kindOf(field.column.typeOid, types);
    const drawn = drawValue(field.value, room + 1, kind, palette, palette.key);
    return drawn.isCut || drawn.width > room || drawn.width === 0 ? undefined : drawn;
  }

  #nameOf(relation: Relation, key: Painted | undefined): Painted {
    const name = painted(this.#shortName(relation), this.#canvas.palette.table);
    return key === undefined ? name : joined(name, SPACE, key);
  }

  #shortName(relation: Relation): string {
    const room = this.#subjectMax - SIGN_WIDTH;
    const key = soleKey(relation, this.#canvas.types);
    const width =
      key !== undefined && INTEGERS.has(familyOf(key.typeOid)) ? room - KEY_WIDTH : room;
    return this.#canvas.names.within(relation, width);
  }

  /** The most width for sign, table and key. */
  get #subjectMax(): number {
    const share = Math.floor(this.#page.width * SUBJECT_SHARE);
    return Math.min(Math.max(share, SUBJECT_WIDTH_MIN), SUBJECT_WIDTH_MAX);
  }
}

/** Whether it can follow the table's name: it identifies the row alone and did not change. */
function isKeyOf({ identifies, before, column, relation }: Field, types: TypeRegistry): boolean {
  return identifies && before === undefined && soleKey(relation, types) === column;
}
