import type { Check } from "../../reports.ts";
import { jsonLine } from "../bytes/json-line.ts";
import { createPalette } from "../terminal/painted.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";
import { wrapWords } from "../terminal/word-wrap.ts";

const WORDS = { ok: "ok", warning: "warning", fail: "FAIL" } as const;
const STATUS_WIDTH = 9;

/** One line of NDJSON. */
export function renderCheckNdjson({ check, status, message, fix }: Check): string {
  return jsonLine({ check, status, message, fix });
}

export function renderCheckText(
  { check, status, message, fix }: Check,
  width: number,
  color: boolean,
): string {
  const palette = createPalette(color);
  const paint = { ok: palette.committed, warning: palette.pending, fail: palette.aborted }[status];
  const [first = "", ...others] = wrapWords(
    `${check}: ${sanitizeLine(message)}`,
    width - STATUS_WIDTH,
  );
  const indent = " ".repeat(STATUS_WIDTH);
  const head =
    paint(WORDS[status].padEnd(STATUS_WIDTH)) + first.replace(check, palette.strong(check));
  const lines = [head, ...others.map((line) => indent + line)];
  if (fix !== null) lines.push(indent + sanitizeLine(fix));
  return `${lines.join("\n")}\n`;
}

/** The last line of the text form. */
export function renderCheckTotals(statuses: ReadonlyArray<Check["status"]>): string {
  const count = (wanted: string): number => statuses.filter((status) => status === wanted).length;
  const [failed, warned] = [count("fail"), count("warning")];
  const checks = statuses.length === 1 ? "1 check" : `${statuses.length} checks`;
  return `\n${checks}, ${failed} failed, ${warned} ${warned === 1 ? "warning" : "warnings"}\n`;
}
