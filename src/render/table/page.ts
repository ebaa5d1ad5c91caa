import type { PgTime } from "../../pg-time.ts";
import {
  joined,
  NOTHING,
  type Painted,
  painted,
  paintedWithin,
  SPACE,
} from "../terminal/painted.ts";
import { wrapWords } from "../terminal/word-wrap.ts";
import { flow } from "./flow.ts";
import type { Parts } from "./transaction.ts";
import type { Canvas } from "./view.ts";

/** Narrower than this nothing can be read, and a terminal that says so is lying. */
const WIDTH_MIN = 20;
/** Below this, time and xid of a transaction stand above its rows, not beside them. */
const WIDE_MIN = 64;
/** From here on times have milliseconds. */
const MILLISECONDS_MIN = 100;

/** The transaction that what follows belongs to. */
export interface Head {
  /** Null: not known yet. */
  readonly time: PgTime | null;
  readonly xid: number;
  /** What there is to say of it beside these: on a line of its own, above its rows. */
  notes: Parts;
}

/** In its transaction: the last one, the last one that has come so far, or one before these. */
export type Place = "inner" | "open" | "last";

/** What stands before a line of a transaction. */
export type Mark = "first" | "bar" | "last" | "branch" | "none";

/** Lines with a gutter: in it stand time and xid of a transaction, and the marks that hold its rows together. */
export class Page {
  readonly #canvas: Canvas;
  #width = 80;
  /** The transaction that is open. */
  #head: Head | undefined;
  /** Something was drawn of it. */
  #begun = false;
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
      ...{ first: quiet(`${first} `), bar: quiet(`${bar} `), last: quiet(`${last} `) },
      ...{ branch: quiet(`${branch} `), none: quiet("  ") },
    };
  }

  get width(): number {
    return this.#width;
  }

  /** Returns whether it is another one than before. */
  resize(terminalWidth: number): boolean {
    const width = Math.max(Math.floor(terminalWidth), WIDTH_MIN);
    const changes = width !== this.#width;
    this.#width = width;
    return changes;
  }

  /** What was drawn since the last call. */
  take(): string {
    const text = this.#lines.join("");
    this.#lines = [];
    return text;
  }

  /** A line about what is shown. */
  remark(text: string): void {
    const { palette } = this.#canvas;
    const start = " ".repeat(this.#gutter);
    const lines = wrapWords(text, this.inner).map((line) => `${start}${palette.quiet(line)}\n`);
    this.#lines.push(...lines);
  }

  open(head: Head): void {
    this.#head = head;
    this.#begun = false;
  }

  /** Its last row, where that was known to be one, has closed it: what came later closes it without a line. */
  close(parts: Parts): void {
    if (this.#head !== undefined && this.#begun && parts.length > 0) {
      this.put("last", this.flowParts(parts));
    }
    this.#head = undefined;
  }

  /** Draws what is of no transaction, whichever is open. */
  without(draw: () => void): void {
    const [head, begun] = [this.#head, this.#begun];
    this.#head = undefined;
    draw();
    this.#head = head;
    this.#begun = begun;
  }

  divide(parts: Parts): void {
    this.begin();
    this.put("branch", this.flowParts(parts));
  }

  /** All of a transaction, in a narrow terminal with its head. */
  single(lines: readonly Painted[]): void {
    if (this.isNarrow) this.#lines.push(...lines.map(({ text }) => `${text}\n`));
    else this.put("none", lines);
    this.#begun = true;
  }

  /** The transaction's first line, if that is not its first row. */
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
      const fits = title.width + 2 + note.width <= this.#width;
      const line = note.width > 0 && fits ? joined(title, spaces(2), note) : title;
      this.#lines.push(`${line.text}\n`);
      this.#begun = true;
      const rest = fits || note.width === 0 ? more : notes;
      if (rest.length > 0) this.put("bar", rest);
    } else this.put("first", this.flowParts(head.notes));
    this.#begun = true;
  }

  /** The day and the schema, where they are others than before. */
  announce(): void {
    const { times, names, palette } = this.#canvas;
    const time = this.#head?.time;
    if (time === null || time === undefined) return;
    this.#xidWidth = Math.max(this.#xidWidth, String(this.#head?.xid ?? "").length);
    const schema = names.home === undefined ? "" : `, schema ${names.home}`;
    const day = times.day(time) + schema;
    if (day === this.#day) return;
    this.#day = day;
    const rule = palette.glyphs.rule.repeat(2);
    const line = paintedWithin(`${rule} ${day} ${rule}`, this.#width, palette, palette.quiet);
    this.#lines.push(`${line.text}\n`);
  }

  /** A line of what became of a transaction, or of nothing that has a place. */
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
  }

  /** `10:57:43 797` */
  headText(): Painted {
    const head = this.#head;
    if (head === undefined) return NOTHING;
    const { times, palette } = this.#canvas;
    const wide = this.#width >= MILLISECONDS_MIN;
    const xid = String(head.xid).padStart(this.ownHead ? 0 : this.#xidWidth);
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

  /** Whether what comes next is all of the transaction, as far as that is known. */
  isSingle(place: Place): boolean {
    const only = !this.#begun && this.#head !== undefined && this.#head.notes.length === 0;
    return only && place !== "inner";
  }

  get isNarrow(): boolean {
    return this.#width < WIDE_MIN;
  }

  /** Time and xid stand on a line of their own. */
  get ownHead(): boolean {
    return this.isNarrow || this.#canvas.view.expanded;
  }

  /** What stands before each line: time, xid, mark, and a space behind each. */
  get #gutter(): number {
    if (this.ownHead) return 2;
    return this.#canvas.times.width(this.#width >= MILLISECONDS_MIN) + this.#xidWidth + 4;
  }

  /** Columns behind the gutter. */
  get inner(): number {
    return this.#width - this.#gutter;
  }
}

function spaces(count: number): Painted {
  return painted(" ".repeat(Math.max(count, 0)));
}
