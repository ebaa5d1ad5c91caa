/**
 * Reads segments of physical WAL, from files, archives or standard input, as one log.
 * Law: it reads and reports faults; what a record means belongs to wal, what is printed to commands.
 * Way in: findFiles and planLog decide what to read, readLog reads it.
 */
import { usageError } from "../../errors.ts";
import type { WalFault } from "../../postgres/pages/faults.ts";
import { PAGE_BYTES } from "../../postgres/pages/page.ts";
import { pageAddress, pageFault } from "../../postgres/pages/page-faults.ts";
import { createPageChunk } from "../../postgres/pages/page-chunk.ts";
import { formatPosition } from "../../postgres/pages/position.ts";
import { RecordReader, Step } from "../../wal/reader.ts";
import { formatSegmentName } from "../../postgres/pages/segments.ts";
import {
  ANY_TIMELINE,
  type LocatedFault,
  type LogEnd,
  type LogOptions,
  type OpenSegment,
  type PagesBehind,
} from "./log-parts.ts";
import { CompressionError } from "../lz4.ts";

/** 128 to 1,024 kB are equally fast, and larger chunks need more memory: the output of a chunk is kept too. */
const CHUNK_BYTES = 16 * PAGE_BYTES;

/** Reads up to the end, to a fault, or until the listener wants no more. Throws InputError if a file cannot be read. */
export async function readLog(options: LogOptions, reader = new RecordReader()): Promise<LogEnd> {
  return await new LogWalk(options, reader).run();
}

class LogWalk {
  readonly #options: LogOptions;
  readonly #reader: RecordReader;
  readonly #chunk = createPageChunk(CHUNK_BYTES);
  #segment: OpenSegment | undefined;
  /** The position where the next segment should begin. */
  #expected: number | undefined;
  /** The fault of the range that is being skipped. */
  #fault: LocatedFault | undefined;

  constructor(options: LogOptions, reader: RecordReader) {
    this.#options = options;
    this.#reader = reader;
    const { from, source } = options;
    if (from === undefined) return;
    this.#expected = from - (from % source.header.segmentBytes);
  }

  async run(): Promise<LogEnd> {
    const { source } = this.#options;
    for (;;) {
      const segment = await source.next();
      if (segment === undefined) return this.#finish();
      const end = this.#checkGap(segment) ?? (await this.#readSegment(segment));
      if (end !== undefined) {
        await segment.stream.close();
        return end;
      }
      this.#expected = segment.address + source.header.segmentBytes;
    }
  }

  /** The input is read to its end. */
  #finish(): LogEnd {
    const reader = this.#reader;
    const range = reader.finish();
    if (range !== undefined && this.#fault !== undefined) {
      this.#options.listener.skipped(range, this.#fault);
    }
    const { position, previous, unfinished, empty } = reader;
    const { source } = this.#options;
    const end = { kind: "end", position, previous } as const;
    if (!unfinished || !source.mayGoOn || this.#expected === undefined) return end;
    const { timeline, segmentBytes } = source.header;
    return { ...end, goesOnIn: formatSegmentName(timeline, this.#expected, segmentBytes), empty };
  }

  #checkGap({ address, timelineMax, name }: OpenSegment): LogEnd | undefined {
    const from = this.#expected;
    if (from === undefined || from === address) return undefined;
    const { header } = this.#options.source;
    const { segmentBytes } = header;
    if (address < from) {
      throw usageError(
        `${name} lies before the segment that was read before it`,
        "Give the segments in the order of the log: walctl sorts files by itself.",
      );
    }
    const timeline = timelineMax === ANY_TIMELINE ? header.timeline : timelineMax;
    const nameOf = (at: number): string => formatSegmentName(timeline, at, segmentBytes);
    const [first, last] = [nameOf(from), nameOf(address - segmentBytes)];
    const what =
      first === last ? `segment ${first} is missing` : `segments ${first} to ${last} are missing`;
    const step = this.#reader.interrupt(what, false);
    this.#reader.jump();
    if (step !== Step.stopped) return undefined;
    const fault = this.#reader.stop!;
    return this.#meet({ ...fault, text: what });
  }

  async #readSegment(segment: OpenSegment): Promise<LogEnd | undefined> {
    const { source, listener, stop } = this.#options;
    const { segmentBytes } = source.header;
    const reader = this.#reader;
    this.#segment = segment;
    reader.openSegment(source.header, segment.timelineMax);
    const segmentEnd = segment.address + segmentBytes;
    let done = segment.offset;
    // Behind a SWITCH record the rest of a segment need not be read.
    while (done < segmentBytes && reader.position < segmentEnd) {
      const room = Math.min(CHUNK_BYTES, segmentBytes - done);
      const length = await this.#read(segment, room);
      if (typeof length !== "number") return length;
      if (length > 0) {
        reader.feed(this.#chunk, length, segment.address + done);
        const end = await this.#readChunk();
        await listener.flush();
        if (end?.kind === "end")
          return { ...end, ...(await this.#lookBehind(segment, done, length)) };
        if (end !== undefined) return end;
      }
      if (stop.aborted) return { kind: "enough" };
      done += length;
      if (length < room) return await this.#cutShort(segment, segmentBytes - done);
    }
    await segment.stream.close();
    return undefined;
  }

  /** Looks for pages behind the log's end, in the last chunk and the rest of the segment. */
  async #lookBehind(segment: OpenSegment, fedAt: number, fedLength: number): Promise<PagesBehind> {
    const { source, from, stop } = this.#options;
    // --follow reads on there later.
    if (from !== undefined) return {};
    const { header } = source;
    const context = { header, timelineMin: 0, timelineMax: segment.timelineMax };
    const end = this.#reader.stop?.position ?? 0;
    let [at, length] = [fedAt, fedLength];
    let older: PagesBehind = {};
    while (length > 0 && !stop.aborted) {
      for (let page = 0; page + PAGE_BYTES <= length; page += PAGE_BYTES) {
        const address = segment.address + at + page;
        if (address < end) continue;
        const fault = pageFault(this.#chunk.words, page >> 2, address, context);
        if (fault === undefined && address > end) return { pageBehind: address };
        const own = fault?.mayBeEnd === true ? pageAddress(this.#chunk.words, page >> 2) : 0;
        if (own > 0 && own < address) older = { olderPage: older.olderPage ?? own };
      }
      at += length;
      const room = Math.min(CHUNK_BYTES, header.segmentBytes - at);
      const read = room > 0 ? await this.#read(segment, room) : 0;
      length = typeof read === "number" ? read : 0;
    }
    return older;
  }

  /** The segment ends where its compressed bytes are damaged. */
  async #read({ stream, name }: OpenSegment, room: number): Promise<number | LogEnd> {
    try {
      return await stream.read(this.#chunk.bytes.subarray(0, room));
    } catch (error) {
      if (!(error instanceof CompressionError)) throw error;
      const text = `${name}: its compressed bytes are damaged: ${error.message}`;
      const step = this.#reader.interrupt(text, false);
      const fault = step === Step.stopped ? this.#reader.stop : this.#fault;
      return this.#meet({ ...fault!, text }) ?? 0;
    }
  }

  /** Steps through the chunk. Undefined if more bytes are needed. */
  async #readChunk(): Promise<LogEnd | undefined> {
    const reader = this.#reader;
    const { listener, source } = this.#options;
    const { version } = source.header;
    for (;;) {
      switch (reader.next()) {
        case Step.record: {
          const more = listener.record(reader.record, version);
          if (more !== true && !(await more)) return { kind: "enough" };
          break;
        }
        case Step.more:
          return undefined;
        case Step.skipped:
          listener.skipped(reader.skipped!, this.#fault!);
          break;
        case Step.stopped: {
          const end = await this.#stopped(reader.stop!);
          if (end !== undefined) return end;
        }
      }
    }
  }

  async #stopped(fault: WalFault): Promise<LogEnd | undefined> {
    const segment = this.#segment!;
    const mayBeEnd = fault.cutShort ? segment.partial : fault.mayBeEnd;
    if (mayBeEnd && !(await this.#options.source.hasLater())) {
      return { kind: "end", position: fault.start, previous: this.#reader.previous };
    }
    const byte = fault.position - segment.address;
    // A record that began in an earlier segment is named by its position only.
    const where = byte >= 0 ? `${segment.name}: byte ${byte}` : segment.name;
    return this.#meet({ ...fault, text: `${where}: ${fault.message}` });
  }

  #meet(fault: LocatedFault): LogEnd | undefined {
    if (!this.#options.keepGoing) return { kind: "fault", fault };
    this.#fault = fault;
    this.#reader.skip();
    return undefined;
  }

  /** The file is shorter than its segment. Behind a SWITCH record nothing is missing. */
  async #cutShort(segment: OpenSegment, missing: number): Promise<LogEnd | undefined> {
    const { segmentBytes } = this.#options.source.header;
    const reader = this.#reader;
    if (reader.position < segment.address + segmentBytes || missing === 0) {
      const what = `record at ${formatPosition(reader.position)}: ${missing} bytes missing`;
      const step = reader.interrupt(what, true);
      const end = step === Step.stopped ? await this.#stopped(reader.stop!) : undefined;
      if (end !== undefined) return end;
      reader.jump();
    }
    await segment.stream.close();
    return undefined;
  }
}
