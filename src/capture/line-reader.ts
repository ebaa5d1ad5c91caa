import { DecodeError } from "../errors.ts";
import type { PgoutputMessage } from "../pgoutput/messages.ts";
import { ByteReader } from "../pgoutput/reader.ts";
import { type Bytea, ByteaDecoder } from "./bytea.ts";
import type { CaptureReader, CaptureReaderOptions } from "./capture-reader.ts";
import { ChunkJoiner, type Decoded } from "./chunks.ts";
import { Damage, decodeErrorOf } from "./damage.ts";
import type { SplitLine } from "./line-formats.ts";
import { WholeMessages } from "./whole-messages.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Captures as text: one message a line, as psql and COPY print what the SQL functions return. */
export class LineReader implements CaptureReader {
  readonly #split: SplitLine;
  readonly #options: CaptureReaderOptions;
  readonly #damage: Damage;
  readonly #joiner = new ChunkJoiner((bytes, base, final) => this.#decode(bytes, base, final));
  readonly #messages = new WholeMessages();
  readonly #bytea = new ByteaDecoder();
  readonly #reader = new ByteReader();
  #first = true;

  constructor(split: SplitLine, options: CaptureReaderOptions) {
    this.#split = split;
    this.#options = options;
    this.#damage = new Damage(options);
  }

  push(chunk: Uint8Array): void {
    this.#joiner.push(chunk);
  }

  end(): void {
    this.#joiner.end();
  }

  #decode(bytes: Uint8Array, base: number, final: boolean): Decoded {
    let start = 0;
    while (start < bytes.length) {
      const lineFeed = bytes.indexOf(LINE_FEED, start);
      if (lineFeed === -1 && !final) return { consumed: start, missing: 1 };
      const end = lineFeed === -1 ? bytes.length : lineFeed;
      const crlf = end > start && bytes[end - 1] === CARRIAGE_RETURN;
      const line = bytes.subarray(start, crlf ? end - 1 : end);
      if (line.length > 0) this.#line(line, base + start, lineFeed === -1);
      start = end + 1;
    }
    if (final) this.#damage.mended(base + bytes.length);
    return { consumed: bytes.length, missing: 0 };
  }

  /** `cut`: the line's end is the capture's. */
  #line(line: Uint8Array, start: number, cut: boolean): void {
    const first = this.#first;
    this.#first = false;
    try {
      const message = this.#message(line, first);
      if (message === null) return;
      this.#damage.mended(start);
      this.#options.listener.message(message);
    } catch (error) {
      const fault = decodeErrorOf(error);
      this.#damage.found(cut ? cutFault(fault, line.length) : unmissing(fault), start, start);
    }
  }

  /** Offsets of faults count from the line's start. */
  #message(line: Uint8Array, first: boolean): PgoutputMessage | null {
    const fields = this.#split(line, first);
    if (fields === null) return null;
    let bytea: Bytea | undefined;
    // Where the format was undone the places inside the value are lost, its start is not.
    const sourceOf = (offset: number): number => (fields.text === line ? offset : fields.source);
    try {
      bytea = this.#bytea.decode(fields.text, fields.from, fields.to);
      this.#reader.attach(bytea.bytes);
      return this.#messages.decode(this.#reader, fields.position);
    } catch (error) {
      const fault = decodeErrorOf(error);
      const offset = bytea === undefined ? fault.offset : bytea.sourceOf(fault.offset);
      throw new DecodeError(fault.message, sourceOf(offset), fault.missing);
    }
  }
}

/** Of a last line that has no line feed: what is missing in it was cut off. */
function cutFault(fault: DecodeError, lineEnd: number): DecodeError {
  if (fault.missing === 0 && fault.offset < lineEnd) return fault;
  return new DecodeError(fault.message, lineEnd, Math.max(fault.missing, 1));
}

/** What is missing in a line that ends is not missing at the capture's end. */
function unmissing(fault: DecodeError): DecodeError {
  return new DecodeError(fault.message, fault.offset);
}
