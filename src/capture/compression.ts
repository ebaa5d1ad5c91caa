import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { CompressionError, lz4Pieces } from "./lz4.ts";

export { CompressionError };

export type Compression = "gzip" | "zstd" | "lz4";

/** Four compressed bytes can stand for a block of 128 kB: small steps of input keep the output of each step small. */
const ZSTD_STEP_BYTES = 1024;
/** Throws CompressionError if the bytes are damaged. */
export function decompressed(
  pieces: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncIterable<Uint8Array> {
  switch (compression) {
    case "gzip":
      return gunzipped(pieces);
    case "zstd":
      return zstdPieces(pieces);
    case "lz4":
      return lz4Pieces(pieces);
  }
}

async function* gunzipped(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = Readable.from(pieces, { objectMode: false });
  const gunzip = createGunzip({ chunkSize: 64 * 1024 });
  // pipe() does not pass errors on.
  input.on("error", (error) => gunzip.destroy(error));
  try {
    for await (const piece of input.pipe(gunzip)) yield piece as Uint8Array;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (!code.startsWith("Z_")) throw error;
    throw new CompressionError((error as Error).message, { cause: error });
  } finally {
    input.destroy();
    gunzip.destroy();
  }
}

async function* zstdPieces(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { Decompress } = await import("fzstd");
  const ready: Uint8Array[] = [];
  let complete = false;
  const decompress = new Decompress((piece, final) => {
    if (piece.length > 0) ready.push(piece);
    complete = final === true;
  });
  const push = (piece: Uint8Array, final: boolean): void => {
    try {
      decompress.push(piece, final);
    } catch (error) {
      throw new CompressionError((error as Error).message, { cause: error });
    }
  };
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; at += ZSTD_STEP_BYTES) {
      // fzstd keeps the bytes it was given until it has a whole block, so they are copied.
      push(piece.slice(at, at + ZSTD_STEP_BYTES), false);
      yield* ready.splice(0);
    }
  }
  push(new Uint8Array(0), true);
  yield* ready.splice(0);
  if (!complete) throw new CompressionError("unexpected end of file");
}

/** For frames that are decompressed at once: fills `out` exactly, or returns false. */
export async function zstdFrames(): Promise<(frame: Uint8Array, out: Uint8Array) => boolean> {
  const { Decompress } = await import("fzstd");
  return (frame, out) => {
    let at = 0;
    const decompress = new Decompress((piece) => {
      if (at + piece.length <= out.length) out.set(piece, at);
      at += piece.length;
    });
    try {
      // It keeps what it was given.
      decompress.push(frame.slice(), true);
    } catch {
      return false;
    }
    return at === out.length;
  };
}
