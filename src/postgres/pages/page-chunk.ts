import { ChecksumMemory } from "./crc32c.ts";

/** Bytes of WAL, with views for reading them. */
export interface WalBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Int32Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
}

/** Memory for pages of WAL. */
export interface PageChunk extends WalBytes {
  /** Like checksumAfter(), for the chunk's own bytes. */
  readonly checksumAfter: (crc: number, start: number, end: number) => number;
}

export function createPageChunk(length: number): PageChunk {
  const { buffer, start, after } = new ChecksumMemory(length);
  return { ...viewsOf(buffer, start, length), checksumAfter: after };
}

/** `length` is rounded up to whole words. */
export function createWalBytes(length: number): WalBytes {
  return viewsOf(new ArrayBuffer(Math.ceil(length / 8) * 8), 0, length);
}

function viewsOf(buffer: ArrayBuffer, start: number, length: number): WalBytes {
  const words = Math.ceil(length / 8) * 2;
  return {
    bytes: new Uint8Array(buffer, start, words * 4),
    words: new Int32Array(buffer, start, words),
    view: new DataView(buffer, start, words * 4),
  };
}
