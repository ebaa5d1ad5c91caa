import type { Check } from "../../reports.ts";
import { jsonLine } from "../bytes/json-line.ts";
import { createPalette, type Look, type Paint, type Palette } from "../terminal/painted.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";
import { cutToWidth } from "../terminal/text-width.ts";
import { wrapWords } from "../terminal/word-wrap.ts";

const WORDS = { ok: "ok", unknown: "unknown", warning: "warning", fail: "FAIL" } as const;
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
  const [first = "", ...others] = wrapWords(
    `${check}: ${sanitizeLine(message)}`,
    width - STATUS_WIDTH,
  );
  const indent = " ".repeat(STATUS_WIDTH);
  const head =
    paintOf(status, palette)(WORDS[status].padEnd(STATUS_WIDTH)) +
    first.replace(check, palette.strong(check));
  const lines = [head, ...others.map((line) => indent + line)];
  if (fix !== null) lines.push(indent + sanitizeLine(fix));
  return `${lines.join("\n")}\n`;
}

function paintOf(status: Check["status"], palette: Palette): Paint {
  const { committed: ok, quiet: unknown, pending: warned, aborted: fail } = palette;
  return { ok, unknown, warning: warned, fail }[status];
}

const RANKS = ["fail", "warning", "unknown", "ok"] as const;

/** The worst first. */
export function byStatus(checks: readonly Check[]): readonly Check[] {
  return checks.toSorted((a, b) => RANKS.indexOf(a.status) - RANKS.indexOf(b.status));
}

/**
 * The worst first. Where there is no room for all, what is in order and what is not known take a line each, and then the last faults a
 * line each.
 * @param fits whether there is room for so much
 */
export function renderChecks(
  checks: readonly Check[],
  width: number,
  look: Look,
  fits: (text: string) => boolean = () => true,
): string {
  const text = (list: readonly Check[]): string =>
    list.map((check) => renderCheckText(check, width, look)).join("");
  const totals = renderCheckTotals(checks.map(({ status }) => status));
  const ordered = byStatus(checks);
  const all = text(ordered) + totals;
  if (fits(all)) return all;
  const faults = ordered.filter(({ status }) => status === "fail" || status === "warning");
  const end =
    namesText("unknown", ordered, width, look) + namesText("ok", ordered, width, look) + totals;
  const folded = text(faults) + end;
  if (fits(folded)) return folded;
  const briefs = faults.map((check) => briefText(check, width, look));
  const more = "Cut to the window's size; with -F table | less it is whole.\n";
  const partly = (whole: number): string =>
    text(faults.slice(0, whole)) + briefs.slice(whole).join("") + end + more;
  const whole = faults.findLastIndex((_, count) => fits(partly(count)));
  return partly(Math.max(whole, 0));
}

function briefText({ check, status, message }: Check, width: number, look: Look): string {
  const palette = createPalette(look);
  const room = Math.max(width - STATUS_WIDTH, 1);
  const text = cutToWidth(`${check}: ${sanitizeLine(message)}`, room, palette.glyphs.ellipsis);
  const head = paintOf(status, palette)(WORDS[status].padEnd(STATUS_WIDTH));
  return `${head}${text.replace(check, palette.strong(check))}\n`;
}

function namesText(
  wanted: Check["status"],
  checks: readonly Check[],
  width: number,
  look: Look,
): string {
  const names = new Set(checks.flatMap(({ check, status }) => (status === wanted ? [check] : [])));
  if (names.size === 0) return "";
  const paint = paintOf(wanted, createPalette(look));
  const lines = wrapWords([...names].join(", "), width - STATUS_WIDTH);
  const heads = lines.map((_, at) => (at === 0 ? WORDS[wanted] : "").padEnd(STATUS_WIDTH));
  return lines.map((line, at) => `${paint(heads[at] ?? "")}${line}\n`).join("");
}

/** The last line of the text form. */
function renderCheckTotals(statuses: ReadonlyArray<Check["status"]>): string {
  const count = (wanted: string): number => statuses.filter((status) => status === wanted).length;
  const [failed, warned, unknown] = [count("fail"), count("warning"), count("unknown")];
  const checks = statuses.length === 1 ? "1 check" : `${statuses.length} checks`;
  const warnings = `${warned} ${warned === 1 ? "warning" : "warnings"}`;
  const more = unknown === 0 ? "" : `, ${unknown} not known`;
  return `\n${checks}, ${failed} failed, ${warnings}${more}\n`;
}
