/**
 * Records about files and their places: Storage, RelMap, Database, Tablespace, Sequence (catalog/storage_xlog.h,
 * utils/relmapper.h, commands/). Each reader returns the record's fields, and throws ShortPayload.
 */
import type { WalVersion } from "../pages/versions.ts";
import { TUPLE_HEADER_BYTES } from "../tuples/tuple.ts";
import { type Locator, readLocator } from "./locator.ts";
import { Payload, ShortPayload } from "./payload.ts";
import type { WalRecord } from "./record.ts";

export const FORK_NAMES = ["main", "fsm", "vm", "init"];
/** The capacity of a relation map, the largest of all versions. */
const MAPPINGS_MAX = 64;
const payload = new Payload();

export const StorageOperation = { create: 0x10, truncate: 0x20 } as const;
/** SMGR_TRUNCATE_ */
export const TruncateFlag = { heap: 0x01 } as const;

/** Storage CREATE: locator, int32 fork */
export function readStorageCreate(record: WalRecord) {
  const data = payload.main(record);
  return { file: readLocator(data), fork: data.i32() };
}

/** Storage TRUNCATE: uint32 blocks, locator, int32 flags */
export function readStorageTruncate(record: WalRecord) {
  const data = payload.main(record);
  return { blocks: data.u32(), file: readLocator(data), flags: data.i32() };
}

/** RelMap UPDATE, the files of all mapped relations: uint32 database, uint32 tablespace, int32 bytes; a map: int32 magic, int32 count, count times uint32 oid, uint32 relfilenode */
export function readRelationMap(record: WalRecord) {
  const data = payload.main(record);
  const [database, tablespace] = [data.u32(), data.u32()];
  const count = data.skip(8).i32();
  if (count < 0 || count > MAPPINGS_MAX) throw new ShortPayload();
  const mapping = () => ({ oid: data.u32(), relfilenode: data.u32() });
  return { database, tablespace, mappings: Array.from({ length: count }, mapping) };
}

/** The fields that the kinds of Database records have: a copy has a source, a dropped one the tablespaces that it was in. */
export interface DatabaseChange {
  readonly db_id: number;
  readonly tablespace_id?: number;
  readonly src_db_id?: number;
  readonly src_tablespace_id?: number;
  readonly tablespace_ids?: readonly number[];
}

/**
 * CREATE, since 15 CREATE_FILE_COPY: uint32 database, tablespace, source's database, tablespace. CREATE_WAL_LOG: the
 * first two; what it copies is logged page by page. DROP: uint32 database, int32 n, uint32 tablespaces[n].
 */
export function readDatabaseChange(record: WalRecord, version: WalVersion): DatabaseChange {
  const data = payload.main(record);
  const db_id = data.u32();
  const drop = version === 14 ? 0x10 : 0x20;
  if (record.opcode === drop) return { db_id, tablespace_ids: data.u32s(data.count(4)) };
  const tablespace_id = data.u32();
  if (record.opcode !== 0) return { db_id, tablespace_id };
  return { db_id, tablespace_id, src_db_id: data.u32(), src_tablespace_id: data.u32() };
}

/** Tablespace CREATE: uint32 oid, path NUL. DROP: uint32 oid */
export function readTablespace(record: WalRecord) {
  const data = payload.main(record);
  return { ts_id: data.u32(), ts_path: record.opcode === 0 ? data.cstring() : undefined };
}

/** Sequence LOG, the whole content of a sequence's page from then on: locator, and a tuple with its header */
export function readSequence(record: WalRecord): Locator {
  return readLocator(payload.main(record));
}

/** SEQ_LOG_VALS: so many increments more than it needs nextval() logs at once, and then logs nothing until they are used up (commands/sequence.c). */
export const SEQUENCE_LOGGED_AHEAD = 32;
const LOCATOR_BYTES = 12;

/**
 * The state in a Sequence LOG's main data, pg_sequence_data: int64 last_value, int64 log_cnt, bool is_called. nextval() and setval() log
 * a log_cnt of 0; ALTER SEQUENCE SET LOGGED logs that of the page, whose last_value is not ahead.
 */
export function readSequenceState(mainData: Uint8Array) {
  // t_hoff ends the header.
  const hoff = payload
    .kept(mainData)
    .skip(LOCATOR_BYTES + TUPLE_HEADER_BYTES - 1)
    .u8();
  if (hoff < TUPLE_HEADER_BYTES) throw new ShortPayload();
  const data = payload.kept(mainData).skip(LOCATOR_BYTES + hoff);
  const [lastValue, logCount, isCalled] = [data.i64(), data.i64(), data.bool()];
  return { lastValue, isCalled, mayBeAhead: isCalled && logCount === 0n };
}
