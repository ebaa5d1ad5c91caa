/** Names of segment files, and the history of timelines (access/xlog_internal.h, access/transam/timeline.c). */
import { positionOf } from "./position.ts";

const LOW_LIMIT = 2 ** 32;

export interface SegmentName {
  readonly timeline: number;
  readonly high: number;
  readonly low: number;
}

/** Undefined if it is not the name of a segment. The name does not contain the segment's size. */
export function parseSegmentName(name: string): SegmentName | undefined {
  if (!/^[0-9A-F]{24}$/.test(name)) return undefined;
  const part = (at: number): number => Number.parseInt(name.slice(at, at + 8), 16);
  return { timeline: part(0), high: part(8), low: part(16) };
}

/** The position where the segment begins; undefined if no segment has that name at this size. */
export function addressOfName(
  { high, low }: SegmentName,
  segmentBytes: number,
): number | undefined {
  const perHigh = LOW_LIMIT / segmentBytes;
  return low < perHigh ? (high * perHigh + low) * segmentBytes : undefined;
}

export function formatSegmentName(timeline: number, address: number, segmentBytes: number): string {
  const number = Math.floor(address / segmentBytes);
  const perHigh = LOW_LIMIT / segmentBytes;
  const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, "0");
  return hex(timeline) + hex(Math.floor(number / perHigh)) + hex(number % perHigh);
}

/** A timeline, and the position where the log left it for the next one. */
export interface TimelineParent {
  readonly timeline: number;
  readonly switchedAt: number;
}

/** The parents of a timeline, oldest first, from its history file. Undefined if the text is not a history. */
export function parseHistory(text: string): readonly TimelineParent[] | undefined {
  const parents: TimelineParent[] = [];
  for (const line of text.split("\n")) {
    if (/^\s*(#|$)/.test(line)) continue;
    const match = /^\s*(\d+)\s+([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})(\s|$)/.exec(line);
    if (match === null) return undefined;
    const [, timeline = "", high = "", low = ""] = match;
    const switchedAt = positionOf(Number.parseInt(high, 16), Number.parseInt(low, 16));
    parents.push({ timeline: Number(timeline), switchedAt });
  }
  return parents;
}
