import type { Readable } from "node:stream";
import { sourceOf } from "../source.ts";
import { type ByteStream, FileStream, PiecesStream } from "./byte-stream.ts";
import { MAGIC_BYTES, compressionOf, peekCompression } from "../compressed.ts";
import { type Compression, decompressed } from "../compression.ts";

const COMPRESSED_PIECE_BYTES = 64 * 1024;

export interface OpenedBytes {
  readonly stream: ByteStream;
  /** Undefined if the file is not compressed. */
  readonly compression: Compression | undefined;
}

/** `offset`: how many bytes to leave out; 0 is used if the file is compressed. Throws InputError. */
export async function openFile(path: string, offset = 0): Promise<OpenedBytes> {
  const file = new FileStream(path);
  const head = new Uint8Array(MAGIC_BYTES);
  const compression = compressionOf(head.subarray(0, file.readNow(head)));
  await file.close();
  if (compression === undefined) return { stream: new FileStream(path, offset), compression };
  return { stream: new PiecesStream(decompressed(filePieces(path), compression)), compression };
}

async function* filePieces(path: string): AsyncGenerator<Uint8Array, void, void> {
  const file = new FileStream(path);
  try {
    for (;;) {
      // A new buffer each time: a decompressor may still use the last one.
      const piece = new Uint8Array(COMPRESSED_PIECE_BYTES);
      const length = await file.read(piece);
      if (length === 0) return;
      yield piece.subarray(0, length);
    }
  } finally {
    await file.close();
  }
}

/** Opens standard input, which may deliver nothing for hours. A signal ends it. */
export async function openStandardInput(stdin: Readable, stop: AbortSignal): Promise<OpenedBytes> {
  const source = sourceOf("standard input", stdin, stop);
  const { compression, chunks } = await peekCompression(source.chunks);
  const bytes = compression === undefined ? chunks : decompressed(chunks, compression);
  return { stream: new PiecesStream(bytes), compression };
}
