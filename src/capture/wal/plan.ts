/** Which files are read, and in which order. */
import { ExitCode, WalctlError, usageError } from "../../errors.ts";
import type { SegmentHeader, SegmentStart } from "../../wal/pages/page.ts";
import { formatPosition } from "../../wal/pages/position.ts";
import { type TimelineParent, addressOfName } from "../../wal/pages/segments.ts";
import { formatMagic } from "../../wal/pages/versions.ts";
import type { SegmentFile } from "./segment-file.ts";

export interface PlannedSegment {
  readonly file: SegmentFile;
  readonly address: number;
  /** The highest that its pages may be of. */
  readonly timeline: number;
  /** Whether its first page is what it should be. */
  readonly valid: boolean;
}

export interface LogPlan {
  /** What all of them agree on; address and timeline are the first one's. */
  readonly header: SegmentHeader;
  readonly timeline: number;
  readonly segments: readonly PlannedSegment[];
  /** Whether files show that the log ends in the last segment: one that is partial, or made ahead or recycled behind it. */
  readonly endShown: boolean;
}

export interface PlanOptions {
  /** By timeline, its parents, oldest first; undefined: its file is not a history. */
  readonly histories: ReadonlyMap<number, readonly TimelineParent[] | undefined>;
  /** Undefined: the only one that there is. */
  readonly timeline: number | "latest" | undefined;
}

/** A file called otherwise may be of any timeline. */
const ANY_TIMELINE = 0xffff_ffff;

/** Throws WalctlError where nothing can be read, or more than one log is there. */
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

/** The first page of none is what its name says. */
function noWalYet({ file: { name, start }, address, timeline }: PlannedSegment): WalctlError {
  const own = start.kind === "segment" ? start.header : undefined;
  if (own === undefined) return startFault(name, start) ?? emptyFault(name);
  const place = own.address === address ? `timeline ${own.timeline}` : formatPosition(own.address);
  const expected = own.address === address ? `${timeline}` : formatPosition(address);
  return new WalctlError(
    `${name}: no WAL of its own: its first page is of ${place}, not ${expected}; the file was recycled`,
    { exitCode: ExitCode.malformedInput },
  );
}

function noSegment(files: readonly SegmentFile[]): WalctlError {
  const [first] = files;
  if (first === undefined) throw new Error("a plan needs files");
  return first.damage ?? startFault(first.name, first.start) ?? emptyFault(first.name);
}

function emptyFault(name: string): WalctlError {
  return new WalctlError(`${name}: no WAL was written to it: its first page is empty`, {
    exitCode: ExitCode.malformedInput,
  });
}

/** Undefined: a segment, or an empty file. */
export function startFault(name: string, start: SegmentStart): WalctlError | undefined {
  const exitCode = ExitCode.malformedInput;
  switch (start.kind) {
    case "segment":
    case "empty":
      return undefined;
    case "version": {
      const magic = formatMagic(start.magic);
      return new WalctlError(`${name}: segment of PostgreSQL with page magic ${magic}: not known`, {
        hint: `walctl reads PostgreSQL 14 to 18; that version's own pg_waldump reads it: pg_waldump ${name}`,
        exitCode,
      });
    }
    case "foreign":
      return new WalctlError(`${name}: ${start.what}: not supported`, { exitCode });
    case "other":
      return new WalctlError(`${name}: no page header: encrypted, or no WAL`, { exitCode });
  }
}

/** One that is not called as a segment is read only for its first page; the first page of another may be damaged. */
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

/** The timeline that a file is of by its name, else by its first page. */
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
    exitCode: ExitCode.usage,
  });
}

function addressOf({ address }: PlannedSegment): number {
  return address;
}

/** Of each place in the log the file of the timeline that it was on there. */
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
  // A timeline begins where its parent was left.
  const path = parents.map((parent, index) => {
    return { timeline: parent.timeline, begin: parents[index - 1]?.switchedAt ?? 0 };
  });
  path.push({ timeline, begin: parents.at(-1)?.switchedAt ?? 0 });
  return placed.filter((segment) => {
    const end = segment.address + segmentBytes;
    return path.findLast(({ begin }) => begin < end)?.timeline === timelineOf(segment);
  });
}

/** What is better comes first: a good first page, not compressed, whole. */
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

/** Files behind the end, made ahead or recycled, count as absent. */
function withoutTail(segments: readonly PlannedSegment[]): readonly PlannedSegment[] {
  const last = segments.findLastIndex(
    ({ valid, file }) => valid || (file.start.kind !== "empty" && file.start.kind !== "segment"),
  );
  return segments.slice(0, last + 1);
}
