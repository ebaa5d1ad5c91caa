import type { CaptureReader, CaptureReaderOptions } from "./capture-reader.ts";
import { ChunkJoiner, type Decoded } from "./chunks.ts";
import type { Foreign } from "./foreign.ts";
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

  push(chunk: Uint8Array): void {
    if (this.#reader === undefined) this.#joiner.push(chunk);
    else this.#reader.push(chunk);
  }

  end(): void {
    if (this.#reader === undefined) this.#joiner.end();
    this.#reader?.end();
  }

  #open(bytes: Uint8Array, final: boolean): Decoded {
    if (bytes.length > 0 && this.#reader === undefined) {
      const sniffed = sniff(bytes, final);
      if (sniffed.kind === "undecided") return { consumed: 0, missing: sniffed.missing };
      if (sniffed.kind === "foreign") throw new NotACapture(sniffed);
      this.#reader = createCaptureReader(sniffed.format, this.#options);
    }
    this.#reader?.push(bytes);
    return { consumed: bytes.length, missing: 0 };
  }
}
