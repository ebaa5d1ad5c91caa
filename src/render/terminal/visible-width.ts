import { textWidth } from "./text-width.ts";

// eslint-disable-next-line no-control-regex
const SGR = /\u001b\[[\d;]*m/g;

/** The width of a painted line in columns: colours take none. */
export function visibleWidth(line: string): number {
  return textWidth(line.replace(SGR, ""));
}

/** The lines of a terminal that a text takes, which wraps what is wider. The end of its last line counts as none. */
export function heightOf(text: string, columns: number): number {
  const lines = text.replace(/\n$/, "").split("\n");
  return lines.reduce(
    (rows, line) => rows + Math.max(1, Math.ceil(visibleWidth(line) / columns)),
    0,
  );
}
