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
  lsn(): void {}
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

/** DROP: uint32 database, uint32 count, uint32 tablespaces[] */
export function droppedDatabase(record: WalRecord, version: WalVersion): number | undefined {
  const drop = version === 14 ? 0x10 : 0x20;
  if (record.opcode !== drop || record.mainBytes < 4) return undefined;
  return record.view.getUint32(record.mainStart, true);
}

/** CREATE, since 15 CREATE_FILE_COPY: uint32 database, tablespace, source's database, tablespace; CREATE_WAL_LOG: the first two */
export function createdDatabase(
  record: WalRecord,
  version: WalVersion,
): { readonly database: number; readonly isMoved: boolean } | undefined {
  const { mainBytes, mainStart, opcode, view } = record;
  const isCopy = opcode === 0 && mainBytes >= 16;
  const isLogged = version > 14 && opcode === 0x10 && mainBytes >= 8;
  if (!isCopy && !isLogged) return undefined;
  const database = view.getUint32(mainStart, true);
  // ALTER DATABASE … SET TABLESPACE copies it from itself.
  return { database, isMoved: isCopy && view.getUint32(mainStart + 8, true) === database };
}

/** Why the files of a database, in its default tablespace, are others behind the record. */
export function endOfDatabase(
  { database_oid, tablespace }: Pick<CatalogHeader, "database_oid" | "tablespace">,
  record: WalRecord,
  version: WalVersion,
): "moved" | "dropped" | undefined {
  const { mainBytes, mainStart, view } = record;
  const created = createdDatabase(record, version);
  if (created?.isMoved === true && created.database === database_oid) {
    return view.getUint32(mainStart + 12, true) === tablespace ? "moved" : undefined;
  }
  if (droppedDatabase(record, version) !== database_oid) return undefined;
  for (let at = 8; at + 4 <= mainBytes; at += 4) {
    if (view.getUint32(mainStart + at, true) === tablespace) return "dropped";
  }
  return undefined;
}
