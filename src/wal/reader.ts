/**
 * PostgreSQL's physical write-ahead log: pages in, records out (access/transam/xlogreader.c).
 * Law: pure. No clock, no files, no packages. It allocates no object for a record that nobody keeps, and returns no
 * record that failed a check.
 * Way in: RecordReader. feed() it pages, and call next() until it needs more. What a record means is in
 * detail/describe.ts, what it is called in rmgrs.ts.
 */
import {
  type SkippedRange,
  type WalFault,
  faultAt,
  recordFault,
} from "../postgres/pages/faults.ts";
import { JoinedRecord } from "./joined-record.ts";
import {
  LONG_HEADER_BYTES,
  PageInfo,
  replacesRecord,
  SHORT_HEADER_BYTES,
  type SegmentHeader,
} from "../postgres/pages/page.ts";
import type { PageChunk, WalBytes } from "../postgres/pages/page-chunk.ts";
import { PAGE_MASK, PageCursor, NO_POSITION, pageAfter } from "../postgres/pages/page-cursor.ts";
import { align8, formatPosition, positionOf } from "../postgres/pages/position.ts";
import { RecordLinks } from "./record-links.ts";
import {
  CHECKSUM_AT,
  RECORD_HEADER_BYTES,
  WalRecord,
  recordChecksum,
} from "../postgres/records/record.ts";
import { XlogOperation } from "../postgres/records/xlog.ts";
import { Rmgr } from "../postgres/records/rmgrs.ts";

/** The results of next(). */
export const Step = {
  /** `record` is the next record. */
  record: 1,
  /** All pages that were fed are read. */
  more: 2,
  /** `skipped` is a range that was skipped; the record behind it comes next. */
  skipped: 3,
  /** `stop` says why. Only skip() continues. */
  stopped: 4,
} as const;
export type Step = (typeof Step)[keyof typeof Step];

/** No record is longer (palloc's limit; 1,020 MiB from PostgreSQL 16 on). */
const RECORD_BYTES_MAX = 1024 * 1024 * 1024;

export class RecordReader {
  readonly record = new WalRecord();
  stop: WalFault | undefined;
  skipped: SkippedRange | undefined;
  readonly #pages = new PageCursor();
  readonly #links = new RecordLinks();
  /** Whether a record was read since the start or the last gap: the next one then follows it directly. */
  #synced = false;
  readonly #joined: JoinedRecord;
  /** The fault behind which a valid record is being searched for. */
  #searching: WalFault | undefined;
  /** `record` was found behind a skipped range and not returned yet. */
  #found = false;
  /** Whether a record that began before the first page fed continues behind the pages fed so far. */
  #passing = false;

  /** `messages`: whether all of logical messages is kept, or as much as describes them */
  constructor({ messages = false } = {}) {
    this.#joined = new JoinedRecord(messages);
  }

  /** Sets the segment of the pages that are fed from now on. */
  openSegment(header: SegmentHeader, timelineMax: number): void {
    this.#pages.openSegment(header, timelineMax);
  }

  /** Continues at `position`, the start of a record; the record before it is at `prev`. */
  seek(position: number, prev: number): void {
    this.#joined.drop();
    this.#pages.seek(position);
    this.#links.previous = prev;
    this.#synced = true;
    this.stop = undefined;
  }

  /** Feeds `length` bytes of the chunk, from a page at `address` on; they must not change until more is needed. */
  feed(chunk: PageChunk, length: number, address: number): void {
    this.#pages.feed(chunk, length, address);
  }

  /** The start of the next record, or of an incomplete one. */
  get position(): number {
    return this.#joined.totalLength > 0 ? this.#joined.lsn : this.#pages.base + this.#pages.at;
  }

  /** Whether a record continues behind the pages fed: the one at `position`, or one that began before all of them. */
  get unfinished(): boolean {
    return this.#joined.totalLength > 0 || this.#passing;
  }

  /** Whether no record has begun yet. */
  get empty(): boolean {
    return this.#links.previous === NO_POSITION && this.#joined.totalLength === 0;
  }

  /** The start of the record before `position`. */
  get previous(): number {
    return this.#links.previous;
  }

  next(): Step {
    if (this.#found) {
      this.#found = false;
      return Step.record;
    }
    for (;;) {
      const at = this.#pages.at;
      if (at >= this.#pages.end) {
        this.#pages.leave();
        return Step.more;
      }
      const step = (at & PAGE_MASK) === 0 ? this.#enterPage(at) : this.#readRecord(at);
      if (step !== undefined) return step;
    }
  }

  /** Bytes are missing here: the file is too short, or segments are missing. */
  interrupt(message: string, cutShort: boolean): Step | undefined {
    return this.#fail({ ...faultAt(this.position, message), cutShort }, this.#pages.at);
  }

  /** After a stop, continues with the next valid record. */
  skip(): void {
    this.#searching = this.stop;
    this.stop = undefined;
  }

  /** The pages that follow are not the next ones. */
  jump(): void {
    this.#joined.drop();
    this.#pages.jump();
    this.#links.break();
    this.#synced = false;
  }

  /** Call it at the end of the input: returns what was skipped up to there. */
  finish(): SkippedRange | undefined {
    const fault = this.#searching;
    if (fault === undefined) return undefined;
    this.#searching = undefined;
    return { fault, start: fault.start, end: this.#pages.base + this.#pages.at };
  }

  #enterPage(at: number): Step | undefined {
    const address = this.#pages.base + at;
    const { words } = this.#pages.chunk;
    const pageEnd = Math.min(pageAfter(at), this.#pages.end);
    const first = address % this.#pages.header.segmentBytes === 0;
    const start = at + (first ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES);
    if (start > pageEnd) return this.#cut(start - pageEnd, pageEnd);
    const fault = this.#pages.check(at);
    if (fault !== undefined) {
      return this.#fail(fault, this.#searching === undefined ? at : pageAfter(at));
    }
    const index = at >> 2;
    const info = words[index]! >>> 16;
    const rest = words[index + 4]! >>> 0;
    if (replacesRecord(info, this.#pages.header.version)) {
      // The open record was never completed: the server crashed and continued writing here.
      this.#joined.drop();
    } else if (this.#joined.totalLength > 0) {
      return this.#continueRecord(at, start, pageEnd, (info & PageInfo.continued) === 0 ? 0 : rest);
    } else if ((info & PageInfo.continued) !== 0) {
      if (this.#synced && this.#searching === undefined) {
        const message = `page at ${formatPosition(address)}: continues another record`;
        return this.#fail(faultAt(address, message), at);
      }
      this.#passing = rest > pageEnd - start;
      this.#pages.at = this.#passing ? pageEnd : start + align8(rest);
      return undefined;
    }
    this.#pages.at = start;
    this.#passing = false;
    return undefined;
  }

  #continueRecord(at: number, start: number, pageEnd: number, rest: number): Step | undefined {
    const joined = this.#joined;
    const missing = joined.totalLength - joined.length;
    if (rest !== missing) {
      const position = this.#pages.base + at;
      const page = formatPosition(position);
      const message =
        rest === 0
          ? `page at ${page}: does not continue the record at ${formatPosition(joined.lsn)}`
          : `page at ${page}: continues another record`;
      return this.#fail(faultAt(position, message), at);
    }
    const room = pageEnd - start;
    joined.append(this.#pages.chunk, start, start + Math.min(missing, room));
    if (missing > room) {
      if ((pageEnd & PAGE_MASK) !== 0) return this.#cut(missing - room, pageEnd);
      this.#pages.at = pageEnd;
      return undefined;
    }
    this.#pages.at = start + align8(missing);
    const { lsn, totalLength, memory } = joined;
    joined.drop();
    return this.#check(memory, 0, totalLength, joined.checksum(), lsn);
  }

  #readRecord(at: number): Step | undefined {
    const chunk = this.#pages.chunk;
    const pageEnd = Math.min(pageAfter(at), this.#pages.end);
    const lsn = this.#pages.base + at;
    if (pageEnd - at < 4) return this.#cut(RECORD_HEADER_BYTES - (pageEnd - at), pageEnd);
    const totalLength = chunk.words[at >> 2]! >>> 0;
    if (totalLength <= pageEnd - at && totalLength >= RECORD_HEADER_BYTES) {
      this.#pages.at = at + align8(totalLength);
      return this.#check(chunk, at, totalLength, recordChecksum(chunk, at, totalLength), lsn);
    }
    return this.#beginRecord(at, pageEnd, totalLength);
  }

  /** Starts a record that does not fit the page. */
  #beginRecord(at: number, pageEnd: number, totalLength: number): Step | undefined {
    const lsn = this.#pages.base + at;
    const { chunk } = this.#pages;
    if (totalLength < RECORD_HEADER_BYTES || totalLength > RECORD_BYTES_MAX) {
      const message = `record at ${formatPosition(lsn)}: length ${totalLength} is not possible`;
      return this.#fail({ ...faultAt(lsn, message), mayBeEnd: totalLength === 0 }, pageAfter(at));
    }
    if (pageEnd - at >= 16) {
      const link = positionOf(chunk.words[(at >> 2) + 3]!, chunk.words[(at >> 2) + 2]!);
      const fault = this.#links.fault(lsn, link, this.#searching !== undefined);
      if (fault !== undefined) return this.#fail(fault, pageAfter(at));
    }
    this.#joined.begin(lsn, totalLength);
    this.#joined.append(chunk, at, pageEnd);
    if ((pageEnd & PAGE_MASK) !== 0) return this.#cut(totalLength - (pageEnd - at), pageEnd);
    this.#pages.at = pageEnd;
    return undefined;
  }

  /** Decodes a complete record, and returns it if it is valid. */
  #check(
    memory: WalBytes,
    start: number,
    totalLength: number,
    checksum: number,
    lsn: number,
  ): Step | undefined {
    const { record } = this;
    record.readHeader(memory, start, totalLength);
    if (record.prevLsn !== this.#links.previous) {
      const fault = this.#links.fault(lsn, record.prevLsn, this.#searching !== undefined);
      if (fault !== undefined) return this.#failRecord(fault, start);
    }
    if (memory.words[(start + CHECKSUM_AT) >> 2] !== checksum) {
      return this.#failRecord(recordFault(lsn, "checksum does not match"), start);
    }
    if (!record.decodeItems(this.#pages.header.version)) {
      return this.#failRecord(recordFault(lsn, "lengths of its parts do not add up"), start);
    }
    record.lsn = lsn;
    record.timeline = this.#pages.timeline;
    record.endLsn = this.#pages.base + this.#pages.at;
    this.#links.previous = lsn;
    this.#synced = true;
    if (record.rmgr === Rmgr.xlog && record.opcode === XlogOperation.switch) this.#leaveSegment();
    return this.#searching === undefined ? Step.record : this.#giveFound(lsn);
  }

  /** Behind a SWITCH record the rest of the segment is empty. */
  #leaveSegment(): void {
    const { segmentBytes } = this.#pages.header;
    const next = Math.ceil((this.#pages.base + this.#pages.at) / segmentBytes) * segmentBytes;
    this.record.endLsn = next;
    this.#pages.at = next - this.#pages.base;
  }

  #giveFound(lsn: number): Step {
    const fault = this.#searching!;
    this.skipped = { fault, start: fault.start, end: lsn };
    this.#searching = undefined;
    this.#found = true;
    return Step.skipped;
  }

  /** A record on a single page may have a wrong length: only the start of the next page can be trusted again. */
  #failRecord(fault: WalFault, start: number): Step | undefined {
    const crossed = fault.position !== this.#pages.base + start;
    const nextPage = pageAfter(fault.position - this.#pages.base);
    return this.#fail(fault, crossed ? this.#pages.at : nextPage);
  }

  #cut(missing: number, end: number): Step | undefined {
    const position =
      this.#joined.totalLength > 0 ? this.#joined.lsn : this.#pages.base + this.#pages.at;
    const message = `record at ${formatPosition(position)}: ${missing} bytes missing`;
    return this.#fail({ ...faultAt(position, message), cutShort: true }, end);
  }

  /** Stops, and continues at `resumeAt` after skip(). During a search a faulty candidate is just skipped. */
  #fail(fault: WalFault, resumeAt: number): Step | undefined {
    const joined = this.#joined;
    const start = joined.totalLength > 0 ? joined.lsn : fault.start;
    joined.drop();
    this.#pages.at = resumeAt;
    if (this.#searching !== undefined) return undefined;
    this.stop = { ...fault, start };
    return Step.stopped;
  }
}
