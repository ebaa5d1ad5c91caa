import type { WalFault } from "./faults.ts";
import { PAGE_BYTES, type SegmentHeader } from "./page.ts";
import type { PageChunk } from "./page-chunk.ts";
import { pageFault } from "./page-faults.ts";

export const PAGE_MASK = PAGE_BYTES - 1;
export const NO_POSITION = -1;

export function pageAfter(at: number): number {
  return (at | PAGE_MASK) + 1;
}

/** The reading position in the pages that were fed. */
export class PageCursor {
  chunk!: PageChunk;
  /** The position of the chunk's first byte in the log, and the number of bytes filled. */
  base = 0;
  end = 0;
  /** The offset in the chunk; behind its end if the bytes between are to be skipped. */
  at = 0;
  #header: SegmentHeader | undefined;
  /** The highest timeline that a page of the segment may have. */
  #timelineMax = 0;
  /** Of the page that was checked last. */
  timeline = 0;
  /** Where to continue when more is fed; NO_POSITION: at the start of what is fed. */
  #position = NO_POSITION;

  get header(): SegmentHeader {
    if (this.#header === undefined) throw new Error("openSegment() comes before feed()");
    return this.#header;
  }

  openSegment(header: SegmentHeader, timelineMax: number): void {
    this.#header = header;
    this.#timelineMax = timelineMax;
  }

  feed(chunk: PageChunk, length: number, address: number): void {
    this.chunk = chunk;
    this.base = address;
    this.end = length;
    this.at = 0;
    if (this.#position === NO_POSITION) return;
    const at = this.#position - address;
    // Behind a SWITCH record the rest of the segment is skipped.
    if (at >= length) this.at = at;
    else if (at > 0) this.#resume(at);
  }

  /** All bytes that were fed are read. */
  leave(): void {
    this.#position = this.base + this.at;
  }

  /** Continues at that position. */
  seek(position: number): void {
    this.base = position;
    this.at = 0;
    this.end = 0;
    this.#position = position;
  }

  /** The pages that follow are not the next ones. */
  jump(): void {
    this.#position = NO_POSITION;
  }

  /** Undefined if the page at `at` belongs to this log, at this position. */
  check(at: number): WalFault | undefined {
    const { words } = this.chunk;
    const fault = pageFault(words, at >> 2, this.base + at, {
      header: this.header,
      timelineMin: this.timeline,
      timelineMax: this.#timelineMax,
    });
    if (fault === undefined) this.timeline = words[(at >> 2) + 1]! >>> 0;
    return fault;
  }

  /**
   * Continues in a page read before, up to the record at `at`. It is checked again, since it may have been replaced.
   */
  #resume(at: number): void {
    const page = at & ~PAGE_MASK;
    this.at = page === at || this.check(page) === undefined ? at : page;
  }
}
