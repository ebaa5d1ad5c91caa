import { textWidth } from "./text-width.ts";

// eslint-disable-next-line no-control-regex
const SGR = /\u001b\[[\d;]*m/g;

/** The width of a painted line in columns: colours take none. */
export function visibleWidth(line: string): number {
  return textWidth(line.replace(SGR, ""));
}
