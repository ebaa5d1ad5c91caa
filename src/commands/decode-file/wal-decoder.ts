import { zstdFrames } from "../../capture/compression.ts";
import type { PgTime } from "../../pg-time.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { CatalogHistory } from "../../rows/catalog/history.ts";
import { RowDecoder } from "../../rows/decoder/decoder.ts";
import type { AskedRows } from "../../rows/decoder/row-options.ts";
import { Survey } from "../../rows/decoder/survey.ts";
import { trackingFor } from "../../rows/decoder/tracking.ts";
import { PageStore } from "../../rows/pages/page-store.ts";
import { MEMORY_BYTES } from "../../rows/pages/spill.ts";
import type { CommandContext } from "../../program/context.ts";
import type { AskedTimes } from "../../messages/gate/gate.ts";
import type { Pipeline } from "../../messages/pipeline/pipeline.ts";
import type { TemporaryFiles } from "../../program/temporary-files.ts";
import type { catalogAtStart } from "./catalog-at-start.ts";
import type { WalInput } from "./wal-input.ts";
import type { WalOptions } from "./wal-options.ts";

/** The decoder of all that is asked for, and the catalogue that it follows. */
export async function createDecoder(
  { file, known }: Awaited<ReturnType<typeof catalogAtStart>>,
  { from }: WalInput,
  of: {
    readonly files: TemporaryFiles;
    readonly context: CommandContext;
    readonly options: WalOptions["rows"];
    readonly registry: TypeRegistry;
    readonly pipeline: Pipeline;
    readonly survey: Survey | undefined;
    readonly times: AskedTimes | undefined;
    readonly asked: AskedRows;
    readonly sql: boolean;
  },
): Promise<{ decoder: RowDecoder; catalog: CatalogHistory }> {
  const { asked, context, files, options, pipeline, registry, survey } = of;
  const { database_oid: database } = file.header;
  let decoder: RowDecoder | undefined;
  const tracks = trackingFor(
    () => catalog,
    () => decoder?.tracksTables ?? true,
    { database, survey },
  );
  // Tests lower it.
  const memoryBytes = Number(context.env["WALCTL_TEST_MEMORY"] ?? MEMORY_BYTES);
  const memory = { spill: files.spill(), bytesMax: memoryBytes };
  const pages = new PageStore({ tracks, zstd: await zstdFrames(), memory });
  const catalog = new CatalogHistory(file, pages, known);
  decoder = new RowDecoder({
    catalog,
    pages,
    registry,
    from,
    survey,
    memoryBytes,
    spill: () => files.spill(),
    options: { ...options, database, asked, ...(of.sql ? { tablesChanged: true } : {}) },
    send: (message) => pipeline.message(message),
    committed: (time) => of.times?.committed(time),
  });
  return { decoder, catalog };
}

/** Undefined: all of the log is asked for. */
export function surveyOf(
  { rows, endPosition = Infinity }: WalOptions,
  database: number,
  times: AskedTimes | undefined,
): Survey | undefined {
  const { messages, sequences, since, until, xids } = rows;
  const hasOutside = messages || sequences;
  // What is outside of transactions has no time.
  if (xids.length === 0 && (hasOutside || (since === undefined && until === undefined))) {
    return undefined;
  }
  const committed = (time: PgTime): void => times?.committed(time);
  return new Survey({ ...rows, database, endPosition, committed });
}
