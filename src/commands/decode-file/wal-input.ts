import { findFiles } from "../../capture/wal/find.ts";
import type { SegmentSource } from "../../capture/wal/log-parts.ts";
import { planLog } from "../../capture/wal/plan.ts";
import { PlannedSource, StandardInputSource } from "../../capture/wal/sources.ts";
import { usageError } from "../../errors.ts";
import type { TimelineParent } from "../../wal/pages/segments.ts";
import type { SegmentHeader } from "../../wal/pages/page.ts";
import type { CommandContext } from "../context.ts";
import type { TemporaryFiles } from "./temporary-files.ts";

const STANDARD_INPUT = "-";

/** Physical WAL that can be read from its beginning more than once. */
export interface WalInput {
  readonly open: () => Promise<SegmentSource>;
  readonly header: SegmentHeader;
  /** Where it begins. */
  readonly from: number;
  /** The last timeline that is read. */
  readonly timeline: number;
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
    return { open, header, from, timeline: plan.timeline, parents };
  }
  if (paths.length > 1) throw usageError("standard input cannot be read together with files");
  const copy = await files.copyOf(stdin, stop);
  const open = async (): Promise<StandardInputSource> =>
    await StandardInputSource.open(copy(), stop);
  const { header } = await open();
  return { open, header, from: header.address, timeline: header.timeline, parents: [] };
}
