import { DecodeError } from "../../errors.ts";
import type { PgoutputMessage } from "../../postgres/messages/messages.ts";
import { ByteReader } from "../../postgres/bytes/reader.ts";
import { type Bytea, ByteaDecoder, hexDigit } from "./bytea.ts";
import type { CaptureReaderOptions } from "./capture-reader.ts";
import { ChunkedReader, type Decoded } from "./chunks.ts";
import { Damage, decodeErrorOf } from "./damage.ts";
import type { LineFields, SplitLine } from "./line-formats.ts";
import { isCut } from "./trial.ts";
import { WholeMessages } from "./whole-messages.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** How many bytes of lines one step of work covers. */
const LINES_BYTES = 1 << 16;
/** If a line without an end is longer than this, it is checked before waiting for more of it. */
const FAR_BYTES = 1 << 20;
/** A fault closer than this to the end of an incomplete line may disappear once there is more of the line. */
const UNDECIDED_BYTES = 4;

const HEX_MARK = String.raw`\x`;

type Value = Pick<LineFields, "text" | "from" | "to">;

/** Reads captures as text: one message a line, as psql and COPY print the result of the SQL functions. */
export class LineReader extends ChunkedReader {
  readonly #split: SplitLine;
  readonly #options: CaptureReaderOptions;
  readonly #messages: WholeMessages;
  readonly #damage: Damage;
  readonly #bytea = new ByteaDecoder();
  readonly #reader = new ByteReader();
  #first = true;
  /** The rest of this line is skipped. */
  #passing = false;

  constructor(split: SplitLine, options: CaptureReaderOptions) {
    super();
    this.#split = split;
    this.#options = options;
    this.#messages = new WholeMessages(options.keepGoing);
    this.#damage = new Damage(options, this.#messages);
  }

  protected override *decode(
    bytes: Uint8Array,
    base: number,
    final: boolean,
  ): Generator<void, Decoded, void> {
    let start = 0;
    let pieceEnd = LINES_BYTES;
    while (start < bytes.length) {
      const lineFeed = bytes.indexOf(LINE_FEED, start);
      if (lineFeed === -1 && !final) {
        this.#passing ||= this.#isHopeless(bytes.subarray(start), base + start);
        return { consumed: this.#passing ? bytes.length : start, missing: 1 };
      }
      const end = lineFeed === -1 ? bytes.length : lineFeed;
      const crlf = end > start && bytes[end - 1] === CARRIAGE_RETURN;
      const line = bytes.subarray(start, crlf ? end - 1 : end);
      if (line.length > 0 && !this.#passing) this.#line(line, base + start, lineFeed === -1);
      this.#passing = false;
      start = end + 1;
      if (start > pieceEnd) {
        yield;
        pieceEnd = start + LINES_BYTES;
      }
    }
    if (final) this.#damage.ended(base + bytes.length);
    return { consumed: bytes.length, missing: 0 };
  }

  /** `cut`: the capture ends without a line feed after this line. */
  #line(line: Uint8Array, start: number, cut: boolean): void {
    const first = this.#first;
    this.#first = false;
    try {
      const message = this.#message(line, first);
      if (message === null) return;
      this.#damage.ended(start);
      this.#options.listener.message(message);
    } catch (error) {
      const fault = decodeErrorOf(error);
      this.#damage.found(cut ? cutFault(fault, line.length) : unmissing(fault), start, start);
      this.#pass(line, first);
    }
  }

  #pass(line: Uint8Array, first: boolean): void {
    const values = this.#valuesOf(line, first);
    const tags = values.map(({ text, from, to }) => {
      const { bytes } = this.#bytea.salvage(text, from, to);
      this.#damage.lost(bytes, true);
      return bytes[0];
    });
    this.#messages.passedOver(tags.length === 1 ? tags[0] : undefined);
    // If digits were lost or added, the digits behind them are paired differently.
    let start = line.length;
    while (hexDigit(line[start - 1] ?? 0) !== undefined) start--;
    start += (line.length - start) % 2;
    this.#damage.lost(this.#bytea.salvageHex(line, start, line.length).bytes, true);
  }

  /** The values of a damaged line, which may be several lines: `\x` marks the values, whatever the other fields are. */
  #valuesOf(line: Uint8Array, first: boolean): readonly Value[] {
    const text = Buffer.from(line.buffer, line.byteOffset, line.length);
    const values: Value[] = [];
    for (let from = text.indexOf(HEX_MARK); from !== -1;) {
      const next = text.indexOf(HEX_MARK, from + 1);
      values.push({ text: line, from, to: next === -1 ? line.length : next });
      from = next;
    }
    if (values.length > 0) return values;
    try {
      const fields = this.#split(line, first);
      return fields === null ? [] : [fields];
    } catch (error) {
      decodeErrorOf(error);
      return [{ text: line, from: 0, to: line.length }];
    }
  }

  /**
   * Whether the rest of a long line can be skipped before its end is known: it holds no row, as psql's rule below the
   * heading, or it is already damaged. Waiting for its end would fill the memory if the file is, say, all zeros.
   */
  #isHopeless(line: Uint8Array, start: number): boolean {
    if (line.length < FAR_BYTES) return false;
    const first = this.#first;
    try {
      const fields = this.#split(line, first);
      if (fields === null) {
        this.#first = false;
        return true;
      }
      const { text, from, to, source } = fields;
      const { bytes } = this.#bytea.decode(text, from, to - ((to - from) % 2));
      if (isCut(bytes, 0)) return false;
      throw new DecodeError("line: longer than the message in it", source);
    } catch (error) {
      const fault = decodeErrorOf(error);
      if (fault.offset > line.length - UNDECIDED_BYTES) return false;
      this.#first = false;
      this.#damage.found(unmissing(fault), start, start);
      this.#pass(line, first);
      return true;
    }
  }

  /** Offsets of faults count from the start of the line. */
  #message(line: Uint8Array, first: boolean): PgoutputMessage | null {
    const fields = this.#split(line, first);
    if (fields === null) return null;
    let bytea: Bytea | undefined;
    // After unquoting, only the offset of the value's start is known, not offsets inside it.
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

/** The fault of a last line without a line feed: missing bytes were cut off. */
function cutFault(fault: DecodeError, lineEnd: number): DecodeError {
  if (fault.missing === 0 && fault.offset < lineEnd) return fault;
  return new DecodeError(fault.message, lineEnd, Math.max(fault.missing, 1));
}

/** Bytes missing in a complete line are not missing at the capture's end. */
function unmissing(fault: DecodeError): DecodeError {
  return new DecodeError(fault.message, fault.offset);
}
