/** Random sessions of pgoutput, all kinds of messages, for fast-check. */
import fc, { type Arbitrary } from "fast-check";
import type { WireMessage, WireTuple, WireValue } from "./pgoutput-encoder.ts";

/** Above 0x7fffffff too: xids and oids are unsigned. */
const uint32 = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 0xffffffff }));
/** Up to 64 petabytes of WAL: beyond, a long Stream Abort cannot be told from a short one. */
const lsn = fc.bigInt({ min: 0n, max: (1n << 56n) - 1n });
const time = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n });
/** Strings on the wire end with a NUL, so they hold none. */
const name = fc
  .oneof(
    fc.string({ maxLength: 12 }),
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.constantFrom("\n", "\ufeffb", "é😀", "__proto__", ""),
  )
  .map((text) => text.replaceAll("\0", ""));
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.uint8Array({ maxLength: 600 }),
  fc.constantFrom("\n", "\nB", "\nI\0\0@").map((text) => Uint8Array.from(Buffer.from(text))),
);
/** A relation's oid tells how many columns it has: so rows always fit, announced or not. */
const oid = fc.integer({ min: 0, max: 6 }).map((index) => 0xfffffff0 + index);
const columnCountOf = (relation: number): number => relation - 0xfffffff0;

const value: Arbitrary<WireValue> = fc.oneof(
  fc.constantFrom<WireValue>({ kind: "null" }, { kind: "unchanged" }),
  fc.record({ kind: fc.constantFrom("text" as const, "binary" as const), bytes }),
);
const tupleOf = (relation: number): Arbitrary<WireTuple> => {
  const length = columnCountOf(relation);
  return fc.array(value, { minLength: length, maxLength: length });
};

/** What may stand in a transaction; `xid` is what each carries inside a stream block, and null outside. */
function change(xid: number | null): Arbitrary<WireMessage> {
  const relation = oid.chain((id) =>
    fc.record({
      kind: fc.constant("relation" as const),
      oid: fc.constant(id),
      schema: name,
      table: name,
      replicaIdentity: fc.constantFrom("default", "nothing", "full", "index"),
      columns: fc.uniqueArray(
        fc.record({
          name,
          key: fc.boolean(),
          typeOid: uint32,
          typeModifier: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
        }),
        {
          minLength: columnCountOf(id),
          maxLength: columnCountOf(id),
          selector: (column) => column.name,
        },
      ),
      xid: fc.constant(xid),
    }),
  );
  const row = oid.chain((id) => {
    const common = { oid: fc.constant(id), xid: fc.constant(xid) };
    const none = fc.constant(null);
    const tuple = tupleOf(id);
    const insert = fc.record({ kind: fc.constant("insert" as const), ...common, new: tuple });
    const update = { kind: fc.constant("update" as const), ...common, new: tuple };
    const remove = { kind: fc.constant("delete" as const), ...common };
    return fc.oneof(
      insert,
      fc.record({ ...update, key: none, old: none }),
      fc.record({ ...update, key: tuple, old: none }),
      fc.record({ ...update, key: none, old: tuple }),
      fc.record({ ...remove, key: tuple, old: none }),
      fc.record({ ...remove, key: none, old: tuple }),
    );
  });
  const type = fc.record({
    kind: fc.constant("type" as const),
    oid: uint32,
    schema: name,
    name,
    xid: fc.constant(xid),
  });
  const truncate = fc.record({
    kind: fc.constant("truncate" as const),
    oids: fc.array(oid, { maxLength: 4 }),
    cascade: fc.boolean(),
    restartIdentity: fc.boolean(),
    xid: fc.constant(xid),
  });
  return fc.oneof({ weight: 4, arbitrary: row }, relation, type, truncate, logicalMessage(xid));
}

function logicalMessage(xid: number | null): Arbitrary<WireMessage> {
  return fc.record({
    kind: fc.constant("message" as const),
    transactional: fc.constant(xid !== null),
    messageLsn: lsn,
    prefix: name,
    content: bytes,
    xid: fc.constant(xid),
  });
}

const committed = { commitLsn: lsn, endLsn: lsn, commitTime: time };
const prepared = { prepareLsn: lsn, endLsn: lsn, prepareTime: time, xid: uint32, gid: name };
const kind = <Kind extends string>(text: Kind): { kind: Arbitrary<Kind> } => ({
  kind: fc.constant(text),
});
const origin = fc.record({ ...kind("origin"), originLsn: lsn, name });
const changes = fc.array(change(null), { maxLength: 6 });

const transaction = fc
  .tuple(
    fc.record({ ...kind("begin"), finalLsn: lsn, commitTime: time, xid: uint32 }),
    fc.array(origin, { maxLength: 1 }),
    changes,
    fc.record({ ...kind("commit"), ...committed }),
  )
  .map(([begin, origins, body, commit]): WireMessage[] => [begin, ...origins, ...body, commit]);

const preparedTransaction = fc
  .tuple(
    fc.record({ ...kind("begin_prepare"), ...prepared }),
    changes,
    fc.record({ ...kind("prepare"), ...prepared }),
  )
  .map(([begin, body, prepare]): WireMessage[] => [begin, ...body, prepare]);

const streamBlock = uint32.chain((xid) =>
  fc
    .tuple(
      fc.record({ ...kind("stream_start"), xid: fc.constant(xid), firstSegment: fc.boolean() }),
      fc.array(
        fc.oneof(fc.constant(xid), uint32).chain((own) => change(own)),
        { maxLength: 6 },
      ),
    )
    .map(([start, body]): WireMessage[] => [start, ...body, { kind: "stream_stop" }]),
);

const between: Arbitrary<WireMessage> = fc.oneof(
  logicalMessage(null),
  fc.record({ ...kind("stream_commit"), xid: uint32, ...committed }),
  fc.record({
    ...kind("stream_abort"),
    xid: uint32,
    subxid: uint32,
    abortLsn: fc.constant(null),
    abortTime: fc.constant(null),
  }),
  fc.record({
    ...kind("stream_abort"),
    xid: uint32,
    subxid: uint32,
    abortLsn: lsn,
    abortTime: time,
  }),
  fc.record({ ...kind("stream_prepare"), ...prepared }),
  fc.record({ ...kind("commit_prepared"), xid: uint32, gid: name, ...committed }),
  fc.record({
    ...kind("rollback_prepared"),
    prepareEndLsn: lsn,
    rollbackEndLsn: lsn,
    prepareTime: time,
    rollbackTime: time,
    xid: uint32,
    gid: name,
  }),
);

/** As a server sends them: transactions, stream blocks, and what stands between them. */
export const session: Arbitrary<WireMessage[]> = fc
  .array(
    fc.oneof(
      transaction,
      preparedTransaction,
      streamBlock,
      between.map((message): WireMessage[] => [message]),
    ),
    { minLength: 1, maxLength: 6 },
  )
  // Records of fast-check have no prototype; clones are plain objects.
  .map((parts) => structuredClone(parts.flat()));
