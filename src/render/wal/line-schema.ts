/** The JSON Schema of the lines that inspect prints; `lsn`, `time` and `unsigned` are defined in the whole schema. */
import {
  type JsonSchema,
  flag,
  having,
  listOf,
  nullable,
  object,
  ref,
  text,
} from "../json-schema.ts";

const lsn = ref("lsn");
const time = ref("time");
const unsigned = ref("unsigned");
const count = ref("count");
const integer: JsonSchema = { type: "integer" };
const numbers = listOf(unsigned);
const names = listOf(text);
const file = { tablespace: unsigned, database: unsigned, relfilenode: unsigned };

/** The keys of payloads; which of them a record has depends on its type. */
const DETAIL: Readonly<Record<string, JsonSchema>> = {
  ...all(unsigned, ["xid", "top_xid", "twophase_xid", "xmax", "old_xmax", "new_xmax", "horizon"]),
  ...all(unsigned, ["offset", "old_offset", "new_offset", "cmin", "cmax", "combo_cid", "oid"]),
  ...all(unsigned, ["tablespace", "database", "relfilenode", "timeline", "previous_timeline"]),
  ...all(unsigned, ["next_oid", "oldest_running_xid", "latest_completed_xid", "mid", "moff"]),
  ...all(unsigned, ["oldestXact", "oldestXactDb", "oldestXid", "oldestMultiDB", "node_id"]),
  ...all(unsigned, ["oldestMulti", "oldestOffset"]),
  ...all(unsigned, ["startTruncOff", "endTruncOff", "startTruncMemb", "endTruncMemb", "ts_id"]),
  ...all(unsigned, ["db_id", "tablespace_id", "src_db_id", "src_tablespace_id"]),
  ...all(count, ["tuples", "redirected", "dead", "unused", "frozen", "blocks", "bytes"]),
  ...all(integer, ["pageno", "invalidations", "max_connections", "max_worker_processes"]),
  ...all(integer, ["max_wal_senders", "max_prepared_transactions", "max_locks_per_transaction"]),
  ...all(text, ["gid", "name", "prefix", "wal_level", "fork", "tid", "ts_path"]),
  ...all(flag, ["cascade", "restart_identity", "full_page_writes", "transactional", "force"]),
  checksums: { enum: ["off", "on", "inprogress-off", "inprogress-on"] },
  ...all(flag, ["logical_decoding"]),
  ...all(flag, ["overflowed", "wal_log_hints", "track_commit_timestamp"]),
  ...all(lsn, ["redo", "origin_lsn", "remote_lsn", "start_lsn", "overwritten_lsn"]),
  ...all(time, ["time", "origin_time"]),
  ...all(names, ["flags", "infobits"]),
  ...all(numbers, ["relids", "offsets", "subxids", "xids", "tablespace_ids"]),
  // In a checkpoint it includes the epoch: "0:757".
  next_xid: { oneOf: [unsigned, { type: "string", pattern: "^\\d+:\\d+$" }] },
  dropped: listOf(object(file)),
  members: listOf(object({ xid: unsigned, status: integer })),
  mappings: listOf(object({ oid: unsigned, relfilenode: unsigned })),
  locks: listOf(object({ xid: unsigned, database: unsigned, relation_oid: unsigned })),
};

export const WAL_PARTS: Readonly<Record<string, JsonSchema>> = {
  count: { description: "How many, or how many bytes.", type: "integer", minimum: 0 },
  block: object(
    {
      id: unsigned,
      ...file,
      fork: { enum: ["main", "fsm", "vm", "init"] },
      block: unsigned,
      image_bytes: count,
      image_applied: { const: false },
      schema: nullable(text),
      table: text,
      relation: text,
    },
    ["image_applied", "schema", "table", "relation"],
  ),
  detail: {
    ...object(DETAIL, Object.keys(DETAIL)),
    description: "What the record's payload says: each type of record has its own of these keys.",
    minProperties: 1,
  },
};

const TOTALS = { records: count, record_bytes: count, image_bytes: count };

/** The kinds in the order of the documentation, the keys in the order of the line. */
export const WAL_LINES: Readonly<Record<string, JsonSchema>> = {
  record: object(
    {
      kind: { const: "record" },
      lsn,
      end_lsn: lsn,
      prev_lsn: lsn,
      xid: unsigned,
      top_xid: unsigned,
      origin_id: unsigned,
      rmgr: text,
      type: text,
      length: count,
      total_length: count,
      blocks: listOf(ref("block")),
      detail: ref("detail"),
    },
    ["top_xid", "origin_id", "detail"],
  ),
  wal_stats: {
    ...object(
      {
        kind: { const: "wal_stats" },
        rmgr: text,
        type: text,
        schema: nullable(text),
        table: nullable(text),
        ...file,
        oid: unsigned,
        ...TOTALS,
      },
      ["rmgr", "type", "schema", "table", ...Object.keys(file), "oid"],
    ),
    oneOf: [having("rmgr"), having("schema", "table"), having(...Object.keys(file))],
    dependentRequired: { type: ["rmgr"] },
  },
  wal_finding: object({
    kind: { const: "wal_finding" },
    finding: {
      enum: [
        "full_page_images",
        "checkpoints",
        "hot_index",
        "freezing",
        "logical_messages",
        "other",
      ],
    },
    share: { type: "number", minimum: 0, maximum: 1 },
    message: text,
    fix: nullable(text),
  }),
};

function all(schema: JsonSchema, keys: readonly string[]): Record<string, JsonSchema> {
  return Object.fromEntries(keys.map((key) => [key, schema]));
}
