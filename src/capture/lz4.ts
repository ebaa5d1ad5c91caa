/**
 * Decompresses LZ4 frames as they arrive (LZ4 Frame Format Description, version 1.6.x). Checksums are not verified:
 * each WAL record has its own.
 */
import { decompressLz4Block } from "../postgres/compression/lz4-block.ts";

const FRAME_MAGIC = 0x184d2204;
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;
/** How far back a match may reach, also into earlier blocks. */
const WINDOW_BYTES = 64 * 1024;
const UNCOMPRESSED = 0x80000000;

/** Bits of FLG in a frame descriptor. */
const HAS_DICTIONARY = 0x01;
const HAS_CHECKSUM = 0x04;
const HAS_SIZE = 0x08;
const HAS_BLOCK_CHECKSUMS = 0x10;
const VERSION_MASK = 0xc0;
const VERSION = 0x40;

/** The compressed bytes are damaged, or end too early. */
export class CompressionError extends Error {
  override readonly name = "CompressionError";
}

class PieceReader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array(0);

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** Undefined if the input has ended before the first of these bytes. */
  async take(length: number, into?: Uint8Array): Promise<Uint8Array | undefined> {
    const taken = into?.subarray(0, length) ?? new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      if (this.#piece.length === 0) {
        const next = await this.#pieces.next();
        if (next.done === true) {
          if (filled === 0) return undefined;
          throw new CompressionError("unexpected end of file");
        }
        this.#piece = next.value;
      }
      const part = this.#piece.subarray(0, length - filled);
      taken.set(part, filled);
      filled += part.length;
      this.#piece = this.#piece.subarray(part.length);
    }
    return taken;
  }

  async need(length: number, into?: Uint8Array): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0);
    const taken = await this.take(length, into);
    if (taken === undefined) throw new CompressionError("unexpected end of file");
    return taken;
  }

  async uint32(): Promise<number> {
    return readUint32(await this.need(4));
  }
}

function readUint32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}

/** Yields the contents of one or more frames. Each piece is overwritten when the next one is requested. */
export async function* lz4Pieces(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  const reader = new PieceReader(pieces);
  for (;;) {
    const magic = await reader.take(4);
    if (magic === undefined) return;
    const value = readUint32(magic);
    if ((value & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC) {
      await reader.need(await reader.uint32());
    } else if (value === FRAME_MAGIC) yield* frame(reader);
    else throw new CompressionError("no lz4 frame where one should begin");
  }
}

async function* frame(reader: PieceReader): AsyncGenerator<Uint8Array, void, void> {
  const [flags = 0, blockDescriptor = 0] = await reader.need(2);
  const sizeCode = (blockDescriptor >> 4) & 7;
  if ((flags & VERSION_MASK) !== VERSION || sizeCode < 4) {
    throw new CompressionError("an lz4 frame of another version");
  }
  if ((flags & HAS_DICTIONARY) !== 0) throw new CompressionError("an lz4 frame with a dictionary");
  // Content size, and one byte of the header's checksum.
  await reader.need(((flags & HAS_SIZE) === 0 ? 0 : 8) + 1);
  // Block sizes: 64 kB, 256 kB, 1 MB, 4 MB.
  const blockBytesMax = 1 << (8 + 2 * sizeCode);
  const window = new Uint8Array(WINDOW_BYTES + blockBytesMax);
  // One buffer for all blocks: with a new one for each, several of 4 MB would wait for the garbage collector.
  const room = new Uint8Array(blockBytesMax);
  let before = 0;
  for (;;) {
    const size = await reader.uint32();
    if (size === 0) break;
    const stored = (size & UNCOMPRESSED) !== 0;
    const length = size & ~UNCOMPRESSED;
    if (length > blockBytesMax) throw new CompressionError("an lz4 block that is too long");
    const block = await reader.need(length, room);
    if ((flags & HAS_BLOCK_CHECKSUMS) !== 0) await reader.need(4);
    if (stored) window.set(block, before);
    const end = stored ? before + length : decompressLz4Block(block, window, before);
    if (end === undefined) throw new CompressionError("an lz4 block that is damaged");
    yield window.subarray(before, end);
    // Later matches may refer to these bytes: they move to the front.
    const kept = Math.min(end, WINDOW_BYTES);
    window.copyWithin(0, end - kept, end);
    before = kept;
  }
  if ((flags & HAS_CHECKSUM) !== 0) await reader.need(4);
}
