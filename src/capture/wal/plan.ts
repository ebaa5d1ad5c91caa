/** Decides which files are read, and in which order. */
import { ExitCode, WalctlError, usageError } from "../../errors.ts";
import type { SegmentHeader, SegmentStart } from "../../postgres/pages/page.ts";
import { formatPosition } from "../../postgres/pages/position.ts";
import { type TimelineParent, addressOfName } from "../../postgres/pages/segments.ts";
import { formatMagic } from "../../postgres/pages/versions.ts";
import { ANY_TIMELINE } from "./log-parts.ts";
import type { SegmentFile } from "./segment-file.ts";

export interface PlannedSegment {
  readonly file: SegmentFile;
  readonly address: number;
  /** The highest timeline that its pages may have. */
  readonly timeline: number;
  /** Whether its first page has the expected address and timeline. */
  readonly valid: boolean;
}

export interface LogPlan {
  /** The header that all segments agree on; address and timeline are those of the first. */
  readonly header: SegmentHeader;
  readonly timeline: number;
  readonly segments: readonly PlannedSegment[];
  /** Files show that the log ends in the last segment: it is partial, or files made ahead or recycled follow it. */
  readonly endShown: boolean;
}

export interface PlanOptions {
  /** The parents of each timeline, oldest first; undefined if its file is not a valid history. */
  readonly histories: ReadonlyMap<number, readonly TimelineParent[] | undefined>;
  /** Undefined: the input has to have only one. */
  readonly timeline: number | "latest" | undefined;
}

/** Throws WalctlError if nothing can be read, or if the files belong to more than one log. */
export function planLog(files: readonly SegmentFile[], options: PlanOptions): LogPlan {
  const headers = files.flatMap(({ start }) => (start.kind === "segment" ? [start.header] : []));
  const [header] = headers;
  if (header === undefined) throw noSegment(files);
  refuseStrangers(files);
  refuseMixture(headers);
  const placed = files.map((file) => placeOf(file, header));
  if (!placed.some(({ valid }) => valid)) throw noWalYet(placed[0]!);
  const timeline = chooseTimeline(placed, header, options);
  const onTimeline = ofTimeline(placed, timeline, header, options);
  const all = bestOfEach(onTimeline);
  const segments = withoutTail(all);
  const endShown = all.length > segments.length || segments.at(-1)?.file.partial === true;
  return { header, timeline, segments, endShown };
}

/** The error when no segment's first page matches its name. */
function noWalYet({ file: { name, start }, address, timeline }: PlannedSegment): WalctlError {
  const own = start.kind === "segment" ? start.header : undefined;
  if (own === undefined) return startFault(name, start) ?? emptyFault(name);
  const place = own.address === address ? `timeline ${own.timeline}` : formatPosition(own.address);
  const expected = own.address === address ? `${timeline}` : formatPosition(address);
  return new WalctlError(
    `${name}: no WAL of its own: its first page is of ${place}, not ${expected}; the file was recycled`,
    {
      hint: "Give the segments before it too: the WAL ends in one of them.",
      exitCode: ExitCode.malformedInput,
    },
  );
}

function noSegment(files: readonly SegmentFile[]): WalctlError {
  const [first] = files;
  if (first === undefined) throw new Error("a plan needs files");
  return first.damage ?? startFault(first.name, first.start) ?? emptyFault(first.name);
}

function emptyFault(name: string): WalctlError {
  return new WalctlError(`${name}: no WAL was written to it: its first page is empty`, {
    hint: "Give the segments before it: the server made this one ahead.",
    exitCode: ExitCode.malformedInput,
  });
}

/** Undefined for a segment or an empty file. */
export function startFault(name: string, start: SegmentStart): WalctlError | undefined {
  const exitCode = ExitCode.malformedInput;
  switch (start.kind) {
    case "segment":
    case "empty":
      return undefined;
    case "version": {
      const magic = formatMagic(start.magic);
      return new WalctlError(`${name}: segment of PostgreSQL with page magic ${magic}: not known`, {
        hint: `walctl reads PostgreSQL 14 to 19; that version's own pg_waldump reads it: pg_waldump ${name}`,
        exitCode,
      });
    }
    case "foreign":
      return new WalctlError(`${name}: ${start.what}: not supported`, {
        hint: `The server's own pg_waldump reads it: pg_waldump ${name}`,
        exitCode,
      });
    case "other":
      return new WalctlError(`${name}: no page header: encrypted, or no WAL`, {
        hint: "If it is a segment, its first page is damaged: give another copy of it, or the segments beside it. If it is a capture, decode-file reads it: walctl decode-file FILE",
        exitCode,
      });
  }
}

/**
 * A file with another name is recognised only by its first page, so that page has to be valid; a file with a segment's
 * name may have a damaged one.
 */
function refuseStrangers(files: readonly SegmentFile[]): void {
  for (const { name, named, start, damage } of files) {
    if (named !== undefined) continue;
    const fault = damage ?? startFault(name, start);
    if (fault !== undefined) throw fault;
    if (start.kind === "empty") throw emptyFault(name);
  }
}

function refuseMixture(headers: readonly SegmentHeader[]): void {
  const [first] = headers;
  const other = headers.find((header) => header.systemIdentifier !== first?.systemIdentifier);
  if (first !== undefined && other !== undefined) throw differentSystems(first, other);
  const sizes = [...new Set(headers.map(({ segmentBytes }) => segmentBytes))];
  if (sizes.length > 1) {
    throw usageError(`the segments have different sizes: ${sizes.join(" and ")} bytes`);
  }
}

export function differentSystems(a: SegmentHeader, b: SegmentHeader): WalctlError {
  return usageError(
    `the segments are of different systems: ${a.systemIdentifier} and ${b.systemIdentifier}`,
    "Give the segments of one system; pg_controldata prints its identifier.",
  );
}

function placeOf(file: SegmentFile, { segmentBytes, magic }: SegmentHeader): PlannedSegment {
  const { named, start, name } = file;
  const own = start.kind === "segment" ? start.header : undefined;
  const address = named === undefined ? own?.address : addressOfName(named, segmentBytes);
  if (address === undefined) {
    throw usageError(`${name}: no segment has that name where segments have ${segmentBytes} bytes`);
  }
  const timeline = named?.timeline ?? ANY_TIMELINE;
  const agrees = own !== undefined && own.address === address && own.magic === magic;
  return { file, address, timeline, valid: agrees && own.timeline <= timeline };
}

/** The timeline in the file's name, otherwise that of its first page. */
function timelineOf({ file, timeline }: PlannedSegment): number {
  return timeline === ANY_TIMELINE && file.start.kind === "segment"
    ? file.start.header.timeline
    : timeline;
}

function chooseTimeline(
  placed: readonly PlannedSegment[],
  { segmentBytes }: SegmentHeader,
  { timeline }: PlanOptions,
): number {
  const valid = placed.filter((segment) => segment.valid);
  const there = [...new Set(valid.map(timelineOf))].toSorted((a, b) => a - b);
  const latest = there.at(-1) ?? 0;
  if (timeline === "latest") return latest;
  const ranges = there.map((each) => {
    const addresses = valid.filter((segment) => timelineOf(segment) === each).map(addressOf);
    const from = formatPosition(Math.min(...addresses));
    return `${each}: ${from} to ${formatPosition(Math.max(...addresses) + segmentBytes)}`;
  });
  if (timeline === undefined) {
    if (there.length === 1) return latest;
    throw new WalctlError(`the input holds ${there.length} timelines`, {
      detail: `They are ${ranges.join("; ")}.`,
      hint: "Choose one: --timeline N, or --timeline latest.",
      exitCode: ExitCode.usage,
    });
  }
  if (there.includes(timeline)) return timeline;
  throw new WalctlError(`the input does not hold timeline ${timeline}`, {
    detail: `It holds ${ranges.join("; ")}.`,
    hint: `Add the segments of timeline ${timeline}, or choose one of these.`,
    exitCode: ExitCode.usage,
  });
}

function addressOf({ address }: PlannedSegment): number {
  return address;
}

/** For each position in the log, selects the file of the timeline that the log was on there. */
function ofTimeline(
  placed: readonly PlannedSegment[],
  timeline: number,
  { segmentBytes }: SegmentHeader,
  { histories }: PlanOptions,
): readonly PlannedSegment[] {
  const others = placed.some((segment) => segment.valid && timelineOf(segment) !== timeline);
  if (!others) return placed.filter((segment) => timelineOf(segment) === timeline);
  const parents = timeline === 1 ? [] : histories.get(timeline);
  if (parents === undefined) {
    const history = `${timeline.toString(16).toUpperCase().padStart(8, "0")}.history`;
    if (histories.has(timeline)) throw usageError(`${history}: not a timeline's history`);
    throw usageError(
      `${history} is not beside the segments: where timeline ${timeline} left the one before is not known`,
      "Add it, or give the segments of one timeline only.",
    );
  }
  // A timeline begins where the log left its parent.
  const path = parents.map((parent, index) => {
    return { timeline: parent.timeline, begin: parents[index - 1]?.switchedAt ?? 0 };
  });
  path.push({ timeline, begin: parents.at(-1)?.switchedAt ?? 0 });
  return placed.filter((segment) => {
    const end = segment.address + segmentBytes;
    return path.findLast(({ begin }) => begin < end)?.timeline === timelineOf(segment);
  });
}

/** Lower is better: a valid first page, then not compressed, then complete. */
function rank({ valid, file }: PlannedSegment): number {
  return (valid ? 0 : 4) + (file.compressed ? 2 : 0) + (file.partial ? 1 : 0);
}

function bestOfEach(segments: readonly PlannedSegment[]): readonly PlannedSegment[] {
  const best = new Map<number, PlannedSegment>();
  for (const segment of segments) {
    const known = best.get(segment.address);
    if (known === undefined || rank(segment) < rank(known)) best.set(segment.address, segment);
  }
  return [...best.values()].toSorted((a, b) => a.address - b.address);
}

/** Leaves out files behind the end, which the server made ahead or recycled. */
function withoutTail(segments: readonly PlannedSegment[]): readonly PlannedSegment[] {
  const last = segments.findLastIndex(
    ({ valid, file }) => valid || (file.start.kind !== "empty" && file.start.kind !== "segment"),
  );
  return segments.slice(0, last + 1);
}
