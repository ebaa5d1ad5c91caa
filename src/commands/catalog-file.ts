import type { CatalogFile } from "../catalog/model.ts";
import { readCatalog } from "../catalog/read.ts";
import { openCapture } from "../capture/source.ts";
import { usageError } from "../errors.ts";
import { formatPosition } from "../postgres/pages/position.ts";
import type { SegmentHeader } from "../postgres/pages/page.ts";
import type { TimelineParent } from "../postgres/pages/segments.ts";
import type { CommandContext } from "../program/context.ts";

/** @throws WalctlError where it is not a catalogue */
export async function openCatalog(
  path: string,
  { stdin, stop }: CommandContext,
): Promise<CatalogFile> {
  const { chunks } = await openCapture(path, stdin, stop);
  return await readCatalog(chunks, path);
}

/** @throws WalctlError, a usage error, where it is not the log's */
export function refuseOtherSystem(
  { header }: CatalogFile,
  input: SegmentHeader,
  path: string,
): void {
  const { systemIdentifier, version } = input;
  if (header.system_identifier !== String(systemIdentifier)) {
    throw usageError(
      `${path} is the catalogue of system ${header.system_identifier}, and the WAL is of system ${systemIdentifier}`,
      "Make it on the server that wrote the WAL, or a physical copy of it: walctl catalog -d NAME > FILE.",
    );
  }
  const major = Math.floor(header.server_version_num / 10_000);
  if (major !== version) {
    throw usageError(
      `${path} is the catalogue of PostgreSQL ${major}, and the WAL is of ${version}`,
      "Make it on a server of the version that wrote the WAL: walctl catalog -d NAME > FILE.",
    );
  }
}

/** @throws WalctlError, a usage error, where the log left the catalogue's before it was exported: tables may be other ones there */
export function refuseOtherTimeline(
  { header }: CatalogFile,
  { timeline, parents }: { readonly timeline: number; readonly parents: readonly TimelineParent[] },
  path: string,
): void {
  if (header.timeline === timeline) return;
  const parent = parents.find((each) => each.timeline === header.timeline);
  if (parent !== undefined && header.lsn <= parent.switchedAt) return;
  const history = `${timeline.toString(16).toUpperCase().padStart(8, "0")}.history`;
  throw usageError(
    `${path} is the catalogue of timeline ${header.timeline} at ${formatPosition(header.lsn)}, and the WAL is of timeline ${timeline}, which ${parent === undefined ? "is not known to come from there" : `left it at ${formatPosition(parent.switchedAt)}`}`,
    timeline < header.timeline
      ? `Add the segments of timeline ${header.timeline} and its .history file, and choose --timeline ${header.timeline}.`
      : `Make it on the server of timeline ${timeline}: walctl catalog -d NAME > FILE.${parent === undefined ? ` Or add ${history}.` : ""}`,
  );
}
