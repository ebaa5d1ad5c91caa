import { GAP, GUTTER_PAGE_MIN, MILLISECONDS_PAGE_MIN, PAGE_WIDTH_MIN } from "./measures.ts";
import type { PgTime } from "../../pg-time.ts";
import {
  joined,
  NOTHING,
  type Painted,
  painted,
  paintedWithin,
  SPACE,
  spaces,
} from "../terminal/painted.ts";
import { wrapWords } from "../terminal/word-wrap.ts";
import { flow } from "./flow.ts";
import type { Parts } from "./transaction.ts";
import type { Canvas } from "./view.ts";

/** The transaction to which the following lines belong. */
export interface Head {
  /** Null if not known yet. */
  readonly time: PgTime | null;
  /** Null: of several transactions. */
  readonly xid: number | null;
  /** Further facts about it, on a line of their own above its rows. */
  notes: Parts;
}

/** The row's place in its transaction: the last row, the last one so far, or an earlier one. */
export type Place = "inner" | "open" | "last";

/** The mark in the gutter before a line. */
export type Mark = "first" | "bar" | "last" | "branch" | "none";

/** Draws lines with a gutter, which holds a transaction's time and xid and the marks that connect its rows. */
export class Page {
  readonly #canvas: Canvas;
  #width = 80;
  /** The open transaction. */
  #head: Head | undefined;
  /** Whether some of it was drawn. */
  #begun = false;
  /** Whether its frame is open: the last line that was drawn of it is not its end. */
  #framed = false;
  #day = "";
  #xidWidth = 3;
  #lines: string[] = [];

  /** Painted, and a space behind each. */
  readonly #marks: Readonly<Record<Mark, string>>;

  constructor(canvas: Canvas) {
    this.#canvas = canvas;
    const { glyphs, quiet } = canvas.palette;
    const { first, bar, last, branch } = glyphs;
    this.#marks = {
      first: quiet(`${first} `),
      bar: quiet(`${bar} `),
      last: quiet(`${last} `),
      branch: quiet(`${branch} `),
      none: quiet("  "),
    };
  }

  get width(): number {
    return this.#width;
  }

  /** Returns whether the width changed. */
  resize(terminalWidth: number): boolean {
    const width = Math.max(Math.floor(terminalWidth), PAGE_WIDTH_MIN);
    const changes = width !== this.#width;
    this.#width = width;
    return changes;
  }

  /** Returns what was drawn since the last call. */
  take(): string {
    const text = this.#lines.join("");
    this.#lines = [];
    return text;
  }

  /** Draws a line about the output itself. */
  remark(text: string): void {
    const { palette } = this.#canvas;
    const start = " ".repeat(this.#gutter);
    const lines = wrapWords(text, this.inner).map((line) => `${start}${palette.quiet(line)}\n`);
    this.#lines.push(...lines);
  }

  open(head: Head): void {
    this.#head = head;
    this.#begun = false;
    this.#framed = false;
  }

  /**
   * Closes the transaction, with a line only if there is something to say or the frame is open: a row that was known to
   * be the last has already drawn the end.
   */
  close(parts: Parts): void {
    if (this.#head !== undefined && this.#begun && (parts.length > 0 || this.#framed)) {
      this.put("last", parts.length > 0 ? this.flowParts(parts) : [NOTHING]);
    }
    this.#head = undefined;
  }

  /** Draws what belongs to no transaction, even if one is open, with a time of its own. */
  apart(time: PgTime | null, draw: () => void): void {
    const [head, begun, framed] = [this.#head, this.#begun, this.#framed];
    this.open({ time, xid: null, notes: [] });
    draw();
    this.#head = head;
    this.#begun = begun;
    this.#framed = framed;
  }

  divide(parts: Parts): void {
    this.begin();
    this.put("branch", this.flowParts(parts));
  }

  /** Draws a whole transaction; in a narrow terminal its head precedes it. */
  single(lines: readonly Painted[]): void {
    if (this.isNarrow) this.#lines.push(...lines.map(({ text }) => `${text}\n`));
    else this.put("none", lines);
    this.#begun = true;
  }

  /** Draws the transaction's first line if that is not its first row. */
  begin(): void {
    const head = this.#head;
    if (head === undefined || this.#begun) return;
    this.announce();
    if (!this.ownHead && head.notes.length === 0) return;
    const { first } = this.#canvas.palette.glyphs;
    if (this.ownHead) {
      const title = joined(painted(`${first} `, this.#canvas.palette.quiet), this.headText());
      const notes = this.flowParts(head.notes);
      const [note = NOTHING, ...more] = notes;
      const fits = title.width + GAP.width + note.width <= this.#width;
      const line = note.width > 0 && fits ? joined(title, spaces(2), note) : title;
      this.#lines.push(`${line.text}\n`);
      this.#begun = true;
      this.#framed = true;
      const rest = fits || note.width === 0 ? more : notes;
      if (rest.length > 0) this.put("bar", rest);
    } else this.put("first", this.flowParts(head.notes));
    this.#begun = true;
  }

  /** Draws the day and the schema if they differ from those before. */
  announce(): void {
    const { times, names, palette } = this.#canvas;
    const time = this.#head?.time;
    if (time === null || time === undefined) return;
    this.#xidWidth = Math.max(this.#xidWidth, String(this.#head?.xid ?? "").length);
    names.turn();
    const schema = names.home === undefined ? "" : `, schema ${names.home}`;
    const day = times.day(time) + schema;
    if (day === this.#day) return;
    this.#day = day;
    const rule = palette.glyphs.rule.repeat(2);
    const line = paintedWithin(`${rule} ${day} ${rule}`, this.#width, palette, palette.quiet);
    this.#lines.push(`${line.text}\n`);
  }

  /** Draws a line about the end of a transaction, or about something outside of transactions. */
  aside(parts: Parts, head: Head | null): void {
    this.#head = head ?? undefined;
    this.#begun = false;
    this.announce();
    const narrow = this.ownHead && head !== null;
    const lines = this.flowParts(parts);
    if (narrow) {
      const title = this.headText();
      const [first = NOTHING] = lines;
      if (title.width + 1 + first.width <= this.#width && lines.length === 1) {
        this.#lines.push(`${joined(title, SPACE, first).text}\n`);
      } else {
        this.#lines.push(`${title.text}\n`);
        for (const line of lines) this.#lines.push(`  ${line.text}\n`);
      }
    } else this.put("none", lines);
    this.#head = undefined;
  }

  /** `┌` at the first line of a transaction, `└` at its last one. */
  mark(place: Place): Mark {
    if (this.#head === undefined) return "none";
    if (place === "last") return "last";
    return this.#begun ? "bar" : "first";
  }

  /** Writes lines behind the gutter: time and xid stand in it on a transaction's first line. */
  put(mark: Mark, lines: readonly Painted[]): void {
    const blank = " ".repeat(Math.max(this.#gutter - 2, 0));
    for (const [index, line] of lines.entries()) {
      const begins = index === 0 && !this.ownHead && this.#head !== undefined && !this.#begun;
      const goesOn = mark === "last" ? index < lines.length - 1 : index > 0;
      const sign = this.#marks[goesOn && mark !== "none" ? "bar" : mark];
      const gutter = begins ? `${this.headText().text} ` : blank;
      this.#lines.push(`${gutter}${sign}${line.text}`.trimEnd(), "\n");
    }
    this.#begun = true;
    this.#framed = mark !== "last" && mark !== "none";
  }

  /** `10:57:43 797` */
  headText(): Painted {
    const head = this.#head;
    if (head === undefined) return NOTHING;
    const { times, palette } = this.#canvas;
    const wide = this.#width >= MILLISECONDS_PAGE_MIN;
    const xid = String(head.xid ?? "").padStart(this.ownHead ? 0 : this.#xidWidth);
    const blank = " ".repeat(this.ownHead ? 0 : times.width(wide));
    const time = head.time === null ? blank : times.ofDay(head.time, wide);
    const gap = time === "" ? NOTHING : SPACE;
    return joined(painted(time, palette.quiet), gap, painted(xid, palette.strong));
  }

  flowParts(parts: Parts): Painted[] {
    const { palette } = this.#canvas;
    const { glyphs, quiet } = palette;
    const gap = painted(` ${glyphs.dot} `, quiet);
    const width = this.inner;
    const pieces = parts.map(({ text, paint }) => ({
      ...paintedWithin(text, width, palette, paint),
      gap,
      cut: undefined,
    }));
    if (pieces.length === 0) return [];
    return flow(
      pieces,
      pieces.length,
      pieces.map(() => width),
      () => undefined,
    );
  }

  /** Whether the next row is the whole transaction. */
  isSingle(place: Place): boolean {
    const only = !this.#begun && this.#head !== undefined && this.#head.notes.length === 0;
    return only && place === "last";
  }

  get isNarrow(): boolean {
    return this.#width < GUTTER_PAGE_MIN;
  }

  /** Whether time and xid have a line of their own. */
  get ownHead(): boolean {
    return this.isNarrow || this.#canvas.view.expanded;
  }

  /** The width of time, xid and mark, each with a space behind it. */
  get #gutter(): number {
    if (this.ownHead) return 2;
    return this.#canvas.times.width(this.#width >= MILLISECONDS_PAGE_MIN) + this.#xidWidth + 4;
  }

  /** The width behind the gutter. */
  get inner(): number {
    return this.#width - this.#gutter;
  }
}
