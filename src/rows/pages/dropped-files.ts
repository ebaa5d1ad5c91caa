import type { CatalogHeader } from "../../catalog/model.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import { readDatabaseChange } from "../../postgres/records/files.ts";
import type { Locator } from "../../postgres/records/locator.ts";
import { unlessShort } from "../../postgres/records/payload.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import { TransactionRecord, dropsFiles } from "../../postgres/records/transaction.ts";

const NONE: readonly Locator[] = [];
const transaction = new TransactionRecord();

/** The files that a transaction's end drops. */
export function droppedFiles(record: WalRecord, version: WalVersion): readonly Locator[] {
  if (!dropsFiles(record)) return NONE;
  return unlessShort(() => transaction.read(record, version).dropped) ?? NONE;
}

/** The database that a Database record creates, or moves to another tablespace. */
export function createdDatabase(
  record: WalRecord,
  version: WalVersion,
): { readonly database: number; readonly isMoved: boolean } | undefined {
  const change = unlessShort(() => readDatabaseChange(record, version));
  if (change === undefined || change.tablespace_ids !== undefined) return undefined;
  // ALTER DATABASE … SET TABLESPACE copies it from itself.
  return { database: change.db_id, isMoved: change.src_db_id === change.db_id };
}

/** Why the files of a database, in its default tablespace, are others after the record. */
export function endOfDatabase(
  { database_oid, tablespace }: Pick<CatalogHeader, "database_oid" | "tablespace">,
  record: WalRecord,
  version: WalVersion,
): "moved" | "dropped" | undefined {
  const change = unlessShort(() => readDatabaseChange(record, version));
  if (change?.db_id !== database_oid) return undefined;
  if (change.tablespace_ids?.includes(tablespace) === true) return "dropped";
  const isMoved = change.src_db_id === database_oid && change.src_tablespace_id === tablespace;
  return isMoved ? "moved" : undefined;
}
