import { Chalk } from "chalk";
import { cutToWidth, textWidth } from "./text-width.ts";

/** Text for the terminal, and its width in columns, without escape sequences for colours. */
export interface Painted {
  readonly text: string;
  readonly width: number;
}

export type Paint = (text: string) => string;

export const NOTHING: Painted = { text: "", width: 0 };
export const SPACE: Painted = { text: " ", width: 1 };

/** Nothing where there is no room. */
export function spaces(count: number): Painted {
  const width = Math.max(count, 0);
  return { text: " ".repeat(width), width };
}

/** `text` must be sanitized. */
export function painted(text: string, paint?: Paint): Painted {
  return { text: paint === undefined ? text : paint(text), width: textWidth(text) };
}

/** The start of `text` that fits the width, painted. */
export function paintedWithin(
  text: string,
  width: number,
  { glyphs }: Pick<Palette, "glyphs">,
  paint?: Paint,
): Painted {
  return painted(cutToWidth(text, width, glyphs.ellipsis), paint);
}

export function joined(...parts: readonly Painted[]): Painted {
  let text = "";
  let width = 0;
  for (const part of parts) {
    text += part.text;
    width += part.width;
  }
  return { text, width };
}

/** The meaning of each colour. A word or a sign means the same everywhere. */
export interface Palette {
  readonly insert: Paint;
  readonly update: Paint;
  readonly delete: Paint;
  readonly truncate: Paint;
  readonly message: Paint;
  readonly sequence: Paint;
  readonly unknown: Paint;
  readonly committed: Paint;
  /** Not decided yet. */
  readonly pending: Paint;
  /** Rolled back. */
  readonly aborted: Paint;
  readonly table: Paint;
  readonly key: Paint;
  readonly oldValue: Paint;
  readonly newValue: Paint;
  readonly strong: Paint;
  /** Borders, column names, NULL. */
  readonly quiet: Paint;
  /** What stands for a character that cannot be printed. */
  readonly escape: Paint;
  /** Between an old value and the new one, with a space on both sides. */
  readonly arrow: Painted;
  /** The same, if the old value was seen earlier and not sent. */
  readonly seenArrow: Painted;
  readonly glyphs: Glyphs;
}

/** What tables are drawn with. */
export interface Glyphs {
  /** A transaction's first row, its others, and its last one. */
  readonly first: string;
  readonly bar: string;
  readonly last: string;
  readonly branch: string;
  readonly rule: string;
  readonly heavyBar: string;
  readonly arrow: string;
  readonly seenArrow: string;
  readonly ellipsis: string;
  readonly dot: string;
  /** Millionths. */
  readonly micro: string;
  readonly truncate: string;
  readonly message: string;
  readonly sequence: string;
  readonly alter: string;
  readonly done: string;
  readonly failed: string;
  /** Marks of what was checked. */
  readonly ok: string;
  readonly fault: string;
  /** What a share is drawn with: parts of a cell, the whole one last. */
  readonly share: readonly string[];
  /** Corners of a box, and frames of tables where they are not cli-table3's own. */
  readonly box: Frame;
  readonly frame: Frame;
}

/** By cli-table3's names. */
type Frame = Readonly<Record<string, string>>;

const UNICODE: Glyphs = {
  first: "┌",
  bar: "│",
  last: "└",
  branch: "├",
  rule: "─",
  heavyBar: "┃",
  arrow: "→",
  seenArrow: "⇢",
  ellipsis: "…",
  dot: "·",
  micro: "µ",
  truncate: "×",
  message: "»",
  sequence: "#",
  alter: "±",
  done: "✔",
  failed: "✘",
  ok: "✓",
  fault: "✗",
  share: ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
  box: { "top-left": "╭", "top-right": "╮", "bottom-left": "╰", "bottom-right": "╯" },
  frame: {},
};

const ASCII_FRAME: Frame = {
  top: "-",
  "top-mid": "+",
  "top-left": "+",
  "top-right": "+",
  bottom: "-",
  "bottom-mid": "+",
  "bottom-left": "+",
  "bottom-right": "+",
  mid: "-",
  "mid-mid": "+",
  "left-mid": "+",
  "right-mid": "+",
  left: "|",
  right: "|",
  middle: "|",
};

/** For a locale that is not UTF-8. */
const ASCII: Glyphs = {
  first: "/",
  bar: "|",
  last: "\\",
  branch: "|",
  rule: "-",
  heavyBar: "#",
  arrow: "->",
  seenArrow: "~>",
  ellipsis: "...",
  dot: ",",
  micro: "u",
  truncate: "x",
  message: ">",
  sequence: "#",
  alter: "*",
  done: "=",
  failed: "!",
  ok: " ",
  fault: "x",
  share: ["#"],
  box: ASCII_FRAME,
  frame: ASCII_FRAME,
};

/**
 * These are from the 256 colours, which no theme changes. They are readable on the backgrounds white, black, VS Code's
 * and Solarized's (contrast at least 3.2 to 1 by WCAG; a test computes it). Of the sixteen colours that themes choose,
 * yellow, cyan and green are unreadable on white, blue on black, and `dim` on both.
 */
const GREEN = 64;
const BLUE = 32;
const RED = 196;
const MAGENTA = 164;
const TEAL = 30;
const AMBER = 166;
const GREY = 244;

export const COLORS: readonly number[] = [GREEN, BLUE, RED, MAGENTA, TEAL, AMBER, GREY];

export interface Look {
  readonly color: boolean;
  /** Draws with ASCII only. */
  readonly ascii?: boolean;
}

export function createPalette({ color, ascii = false }: Look): Palette {
  const chalk = new Chalk({ level: color ? 2 : 0 });
  const shade = (code: number): Paint => chalk.ansi256(code);
  const bold = (code: number): Paint => chalk.bold.ansi256(code);
  const glyphs = ascii ? ASCII : UNICODE;
  return {
    insert: bold(GREEN),
    update: bold(BLUE),
    delete: bold(RED),
    truncate: bold(MAGENTA),
    message: bold(TEAL),
    sequence: bold(AMBER),
    unknown: chalk.inverse.bold,
    committed: shade(GREEN),
    pending: shade(AMBER),
    aborted: shade(RED),
    table: chalk.bold,
    key: chalk.bold,
    oldValue: shade(RED),
    newValue: shade(GREEN),
    strong: chalk.bold,
    quiet: shade(GREY),
    arrow: painted(` ${glyphs.arrow} `, shade(GREY)),
    seenArrow: painted(` ${glyphs.seenArrow} `, shade(GREY)),
    escape: shade(MAGENTA),
    glyphs,
  };
}
