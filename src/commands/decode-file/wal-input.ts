import { readCatalog } from "../../catalog/read.ts";
import type { CatalogFile } from "../../catalog/model.ts";
import { openCapture } from "../../capture/source.ts";
import { findFiles } from "../../capture/wal/find.ts";
import type { SegmentSource } from "../../capture/wal/log-parts.ts";
import { planLog } from "../../capture/wal/plan.ts";
import { PlannedSource, StandardInputSource } from "../../capture/wal/sources.ts";
import { usageError } from "../../errors.ts";
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
    return { open: async () => new PlannedSource(plan, 0), header, from };
  }
  if (paths.length > 1) throw usageError("standard input cannot be read together with files");
  const copy = await files.copyOf(stdin, stop);
  const open = async (): Promise<StandardInputSource> =>
    await StandardInputSource.open(copy(), stop);
  const { header } = await open();
  return { open, header, from: header.address };
}

/** @throws WalctlError where it is not a catalogue, or not this log's */
export async function openCatalog(
  path: string,
  input: SegmentHeader | undefined,
  { stdin, stop }: CommandContext,
): Promise<CatalogFile> {
  const { chunks } = await openCapture(path, stdin, stop);
  const catalog = await readCatalog(chunks, path);
  if (input !== undefined) refuseOther(catalog, input, path);
  return catalog;
}

function refuseOther({ header }: CatalogFile, input: SegmentHeader, path: string): void {
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
