import type { CaptureReader, CaptureReaderOptions, Work } from "./formats/capture-reader.ts";
import { ChunkJoiner, type Decoded } from "./formats/chunks.ts";
import type { Foreign } from "./formats/foreign.ts";
import { createCaptureReader } from "./readers.ts";
import { sniff } from "./sniff.ts";

/** The file is no capture. */
export class NotACapture extends Error {
  override readonly name = "NotACapture";
  readonly foreign: Foreign;

  constructor(foreign: Foreign) {
    super(foreign.what);
    this.foreign = foreign;
  }
}

/** Finds out the format from the first bytes and then reads it. Both calls throw NotACapture too. */
export class SniffingReader implements CaptureReader {
  readonly #options: CaptureReaderOptions;
  /** Gathers as many bytes as it takes to tell. */
  readonly #joiner = new ChunkJoiner((bytes, _base, final) => this.#open(bytes, final));
  #reader: CaptureReader | undefined;

  constructor(options: CaptureReaderOptions) {
    this.#options = options;
  }

  *push(chunk: Uint8Array): Work {
    yield* (this.#reader ?? this.#joiner).push(chunk);
  }

  *end(): Work {
    if (this.#reader === undefined) yield* this.#joiner.end();
    if (this.#reader !== undefined) yield* this.#reader.end();
  }

  *#open(bytes: Uint8Array, final: boolean): Generator<void, Decoded, void> {
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
