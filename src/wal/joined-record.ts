import { checksumAfter } from "../postgres/pages/crc32c.ts";
import { type PageChunk, type WalBytes, createWalBytes } from "../postgres/pages/page-chunk.ts";
import {
  CHECKSUM_AT,
  ID_ORIGIN,
  ID_TOP_XID,
  RECORD_HEADER_BYTES,
} from "../postgres/records/record.ts";
import { Rmgr } from "../postgres/records/rmgrs.ts";
import { MESSAGE_PREFIX_AT, MESSAGE_PREFIX_BYTES_AT } from "../postgres/records/status.ts";

const CAPACITY_MIN = 128 * 1024;
/** Longer records get all memory at once: the system provides pages only when filled, and no second copy is made. */
const DOUBLED_MAX = 8 * 1024 * 1024;
/** So much of a logical message's content is kept where nobody prints it. */
const MESSAGE_BYTES_MAX = 1024 * 1024;
const RMGR_AT = 17;

/**
 * The bytes of a record that crosses pages, without the page headers. Memory grows with the bytes received, not to the
 * record's stated length: a damaged length allocates nothing.
 */
export class JoinedRecord {
  memory: WalBytes = createWalBytes(CAPACITY_MIN);
  /** The length of the whole record; 0 if none is open. */
  totalLength = 0;
  /** How many of its bytes have been appended. */
  length = 0;
  lsn = 0;
  /** The checksum of the bytes behind the header, so far. */
  #checksum = -1;
  readonly #messageBytesMax: number;

  /** @param messages whether all of a logical message is kept */
  constructor(messages: boolean) {
    this.#messageBytesMax = messages ? Infinity : MESSAGE_BYTES_MAX;
  }

  begin(lsn: number, totalLength: number): void {
    // Gives back the memory of a huge record.
    if (this.memory.bytes.length > CAPACITY_MIN && totalLength <= CAPACITY_MIN) {
      this.memory = createWalBytes(CAPACITY_MIN);
    }
    this.lsn = lsn;
    this.totalLength = totalLength;
    this.length = 0;
    this.#checksum = -1;
  }

  drop(): void {
    this.totalLength = 0;
  }

  append(source: PageChunk, start: number, end: number): void {
    const data = Math.max(start, start + RECORD_HEADER_BYTES - this.length);
    if (data < end) this.#checksum = source.checksumAfter(this.#checksum, data, end);
    const length = this.length + end - start;
    if (length > this.memory.bytes.length) this.#grow(length);
    const room = this.memory.bytes.length - this.length;
    if (room > 0) {
      const kept = source.bytes.subarray(start, Math.min(end, start + room));
      this.memory.bytes.set(kept, this.length);
    }
    this.length = length;
  }

  /** The checksum of the whole record. */
  checksum(): number {
    return ~checksumAfter(this.#checksum, this.memory.bytes, 0, CHECKSUM_AT);
  }

  #grow(length: number): void {
    const { bytes } = this.memory;
    const doubled = Math.min(bytes.length * 2, this.totalLength);
    const capacity = length > DOUBLED_MAX ? this.totalLength : doubled;
    const wanted = Math.max(capacity, length);
    const isMessage = bytes[RMGR_AT] === Rmgr.logicalMessage;
    const room = isMessage
      ? Math.min(wanted, prefixEnd(this.memory) + this.#messageBytesMax)
      : wanted;
    if (room <= bytes.length) return;
    const grown = createWalBytes(room);
    grown.bytes.set(bytes.subarray(0, this.length));
    this.memory = grown;
  }
}

/** The end of a logical message's prefix: after the items and the fields before it. */
function prefixEnd({ bytes, view }: WalBytes): number {
  let at = RECORD_HEADER_BYTES;
  if (bytes[at] === ID_ORIGIN) at += 3;
  if (bytes[at] === ID_TOP_XID) at += 5;
  const main = at + 5;
  return main + MESSAGE_PREFIX_AT + view.getUint32(main + MESSAGE_PREFIX_BYTES_AT, true);
}
