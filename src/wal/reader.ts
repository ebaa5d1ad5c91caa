/**
 * PostgreSQL's physical write-ahead log: pages in, records out (access/transam/xlogreader.c).
 * Law: pure. No clock, no files, no packages; no object for a record that nobody keeps; what was not checked is not given out.
 * Way in: RecordReader. feed() it pages, and call next() until it wants more. What a record means is in detail/describe.ts, what it is called
 * in rmgrs.ts.
 */
import { type SkippedRange, type WalFault, faultAt, recordFault } from "./pages/faults.ts";
import { JoinedRecord } from "./joined-record.ts";
import {
  LONG_HEADER_BYTES,
  PageInfo,
  SHORT_HEADER_BYTES,
  type SegmentHeader,
} from "./pages/page.ts";
import type { PageChunk, WalBytes } from "./pages/page-chunk.ts";
import { PAGE_MASK, PageCursor, UNKNOWN, pageAfter } from "./pages/page-cursor.ts";
import { align8, formatPosition, positionOf } from "./pages/position.ts";
import { RecordLinks } from "./record-links.ts";
import { CHECKSUM_AT, RECORD_HEADER_BYTES, WalRecord, recordChecksum } from "./record.ts";
import { Rmgr } from "./rmgrs.ts";

/** What next() has to say. */
export const Step = {
  /** `record` is the next one. */
  record: 1,
  /** All that was fed is read. */
  more: 2,
  /** `skipped` is a range that was passed over; the record behind it comes next. */
  skipped: 3,
  /** `stop` tells why. Only skip() leads on. */
  stopped: 4,
} as const;
export type Step = (typeof Step)[keyof typeof Step];

const OPCODE_SWITCH = 0x40;
/** No record is longer (palloc's limit; 1,020 MiB from 16 on). */
const RECORD_BYTES_MAX = 1024 * 1024 * 1024;

export class RecordReader {
  readonly record = new WalRecord();
  stop: WalFault | undefined;
  skipped: SkippedRange | undefined;
  readonly #pages = new PageCursor();
  readonly #links = new RecordLinks();
  /** Whether a record was read since the start or the last gap: then the next one follows it directly. */
  #synced = false;
  readonly #joined = new JoinedRecord();
  /** Set while a sound record behind a fault is looked for. */
  #searching: WalFault | undefined;
  /** Found behind a skipped range, and not given out yet. */
  #found = false;
  /** Whether a record that began before what was fed goes on behind it. */
  #passing = false;

  /** The segment that the pages fed from now on are of. */
  openSegment(header: SegmentHeader, timelineMax: number): void {
    this.#pages.openSegment(header, timelineMax);
  }

  /** Goes on at `position`, the start of a record, behind the record at `prev`. */
  seek(position: number, prev: number): void {
    this.#joined.drop();
    this.#pages.seek(position);
    this.#links.previous = prev;
    this.#synced = true;
    this.stop = undefined;
  }

  /** The first `length` bytes of the chunk, which begins with a page at `address`; they stay as they are until more is asked for. */
  feed(chunk: PageChunk, length: number, address: number): void {
    this.#pages.feed(chunk, length, address);
  }

  /** Where the record would start that comes next, or the one that is not complete does. */
  get position(): number {
    return this.#joined.totalLength > 0 ? this.#joined.lsn : this.#pages.base + this.#pages.at;
  }

  /** Whether a record goes on behind what was fed: the one at `position`, or one that began before all of it. */
  get unfinished(): boolean {
    return this.#joined.totalLength > 0 || this.#passing;
  }

  /** Whether no record has begun yet. */
  get empty(): boolean {
    return this.#links.previous === UNKNOWN && this.#joined.totalLength === 0;
  }

  /** The record before `position`. */
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

  /** Bytes are missing here: of a file that was cut short, or of segments that are not there. */
  interrupt(message: string, cutShort: boolean): Step | undefined {
    return this.#fail({ ...faultAt(this.position, message), cutShort }, this.#pages.at);
  }

  /** After a stop: on to the next sound record, wherever that is. */
  skip(): void {
    this.#searching = this.stop;
    this.stop = undefined;
  }

  /** Pages that follow are not the next ones. */
  jump(): void {
    this.#joined.drop();
    this.#pages.jump();
    this.#links.break();
    this.#synced = false;
  }

  /** At the end of the input: what was skipped up to there. */
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
    if ((info & PageInfo.overwrite) !== 0) {
      // What was open was never completed: the server crashed, and wrote on from here.
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

  /** Appends what the page holds of the open record. */
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

  /** A record that the page does not hold whole. */
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

  /** Decodes a record that is there whole, and gives it out if it is sound. */
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
    record.endLsn = this.#pages.base + this.#pages.at;
    this.#links.previous = lsn;
    this.#synced = true;
    if (record.rmgr === Rmgr.xlog && record.opcode === OPCODE_SWITCH) this.#leaveSegment();
    return this.#searching === undefined ? Step.record : this.#giveFound(lsn);
  }

  /** Behind a SWITCH the rest of the segment is empty. */
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

  /** One that lies on a single page may have a wrong length: the next page is the first place that can be trusted. */
  #failRecord(fault: WalFault, start: number): Step | undefined {
    const crossed = fault.position !== this.#pages.base + start;
    const nextPage = pageAfter(fault.position - this.#pages.base);
    return this.#fail(fault, crossed ? this.#pages.at : nextPage);
  }

  /** The file ends within a page. */
  #cut(missing: number, end: number): Step | undefined {
    const position =
      this.#joined.totalLength > 0 ? this.#joined.lsn : this.#pages.base + this.#pages.at;
    const message = `record at ${formatPosition(position)}: ${missing} bytes missing`;
    return this.#fail({ ...faultAt(position, message), cutShort: true }, end);
  }

  /** Stops, to go on at `resumeAt` if it is asked to; a candidate behind a fault is only passed over. */
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
