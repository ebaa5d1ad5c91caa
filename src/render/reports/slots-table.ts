import { formatByteCount } from "../../byte-count.ts";
import { shortenName } from "../cells/names.ts";
import { type GridOptions, drawGrid } from "../terminal/grid.ts";
import { type Look, type Paint, type Palette, createPalette } from "../terminal/painted.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";
import {
  type SlotReport,
  groupFaults,
  isLostSoon,
  isConflictDetection,
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

const ALL: readonly Fact[] = [
  DATABASE,
  PLUGIN,
  STATE,
  USER,
  SINCE,
  KEPT,
  SAFE,
  LAG,
  PACE,
  FORECAST,
  OPTIONS,
];
/** What the table leaves out, in this order, before a slot takes more than a line. */
const LEFT_OUT: readonly Fact[] = [OPTIONS, PLUGIN, SINCE, DATABASE];
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
  const table = (count: number): string => drawSlots(all.slice(0, count), width, palette);
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

function drawSlots(slots: readonly SlotReport[], width: number, palette: Palette): string {
  for (let count = 0; count <= LEFT_OUT.length; count++) {
    const facts = ALL.filter((fact) => !LEFT_OUT.slice(0, count).includes(fact));
    const { head, rows, right } = wideTable(slots, facts, palette);
    const widths = head.map((title, at) =>
      rows.reduce((most, row) => Math.max(most, visibleWidth(row[at] ?? "")), visibleWidth(title)),
    );
    // A cell has a frame and two spaces. To draw what does not fit takes seconds for thousands of slots.
    const needed = widths.reduce((sum, each) => sum + each + 3, 1);
    if (needed <= width) return drawGrid({ palette, head, rows, right });
  }
  return slots.flatMap((slot) => blockOf(slot, width, palette)).join("");
}

/** A slot in a narrow terminal: a line or two in 80 columns. */
function blockOf(slot: SlotReport, width: number, palette: Palette): readonly string[] {
  const room = Math.max(width - 2, 1);
  const facts = [
    STATE,
    USER,
    KEPT,
    SAFE,
    LAG,
    PACE,
    FORECAST,
    SINCE,
    PLUGIN,
    DATABASE,
    OPTIONS,
  ].map((fact) => {
    const text = fact.text(slot);
    if (text === "" || fact.right !== true)
      return fact === SINCE && text ? `idle since ${text}Z` : text;
    return `${fact.head} ${text}`;
  });
  const name = pieces(sanitizeLine(slot.slot), room);
  const named = name.length - 1;
  const lines = facts.filter(Boolean).reduce<string[]>(
    (done, fact, at) => {
      const last = done.at(-1) ?? "";
      const longer = `${last}${at === 0 ? ": " : ", "}${fact}`;
      if (visibleWidth(longer) > room) done.push(...pieces(fact, room));
      else done[done.length - 1] = longer;
      return done;
    },
    [...name],
  );
  const status = outlookOf(slot);
  const sign = paintOf(status, palette)(signsOf(palette)[status]);
  return lines.map((line, at) => {
    const strong = at <= named ? (name[at] ?? "") : "";
    return `${at === 0 ? sign : " "} ${palette.strong(strong)}${line.slice(strong.length)}\n`;
  });
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

function wideTable(
  slots: readonly SlotReport[],
  all: readonly Fact[],
  palette: Palette,
): Required<Pick<GridOptions, "head" | "rows" | "right">> {
  const facts = all.filter((fact) => slots.some((slot) => fact.text(slot) !== ""));
  return {
    head: ["slot", ...facts.map(({ head }) => head)].map((title) => palette.quiet(title)),
    rows: slots.map((slot) => [
      palette.strong(sanitizeLine(slot.slot)),
      ...facts.map((fact) => (fact === STATE ? stateCell(slot, palette) : fact.text(slot))),
    ]),
    right: [false, ...facts.map(({ right }) => right === true)],
  };
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
  const needsNone = state === "lost" || isSynchronized(slot) || isConflictDetection(slot);
  if (!active) return needsNone ? "" : "no reader";
  return [pid === null ? "" : `pid ${pid}`, sanitizeLine(application ?? "")]
    .filter(Boolean)
    .join(" ");
}

function paceText({ pace, wal_status: state }: SlotReport): string {
  const rate = pace?.consumed_bytes_per_second ?? null;
  return rate === null || state === "lost" ? "" : `${formatByteCount(rate)}/s`;
}

function forecastOf({ pace, active, lag_bytes: lag, wal_status: state }: SlotReport): string {
  if (pace === undefined || state === "lost") return "";
  const { lost_in_seconds: lost, caught_up_in_seconds: caught } = pace;
  if (caught !== null && (lost === null || caught < lost)) {
    return `caught up in ${durationText(caught)}`;
  }
  if (lost !== null) return `lost in ${durationText(lost)}`;
  const { wal_bytes_per_second: wal, consumed_bytes_per_second: consumed } = pace;
  const isBehind = (lag ?? 0) > Math.max(active ? wal * BEHIND_SECONDS : 0, BEHIND_BYTES_MIN);
  return isBehind && (consumed ?? 0) < wal * KEEPS_UP_SHARE ? "falls behind" : "";
}

/** A reader confirms in steps: it falls behind only if it lacks this much WAL, and confirms clearly less than is written. */
const BEHIND_SECONDS = 10;
const BEHIND_BYTES_MIN = 128 * 1024;
const KEEPS_UP_SHARE = 0.95;

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
