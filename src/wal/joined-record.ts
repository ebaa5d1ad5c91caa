import { type PageChunk, createPageChunk } from "./pages/page-chunk.ts";

const CAPACITY_MIN = 128 * 1024;
/** What is longer gets all of its room at once: the system hands out pages as they are filled, and no second copy is made. */
const DOUBLED_MAX = 8 * 1024 * 1024;

/**
 * The bytes of a record that crosses pages, without the pages' headers. Memory grows with what has come, not with what the record's
 * length promises: a damaged length allocates nothing.
 */
export class JoinedRecord {
  chunk: PageChunk = createPageChunk(CAPACITY_MIN);
  /** Of the whole record; 0: none is open. */
  totalLength = 0;
  /** How much of it is there. */
  length = 0;
  lsn = 0;

  begin(lsn: number, totalLength: number): void {
    // What a huge record needed is given back.
    if (this.chunk.bytes.length > CAPACITY_MIN && totalLength <= CAPACITY_MIN) {
      this.chunk = createPageChunk(CAPACITY_MIN);
    }
    this.lsn = lsn;
    this.totalLength = totalLength;
    this.length = 0;
  }

  drop(): void {
    this.totalLength = 0;
  }

  append(source: Uint8Array, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.chunk.bytes.length) this.#grow(length);
    this.chunk.bytes.set(source.subarray(start, end), this.length);
    this.length = length;
  }

  #grow(length: number): void {
    const doubled = Math.min(this.chunk.bytes.length * 2, this.totalLength);
    const capacity = length > DOUBLED_MAX ? this.totalLength : doubled;
    const grown = createPageChunk(Math.max(capacity, length));
    grown.bytes.set(this.chunk.bytes.subarray(0, this.length));
    this.chunk = grown;
  }
}
