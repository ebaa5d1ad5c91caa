import type { Readable } from "node:stream";
import { ExitCode, WalctlError } from "../../errors.ts";
import {
  LONG_HEADER_BYTES,
  PAGE_BYTES,
  type SegmentHeader,
  readSegmentStart,
} from "../../postgres/pages/page.ts";
import { formatSegmentName } from "../../postgres/pages/segments.ts";
import type { ByteStream } from "./byte-stream.ts";
import { ANY_TIMELINE, type OpenSegment, type SegmentSource } from "./log-parts.ts";
import { isGone } from "../source.ts";
import { openFile, openStandardInput } from "./open.ts";
import { type LogPlan, type PlannedSegment, differentSystems, startFault } from "./plan.ts";

/** The files of a plan; each is opened when it is needed. */
export class PlannedSource implements SegmentSource {
  readonly header: SegmentHeader;
  readonly mayGoOn: boolean;
  readonly #segments: readonly PlannedSegment[];
  readonly #startPosition: number;
  #index = 0;

  /** The pages before that of `startPosition` are not read. */
  constructor({ header, timeline, segments, endShown }: LogPlan, startPosition: number) {
    this.header = { ...header, timeline };
    this.mayGoOn = !endShown;
    this.#startPosition = startPosition;
    this.#segments = segments.filter(
      ({ address }) => address + header.segmentBytes > startPosition,
    );
  }

  async next(): Promise<OpenSegment | undefined> {
    for (;;) {
      const segment = this.#segments[this.#index];
      if (segment === undefined) return undefined;
      this.#index++;
      try {
        return await this.#open(segment);
      } catch (error) {
        // The file was removed since the directory was read: a gap, if others follow.
        if (!isGone(error)) throw error;
      }
    }
  }

  async #open(segment: PlannedSegment): Promise<OpenSegment> {
    const { file, address, timeline } = segment;
    const { name, path, partial, compressed } = file;
    const before = Math.max(this.#startPosition - address, 0);
    const offset = compressed ? 0 : before - (before % PAGE_BYTES);
    const { stream } = await openFile(path, offset);
    return { name, address, timelineMax: timeline, partial, offset, stream };
  }

  async hasLater(): Promise<boolean> {
    return this.#segments.slice(this.#index).some(({ valid }) => valid);
  }
}

const STANDARD_INPUT = "standard input";
const REST_BYTES_MAX = 32 * 1024 * 1024;

/** Whole segments one after the other, as from `cat`. */
export class StandardInputSource implements SegmentSource {
  readonly header: SegmentHeader;
  readonly mayGoOn = true;
  readonly #stream: ByteStream;
  /**
   * The first bytes of the next segment, undefined if not read yet; and their header, undefined if it is not a segment.
   */
  #head: Uint8Array | undefined;
  #next: SegmentHeader | undefined;
  #address = 0;
  /** How many bytes of the open segment have not been read. */
  #left = 0;
  /** Those bytes, where a later segment was asked for before: a pipe cannot go back. */
  #rest: Uint8Array | undefined;

  private constructor(stream: ByteStream, head: Uint8Array, header: SegmentHeader) {
    this.#stream = stream;
    this.#head = head;
    this.#next = header;
    this.header = header;
  }

  static async open(stdin: Readable, stop: AbortSignal): Promise<StandardInputSource> {
    const { stream } = await openStandardInput(stdin, stop);
    const head = new Uint8Array(LONG_HEADER_BYTES);
    const length = await stream.read(head);
    const start = readSegmentStart(head.subarray(0, length));
    if (start.kind === "segment") return new StandardInputSource(stream, head, start.header);
    throw (
      startFault(STANDARD_INPUT, start) ??
      new WalctlError("standard input: no WAL was written to it: its first page is empty", {
        exitCode: ExitCode.malformedInput,
      })
    );
  }

  async next(): Promise<OpenSegment | undefined> {
    if (this.#head === undefined && !(await this.#readHead())) return undefined;
    const header = this.#next;
    if (header !== undefined && header.systemIdentifier !== this.header.systemIdentifier) {
      throw differentSystems(this.header, header);
    }
    const { segmentBytes } = this.header;
    const address = header?.address ?? this.#address + segmentBytes;
    const timeline = header?.timeline ?? this.header.timeline;
    const name = `${STANDARD_INPUT} (${formatSegmentName(timeline, address, segmentBytes)})`;
    this.#address = address;
    this.#next = undefined;
    this.#rest = undefined;
    this.#left = segmentBytes;
    const stream = this.#segmentStream();
    return { name, address, timelineMax: ANY_TIMELINE, partial: true, offset: 0, stream };
  }

  /** Skips what is not a segment. */
  async hasLater(): Promise<boolean> {
    this.#rest ??= await this.#readRest();
    while (this.#next === undefined) {
      if (this.#head !== undefined) this.#left = this.header.segmentBytes - LONG_HEADER_BYTES;
      if (!(await this.#readHead())) return false;
    }
    return true;
  }

  /** Of larger segments it is given up. */
  async #readRest(): Promise<Uint8Array> {
    const rest = new Uint8Array(this.#left > REST_BYTES_MAX ? 0 : this.#left);
    const length = await this.#stream.read(rest);
    this.#left -= length;
    return rest.subarray(0, length);
  }

  /** Reads the head of the segment behind the open one. False at the end of the input. */
  async #readHead(): Promise<boolean> {
    await this.#drain();
    const head = new Uint8Array(LONG_HEADER_BYTES);
    const length = await this.#stream.read(head);
    const start = readSegmentStart(head.subarray(0, length));
    this.#head = length < LONG_HEADER_BYTES ? undefined : head;
    this.#next = start.kind === "segment" ? start.header : undefined;
    return this.#head !== undefined;
  }

  #segmentStream(): ByteStream {
    return {
      read: async (into) => {
        if (this.#rest !== undefined) {
          const piece = this.#rest.subarray(0, into.length);
          into.set(piece);
          this.#rest = this.#rest.subarray(piece.length);
          return piece.length;
        }
        const wanted = into.subarray(0, Math.min(into.length, this.#left));
        const head = this.#head;
        this.#head = undefined;
        if (head !== undefined) wanted.set(head);
        const headBytes = head?.length ?? 0;
        const length = headBytes + (await this.#stream.read(wanted.subarray(headBytes)));
        this.#left -= length;
        return length;
      },
      close: async () => await this.#drain(),
    };
  }

  async #drain(): Promise<void> {
    const rest = new Uint8Array(64 * 1024);
    while (this.#left > 0) {
      const length = await this.#stream.read(rest.subarray(0, Math.min(rest.length, this.#left)));
      if (length === 0) this.#left = 0;
      this.#left -= length;
    }
  }
}
