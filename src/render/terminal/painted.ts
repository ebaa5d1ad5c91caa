import { Chalk } from "chalk";
import { cutToWidth, textWidth } from "./text-width.ts";

/** Text as it goes to the terminal, and the columns that it takes there: colours take none. */
export interface Painted {
  readonly text: string;
  readonly width: number;
}

export type Paint = (text: string) => string;

export const NOTHING: Painted = { text: "", width: 0 };
export const SPACE: Painted = { text: " ", width: 1 };

/** `text` must be sanitized. */
export function painted(text: string, paint?: Paint): Painted {
  return { text: paint === undefined ? text : paint(text), width: textWidth(text) };
}

/** As much of `text` as fits, painted. */
export function paintedWithin(text: string, width: number, paint?: Paint): Painted {
  return painted(cutToWidth(text, width), paint);
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

/** What each colour says; never the colour alone: a word or a sign always says the same. */
export interface Palette {
  readonly insert: Paint;
  readonly update: Paint;
  readonly delete: Paint;
  readonly truncate: Paint;
  readonly message: Paint;
  readonly unknown: Paint;
  /** Committed for good. */
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
  /** Borders, column names, NULL: there when it is looked for. */
  readonly quiet: Paint;
}

/**
 * Of the 256 colours, whose shades are the same in every theme: those that can be read on the backgrounds in
 * use, white and black, VS Code's, Solarized's (at least 3.2 to 1 by WCAG; a test computes it). Of the sixteen that
 * themes choose, yellow, cyan and green cannot be read on a white background, nor blue on black; `dim` on neither.
 */
const GREEN = 64;
const BLUE = 32;
const RED = 196;
const MAGENTA = 164;
const TEAL = 30;
const AMBER = 166;
const GREY = 244;

export const COLORS: readonly number[] = [GREEN, BLUE, RED, MAGENTA, TEAL, AMBER, GREY];

export function createPalette(color: boolean): Palette {
  const chalk = new Chalk({ level: color ? 2 : 0 });
  const shade = (code: number): Paint => chalk.ansi256(code);
  const bold = (code: number): Paint => chalk.bold.ansi256(code);
  return {
    insert: bold(GREEN),
    update: bold(BLUE),
    delete: bold(RED),
    truncate: bold(MAGENTA),
    message: bold(TEAL),
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
  };
}
