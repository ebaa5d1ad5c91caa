import { checksumAfter } from "./pages/crc32c.ts";
import { type PageChunk, type WalBytes, createWalBytes } from "./pages/page-chunk.ts";
import { CHECKSUM_AT, ID_ORIGIN, ID_TOP_XID, RECORD_HEADER_BYTES } from "./record.ts";
import { Rmgr } from "./rmgrs.ts";

const CAPACITY_MIN = 128 * 1024;
/** What is longer gets all of its room at once: the system hands out pages as they are filled, and no second copy is made. */
const DOUBLED_MAX = 8 * 1024 * 1024;
/** How much is kept of a logical message's content, which has no place in a line. */
const MESSAGE_BYTES_MAX = 1024 * 1024;
const RMGR_AT = 17;

/**
 * The bytes of a record that crosses pages, without the pages' headers. Memory grows with what has come, not with what the record's
 * length promises: a damaged length allocates nothing.
 */
export class JoinedRecord {
  memory: WalBytes = createWalBytes(CAPACITY_MIN);
  /** Of the whole record; 0: none is open. */
  totalLength = 0;
  /** How much of it has come. */
  length = 0;
  lsn = 0;
  /** Of what follows the header. */
  #checksum = -1;

  begin(lsn: number, totalLength: number): void {
    // What a huge record needed is given back.
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

  /** Of all of it. */
  checksum(): number {
    return ~checksumAfter(this.#checksum, this.memory.bytes, 0, CHECKSUM_AT);
  }

  #grow(length: number): void {
    const { bytes } = this.memory;
    const doubled = Math.min(bytes.length * 2, this.totalLength);
    const capacity = length > DOUBLED_MAX ? this.totalLength : doubled;
    const wanted = Math.max(capacity, length);
    const isMessage = bytes[RMGR_AT] === Rmgr.logicalMessage;
    const room = isMessage ? Math.min(wanted, prefixEnd(this.memory) + MESSAGE_BYTES_MAX) : wanted;
    if (room <= bytes.length) return;
    const grown = createWalBytes(room);
    grown.bytes.set(bytes.subarray(0, this.length));
    this.memory = grown;
  }
}

/** Of a logical message: behind its items and what stands before the prefix, see describeMessage(). */
function prefixEnd({ bytes, view }: WalBytes): number {
  let at = RECORD_HEADER_BYTES;
  if (bytes[at] === ID_ORIGIN) at += 3;
  if (bytes[at] === ID_TOP_XID) at += 5;
  const main = at + 5;
  return main + 24 + view.getUint32(main + 8, true);
}
