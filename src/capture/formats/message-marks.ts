import { isKnownTag } from "../../postgres/messages/decoder.ts";
import { Tag, TupleTag } from "../../postgres/messages/tags.ts";
import { carriesXid, LINE_FEED, type Separator } from "./end-to-end.ts";

/** Bytes that distinguish a message from random data at a glance. Offsets count from the tag and leave out an xid. */
interface Marks {
  /** These bytes are 0: unused flags, and the first bytes of LSNs for the first 64 petabytes of WAL. */
  readonly zeros?: readonly number[];
  /** The byte at this offset is one of these. */
  readonly oneOf?: readonly [number, readonly number[]];
  /** From this offset on there are `count` names, none longer than `bytesMax`. */
  readonly names?: readonly [start: number, bytesMax: number, count: number];
  /** The message has one of these lengths. */
  readonly lengths?: readonly number[];
}

const { key, old, new: fresh } = TupleTag;
/** NAMEDATALEN, GIDSIZE, and a generous limit for freely chosen names: an origin's name, a message's prefix. */
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
 * Whether decoding from here is worth a try: a try at every letter of a long text would take hours. Bytes that have not
 * arrived yet count as matching.
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

/** Whether this byte can follow a message: as the next message's tag, or as the line feed before it. */
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
