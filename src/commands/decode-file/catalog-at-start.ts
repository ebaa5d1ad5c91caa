import { zstdFrames } from "../../capture/compression.ts";
import { readLog } from "../../capture/wal/log.ts";
import type { LogListener } from "../../capture/wal/log-parts.ts";
import type { CatalogFile } from "../../catalog/model.ts";
import type { CatalogHistory } from "../../rows/catalog/history.ts";
import { ExitCode, WalctlError, usageError } from "../../errors.ts";
import { type EarlyCatalog, LateCatalog } from "../../rows/catalog/late.ts";
import type { Survey } from "../../rows/decoder/survey.ts";
import { OlderChanges } from "../../rows/decoder/older-changes.ts";
import type { TableNow } from "../../render/formats/sql-tables.ts";
import { UnendedTransactions } from "../../rows/transactions/unended.ts";
import { formatPosition } from "../../postgres/pages/position.ts";
import { formatSegmentName } from "../../postgres/pages/segments.ts";
import { cureOfDamage } from "../wal-end.ts";
import { WithoutMinimalLevel } from "./minimal-level.ts";
import type { WalInput } from "./wal-input.ts";

/** Nobody knows what was altered between the export and the input's start: rows might have other columns. */
export function refuseGap({ header }: CatalogFile, input: WalInput, path: string): void {
  if (header.lsn >= input.from) return;
  throw usageError(
    `${path} was exported at ${formatPosition(header.lsn)}, before the WAL begins at ${formatPosition(input.from)}: tables may have changed in between`,
    `Make it again now: walctl catalog -d NAME > FILE. Or add the segments from ${segmentName(input, header.lsn)} on.`,
  );
}

/** The segment that holds the position. */
function segmentName({ header: { segmentBytes, timeline } }: WalInput, position: number): string {
  return formatSegmentName(timeline, position - (position % segmentBytes), segmentBytes);
}

export interface CatalogPass {
  readonly catalogPath: string;
  readonly keepGoing: boolean;
  readonly stop: AbortSignal;
  /** --undo */
  readonly undoes: boolean;
  /** Called with the position that was reached. */
  readonly progress: (position: number) => void;
}

/**
 * The catalogue where the input begins: a first pass takes back what changed until the export. It also surveys what is asked for.
 * @throws `stop`'s reason if a signal cuts it
 */
export async function catalogAtStart(
  exported: CatalogFile,
  input: WalInput,
  survey: Survey | undefined,
  { catalogPath, keepGoing, progress, stop, undoes }: CatalogPass,
): Promise<{ readonly file: CatalogFile; readonly known?: EarlyCatalog["known"] }> {
  const isEarly = exported.header.lsn === input.from;
  if (isEarly && survey === undefined) return { file: exported };
  const late = new LateCatalog(exported, await zstdFrames());
  const unended = new UnendedTransactions();
  const older = new OlderChanges(exported.header, input.from);
  let position = input.from;
  let needsRecords = !isEarly;
  let surveys = survey !== undefined;
  const listener: LogListener = {
    record: (record, version) => {
      position = record.lsn;
      surveys &&= survey!.note(record, version);
      if (!needsRecords) return surveys;
      unended.note(record, version);
      if (record.lsn < exported.header.lsn) older.note(record, version);
      needsRecords = late.note(record, version);
      return needsRecords || surveys;
    },
    skipped: ({ end }) => {
      survey?.skipped();
      if (!needsRecords) return;
      late.skipped(end);
      older.skipped(end);
    },
    flush: () => {
      progress(position);
      return undefined;
    },
  };
  const source = await input.open();
  const logged = new WithoutMinimalLevel(listener, input.from);
  const heard = keepGoing ? logged : listener;
  const end = await readLog({ source, listener: heard, keepGoing, stop });
  logged.finish();
  stop.throwIfAborted();
  if (end.kind === "fault") survey?.skipped();
  if (isEarly) return { file: exported };
  if (end.kind === "fault" && needsRecords) {
    throw new WalctlError(end.fault.text, {
      hint: `${cureOfDamage(undoes)} Rows before it need a catalogue file from before it.`,
      exitCode: ExitCode.malformedInput,
    });
  }
  if (end.kind === "end" && needsRecords && unended.mayHaveEnded(exported.header.snapshot)) {
    throw usageError(
      `${catalogPath} was exported at ${formatPosition(exported.header.lsn)}, and the WAL ends before that, at ${formatPosition(end.position)}: tables may have changed in between`,
      "Copy pg_wal again, into a new folder, or add the segments up to there: SELECT pg_switch_wal() lets the server archive the last one.",
    );
  }
  const { file, known } = late.finish((after) =>
    segmentName(input, after + input.header.segmentBytes),
  );
  return { file, known: { ...known, doubts: older.doubts } };
}

/** A table with the columns that are sent. Undefined: there is no such table. */
export function exportedTable({ rows }: CatalogFile, oid: number): TableNow | undefined {
  const table = rows.pg_class.find((each) => each.oid === oid);
  const schema = rows.pg_namespace.find((each) => each.oid === table?.relnamespace);
  if (table === undefined || schema === undefined) return undefined;
  const columns = rows.pg_attribute
    .filter(({ attrelid, attisdropped, attgenerated }) => {
      return attrelid === oid && !attisdropped && attgenerated === "";
    })
    .toSorted((one, two) => one.attnum - two.attnum)
    .map(({ attname: name, atttypid: typeOid, atttypmod: typeModifier }) => ({
      name,
      typeOid,
      typeModifier,
    }));
  return { schema: schema.nspname, table: table.relname, columns };
}

/** The same at that position, when no transaction is open. */
export function tableAt(catalog: CatalogHistory, oid: number, lsn: number): TableNow | undefined {
  const table = catalog.relationByOid(oid, lsn, new Set());
  if (table === undefined) return undefined;
  const columns = table.attributes
    .filter(({ dropped, generated }) => !dropped && !generated)
    .map(({ name, typeOid, typmod: typeModifier }) => ({ name, typeOid, typeModifier }));
  return { schema: table.schema, table: table.name, columns };
}
