import { PgoutputDecoder } from "../../postgres/messages/decoder.ts";
import { ByteReader } from "../../postgres/bytes/reader.ts";
import { type CaptureReaderOptions, PIECE_BYTES } from "./capture-reader.ts";
import { ChunkedReader, type Decoded } from "./chunks.ts";
import { Damage, decodeErrorOf } from "./damage.ts";
import { decodeMessage, mayBeCut, type Separator, tooLong } from "./end-to-end.ts";
import { findMessage } from "./find-message.ts";
import { guessStreaming } from "./trial.ts";

/** Reads pg_recvlogical's files and messages end to end: where a message ends follows only from the message itself. */
export class UnframedReader extends ChunkedReader {
  readonly #options: CaptureReaderOptions;
  readonly #separator: Separator;
  readonly #decoder = new PgoutputDecoder();
  readonly #damage: Damage;
  readonly #reader = new ByteReader();
  /**
   * Whether it is known if a stream block is open. Not at the start: the front of the capture may have been cut off.
   */
  #settled = false;
  /** True after damage, until the start of the next message is found. */
  #lost = false;

  constructor(separator: Separator, options: CaptureReaderOptions) {
    super();
    this.#separator = separator;
    this.#options = options;
    this.#damage = new Damage(options, this.#decoder);
  }

  protected override *decode(
    bytes: Uint8Array,
    base: number,
    final: boolean,
  ): Generator<void, Decoded, void> {
    const reader = this.#reader;
    reader.attach(bytes);
    this.#options.listener.rows?.attach(bytes);
    while (reader.offset < bytes.length) {
      let missing = this.#lost ? yield* this.#find(final) : 0;
      if (missing === 0 && !this.#settled) missing = this.#settle(final);
      if (missing === 0) missing = this.#messages(base, final);
      if (missing > 0) return { consumed: reader.offset, missing };
      yield;
    }
    if (final) this.#damage.ended(base + bytes.length);
    return { consumed: bytes.length, missing: 0 };
  }

  /** The hot loop: decodes up to the end of the bytes, of a step, or to damage. Returns how many bytes are missing. */
  #messages(base: number, final: boolean): number {
    const reader = this.#reader;
    const { bytes } = reader;
    const { listener } = this.#options;
    const separated = this.#separator === "line feed";
    const pieceEnd = Math.min(bytes.length, reader.offset + PIECE_BYTES);
    let start = reader.offset;
    let previous = start;
    try {
      while (reader.offset < pieceEnd) {
        previous = start;
        start = reader.offset;
        const message = decodeMessage(this.#decoder, reader, this.#separator, final);
        this.#damage.ended(base + start);
        listener.message(message);
        if (listener.rows === undefined || this.#decoder.streaming) continue;
        const rowsEnd = listener.rows.print(reader.offset, separated, this.#decoder.transaction);
        if (rowsEnd > reader.offset) start = listener.rows.last;
        reader.offset = rowsEnd;
      }
      return 0;
    } catch (error) {
      const fault = decodeErrorOf(error);
      const cut = mayBeCut(fault, bytes, start);
      reader.offset = start;
      if (cut && !final) return fault.missing;
      const known = cut || fault.missing === 0 ? fault : tooLong(reader.subject, start);
      this.#damage.found(known, base, base + start);
      // Without separators the message before may be the damaged one, which then ended too early.
      const from = this.#separator === "none" ? previous : start;
      this.#damage.lost(bytes.subarray(from, start + 1), false);
      reader.offset = start + 1;
      this.#lost = true;
      return 0;
    }
  }

  /** Finds the next message after damage. Returns how many bytes are missing to decide. */
  *#find(final: boolean): Generator<void, number, void> {
    const reader = this.#reader;
    const { bytes, offset } = reader;
    const found = yield* findMessage(bytes, offset, this.#separator, final);
    this.#damage.lost(bytes.subarray(offset, found.start), found.missing === 0);
    reader.offset = found.start;
    if (found.missing > 0) return found.missing;
    this.#decoder.resume(found.streaming);
    this.#lost = false;
    this.#settled = true;
    return 0;
  }

  /** Finds out whether the capture begins inside a stream block. Returns how many bytes are missing to decide. */
  #settle(final: boolean): number {
    const { bytes, offset } = this.#reader;
    const streaming = guessStreaming(bytes, offset, this.#separator, final);
    if (typeof streaming === "number") return streaming;
    if (streaming) this.#decoder.resume(true);
    this.#settled = true;
    return 0;
  }
}
