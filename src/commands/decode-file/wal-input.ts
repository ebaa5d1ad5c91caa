import { findFiles } from "../../capture/wal/find.ts";
import type { SegmentSource } from "../../capture/wal/log-parts.ts";
import { planLog } from "../../capture/wal/plan.ts";
import { PlannedSource, StandardInputSource } from "../../capture/wal/sources.ts";
import { usageError } from "../../errors.ts";
import type { TimelineParent } from "../../postgres/pages/segments.ts";
import { PAGE_BYTES, type SegmentHeader } from "../../postgres/pages/page.ts";
import { positionOf } from "../../postgres/pages/position.ts";
import type { CommandContext } from "../../program/context.ts";
import type { TemporaryFiles } from "../../program/temporary-files.ts";

const STANDARD_INPUT = "-";

/** Physical WAL that can be read from its beginning more than once. */
export interface WalInput {
  readonly open: () => Promise<SegmentSource>;
  readonly header: SegmentHeader;
  /** Where it begins. */
  readonly from: number;
  /** Of all segments. Undefined: it is not known. */
  readonly size: number | undefined;
  /** The last timeline that is read, as far as names of files and first pages tell. */
  readonly timeline: number;
  /** As its pages tell: a switch may lie in a segment without a name. */
  readonly lastTimeline: () => Promise<number>;
  /** Its parents, as far as its history is in the input. */
  readonly parents: readonly TimelineParent[];
}

export async function openWal(
  paths: readonly string[],
  timeline: number | "latest" | undefined,
  { stdin, stop }: CommandContext,
  files: TemporaryFiles,
): Promise<WalInput> {
  if (!paths.includes(STANDARD_INPUT)) {
    const found = await findFiles(paths);
    const plan = planLog(found.files, { histories: found.histories, timeline });
    const { header, segments } = plan;
    const from = segments[0]?.address ?? header.address;
    const parents = found.histories.get(plan.timeline) ?? [];
    const open = async (): Promise<SegmentSource> => new PlannedSource(plan, 0);
    const lastTimeline = async (): Promise<number> => plan.timeline;
    const size = (segments.at(-1)?.address ?? from) + header.segmentBytes - from;
    return { open, header, from, size, timeline: plan.timeline, lastTimeline, parents };
  }
  if (paths.length > 1) throw usageError("standard input cannot be read together with files");
  const copy = await files.copyOf(stdin, stop);
  // A copy does not keep its reader waiting: a signal must not look like its end.
  const { signal: never } = new AbortController();
  const open = async (): Promise<StandardInputSource> =>
    await StandardInputSource.open(copy(), never);
  const { header } = await open();
  const { address: from } = header;
  const lastTimeline = async (): Promise<number> => await lastTimelineOf(await open());
  const { timeline: first } = header;
  return { open, header, from, size: undefined, timeline: first, lastTimeline, parents: [] };
}

async function lastTimelineOf(source: SegmentSource): Promise<number> {
  const page = new Uint8Array(PAGE_BYTES);
  const view = new DataView(page.buffer);
  let { timeline } = source.header;
  for (let segment = await source.next(); segment !== undefined; segment = await source.next()) {
    for (let at = 0; at < source.header.segmentBytes; at += PAGE_BYTES) {
      if ((await segment.stream.read(page)) < PAGE_BYTES) break;
      const isOwn =
        view.getUint16(0, true) === source.header.magic &&
        positionOf(view.getUint32(12, true), view.getUint32(8, true)) === segment.address + at;
      if (isOwn) timeline = Math.max(timeline, view.getUint32(4, true));
    }
    await segment.stream.close();
  }
  return timeline;
}
