/** Every message of pgoutput, protocol versions 1 to 4: its bytes, written out by hand, and what they mean. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DecodeError } from "../../src/errors.ts";
import { PgoutputDecoder } from "../../src/pgoutput/decoder.ts";
import type { PgoutputMessage } from "../../src/pgoutput/messages.ts";
import { ByteReader } from "../../src/pgoutput/reader.ts";
import { type TupleData, columnValues } from "../../src/pgoutput/tuple.ts";
import { type WireMessage, encodeMessage } from "../support/wire/pgoutput-encoder.ts";

interface Case {
  readonly message: WireMessage;
  /** In hexadecimal, in wire order, a group for each field. */
  readonly bytes: string;
  /** Of what the decoder returns, the properties that its bytes decide. */
  readonly means: Readonly<Record<string, unknown>>;
  /** What was decoded before it. */
  readonly after?: readonly WireMessage[];
  /** Fewer bytes that are a message, too: a Stream Abort has two lengths. */
  readonly alsoEndsAt?: number;
}

// Bytes that would be negative if they were read as signed.
const XID = 0x80000001;
const OID = 0xfffffffe;
const xid = "80000001";
const oid = "fffffffe";
const LSN = 0xf600000010n;
const lsn = "000000f600000010";
const END = 0xf600000040n;
const end = "000000f600000040";
const TIME = 3n;
const time = "0000000000000003";
const BEFORE_2000 = -1n;
const beforeThat = "ffffffffffffffff";

const text = (value: string): { kind: "text"; bytes: Uint8Array } => ({
  kind: "text",
  bytes: Buffer.from(value),
});
const NULL = { kind: "null" } as const;
const UNCHANGED = { kind: "unchanged" } as const;
const BINARY = { kind: "binary", bytes: Uint8Array.of(0, 255) } as const;

const relation: WireMessage = {
  kind: "relation",
  xid: null,
  oid: OID,
  schema: "s",
  table: "té",
  replicaIdentity: "index",
  columns: [
    { name: "id", key: true, typeOid: 20, typeModifier: -1 },
    { name: "v", key: false, typeOid: 0x80000000, typeModifier: 14 },
  ],
};
const begin: WireMessage = { kind: "begin", finalLsn: LSN, commitTime: TIME, xid: XID };
const block: WireMessage = { kind: "stream_start", xid: 7, firstSegment: true };
const inTransaction = { transaction: { xid: XID, commitTime: TIME } };
const inBlock = { transaction: { xid: XID, commitTime: null } };
const outside = { transaction: null };
const of = (table: string): object => ({ table, announced: true });

const CASES: Readonly<Record<string, Case>> = {
  Begin: {
    message: begin,
    bytes: `42 ${lsn} ${time} ${xid}`,
    means: { kind: "begin", finalLsn: LSN, commitTime: TIME, ...inTransaction },
  },
  "Begin, committed before 2000": {
    message: { ...begin, commitTime: BEFORE_2000 },
    bytes: `42 ${lsn} ${beforeThat} ${xid}`,
    means: { kind: "begin", commitTime: BEFORE_2000 },
  },
  Commit: {
    message: { kind: "commit", commitLsn: LSN, endLsn: END, commitTime: TIME },
    bytes: `43 00 ${lsn} ${end} ${time}`,
    means: { kind: "commit", commitLsn: LSN, endLsn: END, commitTime: TIME, ...inTransaction },
    after: [begin],
  },
  Origin: {
    message: { kind: "origin", originLsn: LSN, name: "node 2" },
    bytes: `4f ${lsn} 6e6f6465203200`,
    means: { kind: "origin", originLsn: LSN, name: "node 2", ...inTransaction },
    after: [begin],
  },
  Relation: {
    message: relation,
    bytes: `52 ${oid} 7300 74c3a900 69 0002 01 696400 00000014 ffffffff 00 7600 80000000 0000000e`,
    means: {
      kind: "relation",
      relation: {
        oid: OID,
        schema: "s",
        table: "té",
        replicaIdentity: "index",
        columns: [
          { name: "id", key: true, typeOid: 20, typeModifier: -1 },
          { name: "v", key: false, typeOid: 0x80000000, typeModifier: 14 },
        ],
        keyed: true,
        announced: true,
      },
      ...inTransaction,
    },
    after: [begin],
  },
  "Relation in a stream block, without columns": {
    message: { ...relation, xid: XID, schema: "", replicaIdentity: "nothing", columns: [] },
    bytes: `52 ${xid} ${oid} 00 74c3a900 6e 0000`,
    means: {
      kind: "relation",
      relation: {
        oid: OID,
        schema: "",
        table: "té",
        replicaIdentity: "nothing",
        columns: [],
        keyed: false,
        announced: true,
      },
      ...inBlock,
    },
    after: [block],
  },
  Type: {
    message: { kind: "type", xid: null, oid: OID, schema: "", name: "text" },
    bytes: `59 ${oid} 00 7465787400`,
    means: { kind: "type", oid: OID, schema: "", name: "text", ...inTransaction },
    after: [begin],
  },
  "Type in a stream block": {
    message: { kind: "type", xid: XID, oid: OID, schema: "s", name: "mood" },
    bytes: `59 ${xid} ${oid} 7300 6d6f6f6400`,
    means: { kind: "type", oid: OID, schema: "s", name: "mood", ...inBlock },
    after: [block],
  },
  Insert: {
    message: { kind: "insert", xid: null, oid: OID, new: [text("1"), NULL] },
    bytes: `49 ${oid} 4e 0002 74 00000001 31 6e`,
    means: {
      kind: "insert",
      relation: of("té"),
      key: null,
      old: null,
      new: [text("1"), NULL],
      ...inTransaction,
    },
    after: [begin, relation],
  },
  "Insert in a stream block, binary and empty values": {
    message: { kind: "insert", xid: XID, oid: OID, new: [BINARY, text("")] },
    bytes: `49 ${xid} ${oid} 4e 0002 62 00000002 00ff 74 00000000`,
    means: { kind: "insert", relation: of("té"), new: [BINARY, text("")], ...inBlock },
    after: [relation, block],
  },
  Update: {
    message: {
      kind: "update",
      xid: null,
      oid: OID,
      key: null,
      old: null,
      new: [text("1"), UNCHANGED],
    },
    bytes: `55 ${oid} 4e 0002 74 00000001 31 75`,
    means: { kind: "update", key: null, old: null, new: [text("1"), UNCHANGED] },
    after: [begin, relation],
  },
  "Update of the key": {
    message: {
      kind: "update",
      xid: null,
      oid: OID,
      key: [text("1"), NULL],
      old: null,
      new: [text("2"), NULL],
    },
    bytes: `55 ${oid} 4b 0002 74 00000001 31 6e 4e 0002 74 00000001 32 6e`,
    means: { kind: "update", key: [text("1"), NULL], old: null, new: [text("2"), NULL] },
    after: [begin, relation],
  },
  "Update with the old row, in a stream block": {
    message: {
      kind: "update",
      xid: XID,
      oid: OID,
      key: null,
      old: [text("1"), NULL],
      new: [text("2"), NULL],
    },
    bytes: `55 ${xid} ${oid} 4f 0002 74 00000001 31 6e 4e 0002 74 00000001 32 6e`,
    means: {
      kind: "update",
      key: null,
      old: [text("1"), NULL],
      new: [text("2"), NULL],
      ...inBlock,
    },
    after: [relation, block],
  },
  "Delete by the key": {
    message: { kind: "delete", xid: null, oid: OID, key: [text("1"), NULL], old: null },
    bytes: `44 ${oid} 4b 0002 74 00000001 31 6e`,
    means: { kind: "delete", key: [text("1"), NULL], old: null, new: null, ...inTransaction },
    after: [begin, relation],
  },
  "Delete with the old row, in a stream block": {
    message: { kind: "delete", xid: XID, oid: OID, key: null, old: [text("1"), text("é")] },
    bytes: `44 ${xid} ${oid} 4f 0002 74 00000001 31 74 00000002 c3a9`,
    means: { kind: "delete", key: null, old: [text("1"), text("é")], new: null, ...inBlock },
    after: [relation, block],
  },
  "Delete from a table that no Relation message announced": {
    message: { kind: "delete", xid: null, oid: 9, key: null, old: [text("1")] },
    bytes: "44 00000009 4f 0001 74 00000001 31",
    means: { kind: "delete", relation: { oid: 9, announced: false }, old: [text("1")] },
    after: [begin],
  },
  Truncate: {
    message: {
      kind: "truncate",
      xid: null,
      oids: [OID, OID],
      cascade: true,
      restartIdentity: false,
    },
    bytes: `54 00000002 01 ${oid} ${oid}`,
    means: {
      kind: "truncate",
      relations: [of("té"), of("té")],
      cascade: true,
      restartIdentity: false,
    },
    after: [begin, relation],
  },
  "Truncate in a stream block": {
    message: { kind: "truncate", xid: XID, oids: [OID], cascade: false, restartIdentity: true },
    bytes: `54 ${xid} 00000001 02 ${oid}`,
    means: { kind: "truncate", cascade: false, restartIdentity: true, ...inBlock },
    after: [relation, block],
  },
  "Message of a transaction": {
    message: {
      kind: "message",
      xid: null,
      transactional: true,
      messageLsn: LSN,
      prefix: "p",
      content: Uint8Array.of(0, 255),
    },
    bytes: `4d 01 ${lsn} 7000 00000002 00ff`,
    means: {
      kind: "message",
      transactional: true,
      messageLsn: LSN,
      prefix: "p",
      content: Uint8Array.of(0, 255),
      ...inTransaction,
    },
    after: [begin],
  },
  "Message of no transaction, empty": {
    message: {
      kind: "message",
      xid: null,
      transactional: false,
      messageLsn: LSN,
      prefix: "",
      content: new Uint8Array(),
    },
    bytes: `4d 00 ${lsn} 00 00000000`,
    means: { kind: "message", transactional: false, prefix: "", ...outside },
  },
  "Message in a stream block": {
    message: {
      kind: "message",
      xid: XID,
      transactional: true,
      messageLsn: LSN,
      prefix: "p",
      content: Buffer.from("x"),
    },
    bytes: `4d ${xid} 01 ${lsn} 7000 00000001 78`,
    means: { kind: "message", transactional: true, prefix: "p", ...inBlock },
    after: [block],
  },
  "Stream Start": {
    message: { kind: "stream_start", xid: XID, firstSegment: true },
    bytes: `53 ${xid} 01`,
    means: { kind: "stream_start", firstSegment: true, ...inBlock },
  },
  "Stream Start of a later block": {
    message: { kind: "stream_start", xid: XID, firstSegment: false },
    bytes: `53 ${xid} 00`,
    means: { kind: "stream_start", firstSegment: false, ...inBlock },
  },
  "Stream Stop": {
    message: { kind: "stream_stop" },
    bytes: "45",
    means: { kind: "stream_stop", transaction: { xid: 7, commitTime: null } },
    after: [block],
  },
  "Stream Commit": {
    message: { kind: "stream_commit", xid: XID, commitLsn: LSN, endLsn: END, commitTime: TIME },
    bytes: `63 ${xid} 00 ${lsn} ${end} ${time}`,
    means: {
      kind: "stream_commit",
      commitLsn: LSN,
      endLsn: END,
      commitTime: TIME,
      ...inTransaction,
    },
  },
  "Stream Abort": {
    message: { kind: "stream_abort", xid: XID, subxid: OID, abortLsn: null, abortTime: null },
    bytes: `41 ${xid} ${oid}`,
    means: { kind: "stream_abort", subxid: OID, abortLsn: null, abortTime: null, ...inBlock },
  },
  "Stream Abort, streaming = parallel": {
    message: { kind: "stream_abort", xid: XID, subxid: XID, abortLsn: LSN, abortTime: TIME },
    bytes: `41 ${xid} ${xid} ${lsn} ${time}`,
    means: { kind: "stream_abort", subxid: XID, abortLsn: LSN, abortTime: TIME, ...inBlock },
    alsoEndsAt: 9,
  },
  "Begin Prepare": {
    message: {
      kind: "begin_prepare",
      prepareLsn: LSN,
      endLsn: END,
      prepareTime: TIME,
      xid: XID,
      gid: "g 1",
    },
    bytes: `62 ${lsn} ${end} ${time} ${xid} 67203100`,
    means: {
      kind: "begin_prepare",
      prepareLsn: LSN,
      endLsn: END,
      prepareTime: TIME,
      gid: "g 1",
      ...inBlock,
    },
  },
  Prepare: {
    message: {
      kind: "prepare",
      prepareLsn: LSN,
      endLsn: END,
      prepareTime: TIME,
      xid: XID,
      gid: "g",
    },
    bytes: `50 00 ${lsn} ${end} ${time} ${xid} 6700`,
    means: {
      kind: "prepare",
      prepareLsn: LSN,
      endLsn: END,
      prepareTime: TIME,
      gid: "g",
      ...inBlock,
    },
  },
  "Stream Prepare": {
    message: {
      kind: "stream_prepare",
      prepareLsn: LSN,
      endLsn: END,
      prepareTime: TIME,
      xid: XID,
      gid: "",
    },
    bytes: `70 00 ${lsn} ${end} ${time} ${xid} 00`,
    means: { kind: "stream_prepare", prepareLsn: LSN, endLsn: END, gid: "", ...inBlock },
  },
  "Commit Prepared": {
    message: {
      kind: "commit_prepared",
      commitLsn: LSN,
      endLsn: END,
      commitTime: TIME,
      xid: XID,
      gid: "g",
    },
    bytes: `4b 00 ${lsn} ${end} ${time} ${xid} 6700`,
    means: {
      kind: "commit_prepared",
      commitLsn: LSN,
      endLsn: END,
      commitTime: TIME,
      gid: "g",
      ...inTransaction,
    },
  },
  "Rollback Prepared": {
    message: {
      kind: "rollback_prepared",
      prepareEndLsn: LSN,
      rollbackEndLsn: END,
      prepareTime: TIME,
      rollbackTime: BEFORE_2000,
      xid: XID,
      gid: "g",
    },
    bytes: `72 00 ${lsn} ${end} ${time} ${beforeThat} ${xid} 6700`,
    means: {
      kind: "rollback_prepared",
      prepareEndLsn: LSN,
      rollbackEndLsn: END,
      prepareTime: TIME,
      rollbackTime: BEFORE_2000,
      gid: "g",
      ...inBlock,
    },
  },
};

for (const [name, { message, bytes: hex, means, after = [], alsoEndsAt }] of Object.entries(
  CASES,
)) {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const decoderBefore = (): PgoutputDecoder => {
    const decoder = new PgoutputDecoder();
    for (const each of after) decoder.decode(encodeMessage(each));
    return decoder;
  };

  describe(name, () => {
    it("is written as these bytes", () => {
      assert.equal(Buffer.from(encodeMessage(message)).toString("hex"), bytes.toString("hex"));
    });

    it("means this, whole", () => {
      assertMeans(decoderBefore().decode(bytes), means);
    });

    it("leaves the tail that follows it", () => {
      const reader = new ByteReader(Buffer.concat([bytes, Uint8Array.of(0x42)]));
      assertMeans(decoderBefore().decodeNext(reader), means);
      assert.equal(reader.offset, bytes.length);
    });

    it("is refused at every prefix, and the same decoder takes it when the last byte has come", () => {
      const decoder = decoderBefore();
      for (let length = 0; length < bytes.length; length++) {
        if (length === alsoEndsAt) continue;
        // Behind its shorter form the bytes are too many, not too few.
        const cut = length < (alsoEndsAt ?? Infinity);
        const refused = (error: unknown): boolean =>
          error instanceof DecodeError && (!cut || (error.missing > 0 && error.offset === length));
        assert.throws(() => decoder.decode(bytes.subarray(0, length)), refused, `${length} bytes`);
      }
      assertMeans(decoder.decode(bytes), means);
    });

    it("is refused with a byte too many", () => {
      const longer = Buffer.concat([bytes, Uint8Array.of(0)]);
      assert.throws(() => decoderBefore().decode(longer), DecodeError);
    });
  });
}

describe("the table of messages", () => {
  it("has every kind that the encoder knows", () => {
    const kinds = new Set(Object.values(CASES).map(({ message }) => message.kind));
    assert.equal(kinds.size, 19);
  });
});

function assertMeans(message: PgoutputMessage, means: Case["means"]): void {
  const expected = plain(means);
  assert.deepEqual(only(expected, plain(message)), expected);
}

/** Of `value` what `wanted` has, too. */
function only(wanted: unknown, value: unknown): unknown {
  if (Array.isArray(wanted) && Array.isArray(value)) {
    return value.map((each, index) => (index in wanted ? only(wanted[index], each) : each));
  }
  if (!isObject(wanted) || !isObject(value) || Array.isArray(value)) return value;
  return Object.fromEntries(Object.keys(wanted).map((key) => [key, only(wanted[key], value[key])]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Tuples as lists of values; bytes as text that a failed assertion shows. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return value.map(plain);
  if (!isObject(value)) return value;
  if ("columnCount" in value) return [...columnValues(value as unknown as TupleData)].map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}
