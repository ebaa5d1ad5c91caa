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

/**
 * What each colour says. Only the sixteen colours that every terminal theme chooses for its own background,
 * never black, white or a background; and never the colour alone: a word or a sign always says the same.
 */
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

export function createPalette(color: boolean): Palette {
  const chalk = new Chalk({ level: color ? 1 : 0 });
  return {
    insert: chalk.green.bold,
    update: chalk.yellow.bold,
    delete: chalk.red.bold,
    truncate: chalk.magenta.bold,
    message: chalk.cyan.bold,
    unknown: chalk.inverse.bold,
    committed: chalk.green,
    pending: chalk.yellow,
    aborted: chalk.red,
    table: chalk.bold,
    key: chalk.bold,
    oldValue: chalk.red,
    newValue: chalk.green,
    strong: chalk.bold,
    quiet: chalk.dim,
  };
}
