import { formatByteCount } from "../../byte-count.ts";
import { shortenName } from "../cells/names.ts";
import { drawGrid } from "../terminal/grid.ts";
import { type Look, type Paint, type Palette, createPalette } from "../terminal/painted.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";
import {
  type SlotReport,
  groupFaults,
  isLostSoon,
  isSynchronized,
  outlookOf,
} from "../../reports.ts";
import { stateOf } from "./slots.ts";
import { cutToWidth, startWithin, textWidth } from "../terminal/text-width.ts";
import { visibleWidth } from "../terminal/visible-width.ts";
import { wrapWords } from "../terminal/word-wrap.ts";

interface Fact {
  readonly head: string;
  /** Empty if it does not apply to the slot. */
  readonly text: (slot: SlotReport) => string;
  readonly right?: boolean;
}

const bytes = (count: number | null): string => (count === null ? "" : formatByteCount(count));

const DATABASE: Fact = { head: "database", text: (slot) => sanitizeLine(slot.database ?? "") };
const PLUGIN: Fact = {
  head: "plugin",
  text: (slot) => sanitizeLine(slot.plugin ?? "") || slot.type,
};
const STATE: Fact = { head: "wal status", text: stateOf };
const USER: Fact = {
  head: "in use by",
  text: userOf,
};
const SINCE: Fact = {
  head: "inactive since (UTC)",
  text: ({ inactive_since: since }) => since?.slice(0, 19).replace("T", " ") ?? "",
};
const KEPT: Fact = { head: "retained", text: (slot) => bytes(slot.retained_bytes), right: true };
const SAFE: Fact = { head: "safe", text: safeText, right: true };
const LAG: Fact = { head: "lag", text: (slot) => bytes(slot.lag_bytes), right: true };
const PACE: Fact = { head: "read", text: paceText, right: true };
const FORECAST: Fact = { head: "forecast", text: forecastOf };
const OPTIONS: Fact = { head: "options", text: (slot) => optionsOf(slot).join(", ") };

/** One line per slot if the width allows, otherwise several lines with the facts in groups. */
const ALL: readonly Fact[] = [
  ...[DATABASE, PLUGIN, STATE, USER, SINCE, KEPT, SAFE, LAG, PACE, FORECAST, OPTIONS],
];
/** What a watched table leaves out, in this order, before a slot takes more than a line. */
const LEFT_OUT: readonly Fact[] = [OPTIONS, PLUGIN, SINCE, DATABASE];
/** With these limits the table of several lines per slot fits 80 columns. */
const NAME_WIDTH_MAX = 20;
const STATE_WIDTH_MAX = 31;
const SHORT_NAME_WIDTH = 12;
/** Commands for faults of one kind. */
const FIXES_MAX = 3;

/**
 * The slots, the worst first, and below them their faults, with commands to paste: as a table, or where that is too wide
 * as blocks of lines.
 * @param fits on a screen that is redrawn: whether there is room for so much; where there is none, the first ones, and
 *   how many more there are
 */
export function renderSlotsTable(
  all: readonly SlotReport[],
  width: number,
  look: Look,
  fits?: (text: string) => boolean,
): string {
  if (all.length === 0) return "The server has no slots.\n";
  const palette = createPalette(look);
  const leftOut = fits === undefined ? [] : LEFT_OUT;
  const table = (count: number): string => drawSlots(all.slice(0, count), width, palette, leftOut);
  const lines = Array.from(all, (slot) => briefLine(slot, width, palette));
  const brief = (count: number): string => lines.slice(0, count).join("");
  const rest = (count: number): string => restText(all.slice(count), width);
  const faults = (count: number): string => renderFaults(all.slice(0, count), width, palette);
  const whole = table(all.length) + faults(all.length);
  if (fits === undefined || fits(whole)) return whole;
  // Each takes a line at least.
  let most = all.length;
  while (most > 0 && !fits(brief(most))) most -= 1;
  for (const withFaults of [true, false]) {
    for (let count = most; count > 0; count--) {
      const below = rest(count) + (withFaults ? faults(count) : "");
      const found = [table(count) + below, brief(count) + below].find(fits);
      if (found !== undefined) return found;
    }
  }
  return restText(all, width);
}

function drawSlots(
  slots: readonly SlotReport[],
  width: number,
  palette: Palette,
  leftOut: readonly Fact[],
): string {
  const isWithin = (text: string): boolean =>
    text.split("\n").every((line) => visibleWidth(line) <= width);
  for (let count = 0; count <= leftOut.length; count++) {
    const facts = ALL.filter((fact) => !leftOut.slice(0, count).includes(fact));
    const wide = wideTable(slots, facts, palette);
    if (isWithin(wide)) return wide;
  }
  const stacked = stackedTable(slots, palette);
  if (isWithin(stacked)) return stacked;
  return slots.flatMap((slot) => blockOf(slot, width, palette)).join("");
}

/** A slot in a narrow terminal. */
function blockOf(slot: SlotReport, width: number, palette: Palette): readonly string[] {
  const room = Math.max(width - 2, 1);
  const state = stateText(slot, palette);
  const facts = [USER, SINCE, KEPT, SAFE, LAG, PACE, FORECAST, PLUGIN, DATABASE, OPTIONS].map(
    (fact) => {
      const text = fact.text(slot);
      if (text === "" || fact.right !== true)
        return fact === SINCE && text ? `idle since ${text}Z` : text;
      return `${fact.head} ${text}`;
    },
  );
  const name = pieces(sanitizeLine(slot.slot), width).map((piece) => palette.strong(piece));
  const lines = [state, ...facts.filter(Boolean)].reduce<string[]>((done, fact) => {
    const last = done.at(-1);
    const longer = last === undefined ? fact : `${last}, ${fact}`;
    if (last === undefined || visibleWidth(longer) > room) done.push(...pieces(fact, room));
    else done[done.length - 1] = longer;
    return done;
  }, []);
  const [first = "", ...others] = lines;
  const paint = paintOf(outlookOf(slot), palette);
  const painted = paint(first.slice(0, state.length)) + first.slice(state.length);
  return [...name, ...[painted, ...others].map((line) => `  ${line}`)].map((line) => `${line}\n`);
}

/** All that there is room for in a small window. */
function briefLine(slot: SlotReport, width: number, palette: Palette): string {
  const { ellipsis } = palette.glyphs;
  const facts = [stateOf(slot), KEPT.text(slot), FORECAST.text(slot)].filter(Boolean);
  const rest = facts.map((fact) => `  ${fact}`).join("");
  const room = Math.max(width - 2 - textWidth(rest), SHORT_NAME_WIDTH);
  const name = shortenName(sanitizeLine(slot.slot), room, ellipsis);
  const text = cutToWidth(name + rest, Math.max(width - 2, 1), ellipsis);
  const status = outlookOf(slot);
  return `${paintOf(status, palette)(signsOf(palette)[status])} ${text}\n`;
}

/** `and 12 more slots: 1 with a warning` */
function restText(rest: readonly SlotReport[], width: number): string {
  if (rest.length === 0) return "";
  const failed = rest.filter(({ status }) => status === "fail").length;
  const soon = rest.filter((slot) => slot.status !== "fail" && isLostSoon(slot)).length;
  const warned = rest.filter((slot) => slot.status === "warning" && !isLostSoon(slot)).length;
  const faults = [
    failed === 0 ? "" : `${failed} at fault`,
    soon === 0 ? "" : `${soon} lost within the hour`,
    warned === 0 ? "" : `${warned} with a warning`,
  ].filter(Boolean);
  const which = faults.length === 0 ? "none at fault" : faults.join(", ");
  const text = `and ${rest.length} more ${rest.length === 1 ? "slot" : "slots"}: ${which}`;
  return wrapWords(text, width).join("\n") + "\n";
}

function wideTable(slots: readonly SlotReport[], all: readonly Fact[], palette: Palette): string {
  const facts = all.filter((fact) => slots.some((slot) => fact.text(slot) !== ""));
  return drawGrid({
    palette,
    head: ["slot", ...facts.map(({ head }) => head)].map((title) => palette.quiet(title)),
    rows: slots.map((slot) => [
      palette.strong(sanitizeLine(slot.slot)),
      ...facts.map((fact) => (fact === STATE ? stateCell(slot, palette) : fact.text(slot))),
    ]),
    right: [false, ...facts.map(({ right }) => right === true)],
  });
}

function stackedTable(slots: readonly SlotReport[], palette: Palette): string {
  return drawGrid({
    palette,
    head: ["slot", "state", "WAL"].map((title) => palette.quiet(title)),
    rows: slots.map((slot) => stackedCells(slot, palette).map((lines) => lines.join("\n"))),
    ruled: true,
  });
}

function stackedCells(slot: SlotReport, palette: Palette): ReadonlyArray<readonly string[]> {
  const name = pieces(sanitizeLine(slot.slot), NAME_WIDTH_MAX).map((piece) =>
    palette.strong(piece),
  );
  const about = [PLUGIN, DATABASE, OPTIONS].flatMap((fact) =>
    pieces(fact.text(slot), NAME_WIDTH_MAX),
  );
  const use = [USER.text(slot), SINCE.text(slot) && `idle since ${SINCE.text(slot)}Z`];
  const wal = [KEPT, SAFE, LAG, PACE]
    .map((fact) => [fact.head, fact.text(slot)] as const)
    .filter(([, text]) => text !== "")
    .map(([head, text]) => `${palette.quiet(head.padEnd(8))} ${text}`);
  if (FORECAST.text(slot) !== "") use.push(FORECAST.text(slot));
  return [
    [...name, ...about],
    [stateCell(slot, palette), ...use.flatMap((text) => pieces(text, STATE_WIDTH_MAX))],
    wal,
  ];
}

function signsOf({ glyphs }: Palette): Readonly<Record<SlotReport["status"], string>> {
  return { ok: glyphs.ok, warning: "!", fail: glyphs.fault };
}

function paintOf(status: SlotReport["status"], palette: Palette): Paint {
  if (status === "fail") return palette.aborted;
  return status === "warning" ? palette.pending : palette.committed;
}

function stateText(slot: SlotReport, palette: Palette): string {
  return `${signsOf(palette)[outlookOf(slot)]} ${stateOf(slot)}`;
}

function stateCell(slot: SlotReport, palette: Palette): string {
  return paintOf(outlookOf(slot), palette)(stateText(slot, palette));
}

/** However small the lag is: nobody brings it down. */
function userOf(slot: SlotReport): string {
  const { active, active_pid: pid, application, wal_status: state } = slot;
  if (!active) return state === "lost" || isSynchronized(slot) ? "" : "no reader";
  return [pid === null ? "" : `pid ${pid}`, sanitizeLine(application ?? "")]
    .filter(Boolean)
    .join(" ");
}

function paceText({ pace, wal_status: state }: SlotReport): string {
  const rate = pace?.consumed_bytes_per_second ?? null;
  return rate === null || state === "lost" ? "" : `${formatByteCount(rate)}/s`;
}

function forecastOf({ pace, lag_bytes: lag, wal_status: state }: SlotReport): string {
  if (pace === undefined || state === "lost") return "";
  const { lost_in_seconds: lost, caught_up_in_seconds: caught } = pace;
  if (caught !== null && (lost === null || caught < lost)) {
    return `caught up in ${durationText(caught)}`;
  }
  if (lost !== null) return `lost in ${durationText(lost)}`;
  const consumed = pace.consumed_bytes_per_second ?? 0;
  return (lag ?? 0) > 0 && consumed < pace.wal_bytes_per_second ? "falls behind" : "";
}

/** In the unit that leaves two digits or so. */
function durationText(seconds: number): string {
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

function safeText({ safe_bytes: safe, wal_status: state }: SlotReport): string {
  if (state === null || state === "lost") return "";
  return safe === null ? "no limit" : bytes(Math.max(safe, 0));
}

function optionsOf(slot: SlotReport): readonly string[] {
  return [
    ...(slot.temporary ? ["temporary"] : []),
    ...(slot.two_phase ? ["two-phase"] : []),
    ...(slot.failover === true ? ["failover"] : []),
    ...(slot.synced === true ? ["synced"] : []),
  ];
}

/** Commands are not wrapped, so that they can be pasted. */
function renderFaults(slots: readonly SlotReport[], width: number, palette: Palette): string {
  const lines = groupFaults(slots).flatMap(({ slots: names, severity, message, fixes }) => {
    const name = sanitizeLine(names.join(", "));
    const each = names.length === 1 ? "" : "each ";
    const text = `${name}: ${each}${sanitizeLine(message)}`;
    const [first = "", ...others] = wrapWords(text, width - 2);
    const commands = fixes.slice(0, FIXES_MAX).map(sanitizeLine);
    const more = fixes.length - commands.length;
    if (more > 0)
      commands.push(`${palette.glyphs.ellipsis} and ${more} more: walctl slots -F ndjson has them`);
    return [
      `${paintOf(severity, palette)(signsOf(palette)[severity])} ${first.replace(name, () => palette.strong(name))}`,
      ...[...others, ...commands].map((line) => `  ${line}`),
    ];
  });
  return lines.map((line) => `${line}\n`).join("");
}

function pieces(text: string, width: number): string[] {
  const found: string[] = [];
  for (let rest = text; rest !== "";) {
    const piece = startWithin(rest, width);
    found.push(piece);
    rest = rest.slice(piece.length);
  }
  return found;
}
