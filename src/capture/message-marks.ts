import { Tag, TupleTag } from "../pgoutput/tags.ts";
import { carriesXid } from "./end-to-end.ts";

/** Bytes by which a message can be told from chance at a glance, counted from its tag and without an xid. */
interface Marks {
  /** These are 0: unused flags, and the first bytes of LSNs for the first 64 petabytes of WAL. */
  readonly zeros?: readonly number[];
  /** The byte at the first number is one of the others. */
  readonly oneOf?: readonly [number, readonly number[]];
  /** Here starts a name, which ends before long. */
  readonly name?: number;
}

const { key, old, new: fresh } = TupleTag;

const MARKS = new Map<number, Marks>([
  [Tag.begin, { zeros: [1] }],
  [Tag.commit, { zeros: [1, 2, 10] }],
  [Tag.origin, { zeros: [1], name: 9 }],
  [Tag.relation, { name: 5 }],
  [Tag.type, { name: 5 }],
  [Tag.insert, { oneOf: [5, [fresh]] }],
  [Tag.update, { oneOf: [5, [key, old, fresh]] }],
  [Tag.delete, { oneOf: [5, [key, old]] }],
  [Tag.truncate, { zeros: [1], oneOf: [5, [0, 1, 2, 3]] }],
  [Tag.message, { zeros: [2], oneOf: [1, [0, 1]], name: 10 }],
  [Tag.streamStart, { oneOf: [5, [0, 1]] }],
  [Tag.streamStop, {}],
  [Tag.streamCommit, { zeros: [5, 6, 14] }],
  [Tag.streamAbort, {}],
  [Tag.beginPrepare, { zeros: [1, 9], name: 29 }],
  [Tag.prepare, { zeros: [1, 2, 10], name: 30 }],
  [Tag.streamPrepare, { zeros: [1, 2, 10], name: 30 }],
  [Tag.commitPrepared, { zeros: [1, 2, 10], name: 30 }],
  [Tag.rollbackPrepared, { zeros: [1, 2, 10], name: 38 }],
]);

const XID_BYTES = 4;
/** Names are of up to 63 bytes, a prefix of pg_logical_emit_message is what somebody chose. */
const NAME_BYTES_MAX = 1024;

/**
 * Whether it is worth to decode what starts here. To try it at every letter of a long text would take hours. Bytes that
 * are not there yet speak for it.
 */
export function mayStartMessage(bytes: Uint8Array, start: number, streaming: boolean): boolean {
  const tag = bytes[start] ?? 0;
  const marks = MARKS.get(tag);
  if (marks === undefined) return false;
  const from = start + (streaming && carriesXid(tag) ? XID_BYTES : 0);
  const { zeros = [], oneOf, name } = marks;
  if (zeros.some((offset) => (bytes[from + offset] ?? 0) !== 0)) return false;
  if (oneOf !== undefined) {
    const byte = bytes[from + oneOf[0]];
    if (byte !== undefined && !oneOf[1].includes(byte)) return false;
  }
  return name === undefined || nameEnds(bytes, from + name);
}

function nameEnds(bytes: Uint8Array, start: number): boolean {
  const end = start + NAME_BYTES_MAX;
  return bytes.length <= end || bytes.subarray(start, end).includes(0);
}
