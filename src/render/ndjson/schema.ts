import type { MessageKind } from "../../postgres/messages/messages.ts";
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
import { WAL_LINES, WAL_PARTS } from "../wal/line-schema.ts";

const DRAFT = "https://json-schema.org/draft/2020-12/schema";

const lsn = ref("lsn");
const time = ref("time");
const unsigned = ref("unsigned");
const base64: JsonSchema = { type: "string", contentEncoding: "base64" };
const row = ref("row");
/** A table that no Relation message announced has its oid. */
const NAMED = [having("schema", "table"), having("oid")];

/** The parts of the lines. */
const PARTS: Readonly<Record<string, JsonSchema>> = {
  lsn: {
    description: "A position in the write-ahead log, as pg_lsn prints it.",
    type: "string",
    pattern: "^(0|[1-9A-F][0-9A-F]{0,7})/(0|[1-9A-F][0-9A-F]{0,7})$",
  },
  time: {
    description: "UTC, ISO 8601 with microseconds; years that have not four digits with a sign.",
    type: "string",
    pattern: "^((\\d{4}|[+-]\\d{6})-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z|-?infinity)$",
  },
  unsigned: {
    description: "A transaction's or an object's number.",
    type: "integer",
    minimum: 0,
    maximum: 0xffffffff,
  },
  row: { description: "The values by column, in the table's order.", type: "object" },
  table: {
    type: "object",
    properties: { oid: unsigned, schema: text, table: text },
    oneOf: NAMED,
    additionalProperties: false,
  },
  column: object({
    name: text,
    key: flag,
    type: nullable(text),
    type_oid: unsigned,
    type_modifier: { type: "integer", minimum: -0x80000000, maximum: 0x7fffffff },
  }),
};

const ENDED = { commit_lsn: lsn, end_lsn: lsn, commit_time: time };
const PREPARED = { gid: text, prepare_lsn: lsn, end_lsn: lsn, prepare_time: time };
const OWNED = { xid: unsigned };

/** The kinds in the order of the documentation, the keys in the order of the line. */
const LINES: Readonly<Record<MessageKind, JsonSchema>> = {
  begin: {
    ...line(
      "begin",
      {
        ...OWNED,
        commit_lsn: nullable(lsn),
        commit_time: nullable(time),
        partial: { const: true },
        aborted: { const: true },
      },
      ["partial", "aborted"],
    ),
    if: having("aborted"),
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: { properties: { commit_lsn: { type: "null" }, commit_time: { type: "null" } } },
    else: { properties: { commit_lsn: lsn, commit_time: time } },
  },
  commit: line("commit", { ...ENDED, lost: unsigned }, ["lost"]),
  origin: line("origin", { origin_lsn: lsn, name: text }),
  relation: line("relation", {
    oid: unsigned,
    schema: text,
    table: text,
    replica_identity: { enum: ["default", "nothing", "full", "index"] },
    columns: listOf(ref("column")),
  }),
  type: line("type", { oid: unsigned, schema: text, name: text }),
  insert: change("insert", { new: row, unchanged: ref("unchanged") }),
  update: change("update", { key: row, old: row, new: row, unchanged: ref("unchanged") }),
  delete: change("delete", { key: row, old: row, unchanged: ref("unchanged") }),
  truncate: line("truncate", {
    commit_time: nullable(time),
    tables: listOf(ref("table")),
    cascade: flag,
    restart_identity: flag,
  }),
  message: either(
    line(
      "message",
      {
        transactional: flag,
        message_lsn: lsn,
        prefix: text,
        content: text,
        content_base64: base64,
      },
      ["content", "content_base64"],
    ),
    "content",
    "content_base64",
  ),
  stream_start: line("stream_start", { ...OWNED, first_segment: flag }),
  stream_stop: line("stream_stop", {}),
  stream_commit: line("stream_commit", { ...OWNED, ...ENDED }),
  stream_abort: line("stream_abort", {
    ...OWNED,
    subxid: unsigned,
    abort_lsn: nullable(lsn),
    abort_time: nullable(time),
  }),
  begin_prepare: line("begin_prepare", { ...OWNED, ...PREPARED }),
  prepare: line("prepare", { ...OWNED, ...PREPARED }),
  stream_prepare: line("stream_prepare", { ...OWNED, ...PREPARED }),
  commit_prepared: line("commit_prepared", { ...OWNED, gid: text, ...ENDED }),
  rollback_prepared: line("rollback_prepared", {
    ...OWNED,
    gid: text,
    prepare_end_lsn: lsn,
    rollback_end_lsn: lsn,
    prepare_time: time,
    rollback_time: time,
  }),
  abort: line("abort", { ...OWNED, abort_lsn: lsn, abort_time: time, lost: unsigned }, ["lost"]),
  table_changed: line(
    "table_changed",
    {
      ...OWNED,
      commit_time: nullable(time),
      action: { enum: ["created", "dropped", "rewritten", "truncated"] },
      oid: unsigned,
      schema: text,
      table: text,
      relfilenode: unsigned,
      old_relfilenode: unsigned,
    },
    ["old_relfilenode"],
  ),
  sequence: line("sequence", {
    commit_time: nullable(time),
    oid: unsigned,
    schema: text,
    name: text,
    last_value: { oneOf: [{ type: "integer" }, { type: "string", pattern: "^-?\\d+$" }] },
    is_called: flag,
    may_be_ahead: flag,
  }),
  unknown: line("unknown", {
    tag: { type: "string", minLength: 1, maxLength: 1 },
    bytes_base64: base64,
  }),
};

const count = ref("count");
const CHANGES = { inserts: count, updates: count, deletes: count, truncates: count };
const TABLE_NAME = { schema: text, table: text, oid: unsigned };

/** What --summary prints in place of the lines. */
const SUMMARY_LINES: Readonly<Record<string, JsonSchema>> = {
  relation_summary: {
    ...object(
      {
        kind: { const: "relation_summary" },
        ...TABLE_NAME,
        ...CHANGES,
        bytes: count,
        share: { type: "number", minimum: 0, maximum: 1 },
      },
      Object.keys(TABLE_NAME),
    ),
    oneOf: NAMED,
  },
  transaction_summary: object(
    {
      kind: { const: "transaction_summary" },
      xid: nullable(unsigned),
      changes: count,
      bytes: count,
      commit_time: nullable(time),
      partial: { const: true },
      tables: listOf({
        ...object({ ...TABLE_NAME, ...CHANGES }, Object.keys(TABLE_NAME)),
        oneOf: NAMED,
      }),
      more_tables: count,
    },
    ["partial", "more_tables"],
  ),
};

/** The JSON Schema of the lines that tail, decode-file and inspect print. */
export function ndjsonSchema(): JsonSchema {
  const unchanged = {
    description: "Columns whose values the server did not send, since they did not change.",
    type: "array",
    items: text,
    minItems: 1,
  };
  const lines = { ...LINES, ...SUMMARY_LINES, ...WAL_LINES };
  return {
    $schema: DRAFT,
    title: "walctl: a line of NDJSON",
    description:
      "A pgoutput message, of --summary a table's or a transaction's changes, or of inspect a record of WAL, a line of statistics or a finding. Keys stand in the order in which they are listed here, kind first.",
    oneOf: Object.keys(lines).map(ref),
    $defs: { ...lines, ...PARTS, ...WAL_PARTS, unchanged },
  };
}

/** The position may be unknown, and a transaction exists only inside of one, so both may be null. */
function line(
  kind: MessageKind,
  properties: Readonly<Record<string, JsonSchema>>,
  optional: readonly string[] = [],
): JsonSchema {
  const head = { kind: { const: kind }, lsn: nullable(lsn), xid: nullable(unsigned) };
  return object({ ...head, ...properties }, optional);
}

/** The line of a row. */
function change(
  kind: "insert" | "update" | "delete",
  rows: Readonly<Record<string, JsonSchema>>,
): JsonSchema {
  const place = { oid: unsigned, schema: text, table: text };
  const optional = [...Object.keys(place), "key", "old", "unchanged"];
  return {
    ...line(kind, { commit_time: nullable(time), ...place, ...rows }, optional),
    oneOf: NAMED,
    not: having("key", "old"),
  };
}

function either(schema: JsonSchema, ...keys: readonly string[]): JsonSchema {
  return { ...schema, oneOf: keys.map((key) => having(key)) };
}
