import type { WalFault } from "./faults.ts";
import { PAGE_BYTES, type SegmentHeader } from "./page.ts";
import type { PageChunk } from "./page-chunk.ts";
import { pageFault } from "./page-faults.ts";

export const PAGE_MASK = PAGE_BYTES - 1;
export const UNKNOWN = -1;

export function pageAfter(at: number): number {
  return (at | PAGE_MASK) + 1;
}

/** Where in the pages that were fed reading stands. */
export class PageCursor {
  chunk!: PageChunk;
  /** The chunk's first byte in the log, and how much of it is filled. */
  base = 0;
  end = 0;
  /** In the chunk; behind its end where what lies between is of no interest. */
  at = 0;
  #header: SegmentHeader | undefined;
  /** The highest that a page of the segment may be of, and that of the page before. */
  #timelineMax = 0;
  #timeline = 0;
  /** Where reading goes on when more is fed; UNKNOWN: at what comes. */
  #position = UNKNOWN;

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
    if (this.#position === UNKNOWN) return;
    const at = this.#position - address;
    // Behind a switch of segments the rest is of no interest.
    if (at >= length) this.at = at;
    else if (at > 0) this.#resume(at);
  }

  /** What was fed is read. */
  leave(): void {
    this.#position = this.base + this.at;
  }

  /** Goes on at that position. */
  seek(position: number): void {
    this.base = position;
    this.at = 0;
    this.end = 0;
    this.#position = position;
  }

  /** Pages that follow are not the next ones. */
  jump(): void {
    this.#position = UNKNOWN;
  }

  /** Undefined: the page at `at` is one of this log, at its place. */
  check(at: number): WalFault | undefined {
    const { words } = this.chunk;
    const fault = pageFault(words, at >> 2, this.base + at, {
      header: this.header,
      timelineMin: this.#timeline,
      timelineMax: this.#timelineMax,
    });
    if (fault === undefined) this.#timeline = words[(at >> 2) + 1]! >>> 0;
    return fault;
  }

  /** The page has been read before, up to the record at `at`; it may have been replaced since. */
  #resume(at: number): void {
    const page = at & ~PAGE_MASK;
    this.at = page === at || this.check(page) === undefined ? at : page;
  }
}
