import type { Check } from "../../reports.ts";
import { jsonLine } from "../bytes/json-line.ts";
import { createPalette, type Look } from "../terminal/painted.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";
import { wrapWords } from "../terminal/word-wrap.ts";

const WORDS = { ok: "ok", warning: "warning", fail: "FAIL" } as const;
const STATUS_WIDTH = 9;

export function renderCheckNdjson({ check, status, message, fix }: Check): string {
  return jsonLine({ check, status, message, fix });
}

export function renderCheckText(
  { check, status, message, fix }: Check,
  width: number,
  look: Look,
): string {
  const palette = createPalette(look);
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

const RANKS = ["fail", "warning", "ok"] as const;

/** The worst first. Where a window of so many rows has no room for all, what is in order takes a line together. */
export function renderChecks(
  checks: readonly Check[],
  width: number,
  look: Look,
  rows: number,
): string {
  const [failed, warned, sound] = RANKS.map((rank) =>
    checks.filter(({ status }) => status === rank),
  );
  const text = (list: readonly Check[] = []): string =>
    list.map((check) => renderCheckText(check, width, look)).join("");
  const totals = renderCheckTotals(checks.map(({ status }) => status));
  const faults = text(failed) + text(warned);
  const all = faults + text(sound) + totals;
  // The prompt takes one.
  if (all.split("\n").length <= rows) return all;
  return faults + soundText(sound ?? [], width, look) + totals;
}

function soundText(checks: readonly Check[], width: number, look: Look): string {
  if (checks.length === 0) return "";
  const palette = createPalette(look);
  const names = [...new Set(checks.map(({ check }) => check))].join(", ");
  const lines = wrapWords(names, width - STATUS_WIDTH);
  const heads = lines.map((_, at) => (at === 0 ? WORDS.ok : "").padEnd(STATUS_WIDTH));
  return lines.map((line, at) => `${palette.committed(heads[at] ?? "")}${line}\n`).join("");
}

/** The last line of the text form. */
function renderCheckTotals(statuses: ReadonlyArray<Check["status"]>): string {
  const count = (wanted: string): number => statuses.filter((status) => status === wanted).length;
  const [failed, warned] = [count("fail"), count("warning")];
  const checks = statuses.length === 1 ? "1 check" : `${statuses.length} checks`;
  return `\n${checks}, ${failed} failed, ${warned} ${warned === 1 ? "warning" : "warnings"}\n`;
}
