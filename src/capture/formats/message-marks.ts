import { isKnownTag } from "../../pgoutput/decoder.ts";
import { Tag, TupleTag } from "../../pgoutput/tags.ts";
import { carriesXid, LINE_FEED, type Separator } from "./end-to-end.ts";

/** Bytes by which a message can be told from chance at a glance, counted from its tag and without an xid. */
interface Marks {
  /** These are 0: unused flags, and the first bytes of LSNs for the first 64 petabytes of WAL. */
  readonly zeros?: readonly number[];
  /** The byte at the first number is one of the others. */
  readonly oneOf?: readonly [number, readonly number[]];
  /** Here stand so many names, none longer than the second number. */
  readonly names?: readonly [start: number, bytesMax: number, count: number];
  /** It has one of these lengths. */
  readonly lengths?: readonly number[];
}

const { key, old, new: fresh } = TupleTag;
/** NAMEDATALEN, GIDSIZE, and what is generous: an origin's name and a message's prefix are what somebody chose. */
const [NAME, GID, FREE_NAME] = [64, 200, 1024];

const MARKS = new Map<number, Marks>([
  [Tag.begin, { zeros: [1], lengths: [21] }],
  [Tag.commit, { zeros: [1, 2, 10], lengths: [26] }],
  [Tag.origin, { zeros: [1], names: [9, FREE_NAME, 1] }],
  [Tag.relation, { names: [5, NAME, 2] }],
  [Tag.type, { names: [5, NAME, 2] }],
  [Tag.insert, { oneOf: [5, [fresh]] }],
  [Tag.update, { oneOf: [5, [key, old, fresh]] }],
  [Tag.delete, { oneOf: [5, [key, old]] }],
  [Tag.truncate, { zeros: [1], oneOf: [5, [0, 1, 2, 3]] }],
  [Tag.message, { zeros: [2], oneOf: [1, [0, 1]], names: [10, FREE_NAME, 1] }],
  [Tag.streamStart, { oneOf: [5, [0, 1]], lengths: [6] }],
  [Tag.streamStop, { lengths: [1] }],
  [Tag.streamCommit, { zeros: [5, 6, 14], lengths: [30] }],
  [Tag.streamAbort, { lengths: [9, 25] }],
  [Tag.beginPrepare, { zeros: [1, 9], names: [29, GID, 1] }],
  [Tag.prepare, { zeros: [1, 2, 10], names: [30, GID, 1] }],
  [Tag.streamPrepare, { zeros: [1, 2, 10], names: [30, GID, 1] }],
  [Tag.commitPrepared, { zeros: [1, 2, 10], names: [30, GID, 1] }],
  [Tag.rollbackPrepared, { zeros: [1, 2, 10], names: [38, GID, 1] }],
]);

const XID_BYTES = 4;

/**
 * Whether it is worth to decode what starts here: to try it at every letter of a long text would take hours. Bytes that
 * are not there yet speak for it.
 */
export function mayStartMessage(
  bytes: Uint8Array,
  start: number,
  separator: Separator,
  streaming: boolean,
): boolean {
  const tag = bytes[start] ?? 0;
  const marks = MARKS.get(tag);
  if (marks === undefined) return false;
  const from = start + (streaming && carriesXid(tag) ? XID_BYTES : 0);
  const { zeros = [], oneOf, names, lengths } = marks;
  if (zeros.some((offset) => (bytes[from + offset] ?? 0) !== 0)) return false;
  if (oneOf !== undefined) {
    const byte = bytes[from + oneOf[0]];
    if (byte !== undefined && !oneOf[1].includes(byte)) return false;
  }
  if (
    lengths !== undefined &&
    !lengths.some((length) => mayFollow(bytes[from + length], separator))
  )
    return false;
  return names === undefined || namesEnd(bytes, from, names);
}

/** Whether another message can go on with that byte, or the line feed before it. */
function mayFollow(byte: number | undefined, separator: Separator): boolean {
  if (byte === undefined) return true;
  return separator === "line feed" ? byte === LINE_FEED : isKnownTag(byte);
}

function namesEnd(
  bytes: Uint8Array,
  from: number,
  [start, bytesMax, count]: readonly [number, number, number],
): boolean {
  let at = from + start;
  for (let name = 0; name < count; name++) {
    const end = at + bytesMax;
    while (at < end && bytes[at] !== 0) {
      if (at++ >= bytes.length) return true;
    }
    if (at === end) return false;
    at++;
  }
  return true;
}
