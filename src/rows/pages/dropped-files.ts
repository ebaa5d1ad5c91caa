import type { CatalogHeader } from "../../catalog/model.ts";
import { describeRecord } from "../../wal/detail/describe.ts";
import { ShortPayload } from "../../wal/detail/payload.ts";
import type { DetailRow, DetailSink } from "../../wal/detail/sink.ts";
import { TRANSACTION_OPERATION_MASK, TransactionOperation } from "../../wal/detail/transaction.ts";
import type { WalVersion } from "../../wal/pages/versions.ts";
import type { WalRecord } from "../../wal/record.ts";
import type { Locator } from "./locator.ts";

const HAS_XINFO = 0x80;
/** Where xinfo is: int64 time, uint32 xinfo. */
const XINFO_AT = 8;
const HAS_FILES = 0x04;
const NONE: readonly Locator[] = [];

/** Keeps the requested part of a record's detail. */
class DroppedSink implements DetailSink {
  files: Locator[] = [];

  rows(key: string, value: readonly DetailRow[]): void {
    if (key !== "dropped") return;
    for (const { tablespace = 0, database = 0, relfilenode = 0 } of value) {
      this.files.push({ tablespace, database, relfilenode });
    }
  }

  number(): void {}
  numbers(): void {}
  bool(): void {}
  text(): void {}
  position(): void {}
  time(): void {}
  names(): void {}
}

/** The files that a transaction's end drops. PREPARE only announces them. */
export function droppedFiles(record: WalRecord, version: WalVersion): readonly Locator[] {
  if ((record.info & HAS_XINFO) === 0 || record.mainBytes < XINFO_AT + 4) return NONE;
  const operation = record.info & TRANSACTION_OPERATION_MASK;
  const ends =
    operation === TransactionOperation.commit ||
    operation === TransactionOperation.abort ||
    operation === TransactionOperation.commitPrepared ||
    operation === TransactionOperation.abortPrepared;
  if (!ends) return NONE;
  const xinfo = record.view.getUint32(record.mainStart + XINFO_AT, true);
  if ((xinfo & HAS_FILES) === 0) return NONE;
  const sink = new DroppedSink();
  try {
    describeRecord(record, version, sink);
  } catch (error) {
    if (!(error instanceof ShortPayload)) throw error;
  }
  return sink.files;
}

/** DROP: uint32 database, … */
export function droppedDatabase(record: WalRecord, version: WalVersion): number | undefined {
  const drop = version === 14 ? 0x10 : 0x20;
  if (record.opcode !== drop || record.mainBytes < 4) return undefined;
  return record.view.getUint32(record.mainStart, true);
}

/**
 * ALTER DATABASE … SET TABLESPACE, which copies it from itself. CREATE, since 15 CREATE_FILE_COPY: uint32 database,
 * tablespace, source's database, source's tablespace
 */
export function movedDatabase(
  record: WalRecord,
): { readonly database: number; readonly from: number } | undefined {
  if (record.opcode !== 0 || record.mainBytes < 16) return undefined;
  const { mainStart, view } = record;
  const database = view.getUint32(mainStart, true);
  if (database !== view.getUint32(mainStart + 8, true)) return undefined;
  return { database, from: view.getUint32(mainStart + 12, true) };
}

export function isMovedFrom(
  { database_oid, tablespace }: Pick<CatalogHeader, "database_oid" | "tablespace">,
  record: WalRecord,
): boolean {
  const { database, from } = movedDatabase(record) ?? {};
  return database === database_oid && from === tablespace;
}
