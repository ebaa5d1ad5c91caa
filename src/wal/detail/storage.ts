/**
 * Records about files and their locations: Storage, RelMap, Database, Tablespace, Sequence (catalog/storage_xlog.h,
 * utils/relmapper.h, commands/).
 */
import type { WalRecord } from "../record.ts";
import type { WalVersion } from "../pages/versions.ts";
import { type Payload, ShortPayload } from "./payload.ts";
import type { DetailRow, DetailSink } from "./sink.ts";

export const FORK_NAMES = ["main", "fsm", "vm", "init"];
const OPCODE_STORAGE_CREATE = 0x10;
/** The capacity of a relation map, the largest of all versions. */
const MAPPINGS_MAX = 64;

export function describeLocator(data: Payload, sink: DetailSink): void {
  for (const key of ["tablespace", "database", "relfilenode"]) sink.number(key, data.u32());
}

/** CREATE: locator, int32 fork. TRUNCATE: uint32 blocks, locator, int32 flags */
export function describeStorage(record: WalRecord, data: Payload, sink: DetailSink): void {
  if (record.opcode === OPCODE_STORAGE_CREATE) {
    describeLocator(data, sink);
    const fork = data.i32();
    return sink.text("fork", FORK_NAMES[fork] ?? String(fork));
  }
  const blocks = data.u32();
  describeLocator(data, sink);
  sink.number("blocks", blocks);
}

/** uint32 database, uint32 tablespace, int32 bytes; a map: int32 magic, int32 count, count times uint32 oid, uint32 relfilenode */
export function describeRelationMap(data: Payload, sink: DetailSink): void {
  sink.number("database", data.u32());
  sink.number("tablespace", data.u32());
  const count = data.skip(8).i32();
  if (count < 0 || count > MAPPINGS_MAX) throw new ShortPayload();
  const mappings: DetailRow[] = [];
  for (let left = count; left > 0; left--) {
    mappings.push({ oid: data.u32(), relfilenode: data.u32() });
  }
  sink.rows("mappings", mappings);
}

/** CREATE, CREATE_FILE_COPY: four uint32. CREATE_WAL_LOG: two. DROP: uint32 database, int32 n, uint32 tablespaces[n] */
export function describeDatabase(
  record: WalRecord,
  data: Payload,
  version: WalVersion,
  sink: DetailSink,
): void {
  const drop = version === 14 ? 0x10 : 0x20;
  sink.number("db_id", data.u32());
  if (record.opcode === drop) return sink.numbers("tablespace_ids", data.u32s(data.count(4)));
  sink.number("tablespace_id", data.u32());
  if (record.opcode !== 0) return;
  sink.number("src_db_id", data.u32());
  sink.number("src_tablespace_id", data.u32());
}

/** CREATE: uint32 oid, path NUL. DROP: uint32 oid */
export function describeTablespace(record: WalRecord, data: Payload, sink: DetailSink): void {
  sink.number("ts_id", data.u32());
  if (record.opcode === 0) sink.text("ts_path", data.cstring());
}
