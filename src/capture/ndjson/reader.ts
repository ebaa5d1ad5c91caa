import { isUtf8 } from "node:buffer";
import type { CaptureReaderOptions } from "../formats/capture-reader.ts";
import { ChunkedReader, type Decoded } from "../formats/chunks.ts";
import { Damage, decodeErrorOf } from "../formats/damage.ts";
import { DecodeError } from "../../errors.ts";
import { Lines } from "./lines.ts";

const LINE_FEED = 0x0a;
/** How many bytes of lines one step of work covers. */
const LINES_BYTES = 1 << 16;

/** Reads the lines that walctl printed (docs/ndjson.md). */
export class NdjsonReader extends ChunkedReader {
  readonly #options: CaptureReaderOptions;
  readonly #lines: Lines;
  readonly #damage: Damage;

  constructor(options: CaptureReaderOptions) {
    super();
    this.#options = options;
    this.#lines = new Lines(options.exact ?? false, options.carried);
    this.#damage = new Damage(options, { forget: () => {} });
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
      if (lineFeed === -1 && !final) return { consumed: start, missing: 1 };
      const end = lineFeed === -1 ? bytes.length : lineFeed;
      const line = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
      this.#line(line, base + start, lineFeed === -1);
      start = end + 1;
      if (start > pieceEnd) {
        yield;
        pieceEnd = start + LINES_BYTES;
      }
    }
    if (final) this.#damage.ended(base + bytes.length);
    return { consumed: bytes.length, missing: 0 };
  }

  /** @param cut the file ends without a line feed after it */
  #line(bytes: Buffer, start: number, cut: boolean): void {
    const line = bytes.toString("utf8");
    if (line.trim() === "") return;
    try {
      if (line.includes("\ufffd") && !isUtf8(bytes)) throw new DecodeError("line: not UTF-8", 0);
      const message = this.#lines.message(line);
      this.#damage.ended(start);
      for (const each of this.#lines.takeRecalled()) this.#options.listener.message(each);
      this.#options.listener.message(message);
    } catch (error) {
      const { message, offset, missing } = decodeErrorOf(error);
      const at = Buffer.byteLength(line.slice(0, offset));
      this.#damage.found(new DecodeError(message, at, cut ? missing : 0), start, start);
    }
  }
}
