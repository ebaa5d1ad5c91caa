import type { CaptureReader, CaptureReaderOptions, Work } from "./formats/capture-reader.ts";
import { ChunkedReader, type Decoded } from "./formats/chunks.ts";
import type { Foreign } from "./formats/foreign.ts";
import { createCaptureReader } from "./readers.ts";
import { sniff } from "./sniff.ts";

export class NotACapture extends Error {
  override readonly name = "NotACapture";
  readonly foreign: Foreign;

  constructor(foreign: Foreign) {
    super(foreign.what);
    this.foreign = foreign;
  }
}

/** Recognises the format from the first bytes, then reads the capture. push() and end() may also throw NotACapture. */
export class SniffingReader extends ChunkedReader {
  readonly #options: CaptureReaderOptions;
  /** Undefined until the format is known. */
  #reader: CaptureReader | undefined;

  constructor(options: CaptureReaderOptions) {
    super();
    this.#options = options;
  }

  override *push(chunk: Uint8Array): Work {
    yield* this.#reader?.push(chunk) ?? super.push(chunk);
  }

  override *end(): Work {
    if (this.#reader === undefined) yield* super.end();
    if (this.#reader !== undefined) yield* this.#reader.end();
  }

  protected override *decode(
    bytes: Uint8Array,
    _base: number,
    final: boolean,
  ): Generator<void, Decoded, void> {
    if (bytes.length > 0 && this.#reader === undefined) {
      const sniffed = sniff(bytes, final);
      if (sniffed.kind === "undecided") return { consumed: 0, missing: sniffed.missing };
      if (sniffed.kind === "foreign") throw new NotACapture(sniffed);
      this.#reader = createCaptureReader(sniffed.format, this.#options);
    }
    if (this.#reader !== undefined) yield* this.#reader.push(bytes);
    return { consumed: bytes.length, missing: 0 };
  }
}
