/** Memory for pages of WAL, with the views that it is read by. Its base is a multiple of 8. */
export interface PageChunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Int32Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
}

/** `length` is rounded up to whole words. */
export function createPageChunk(length: number): PageChunk {
  const buffer = new ArrayBuffer(Math.ceil(length / 8) * 8);
  return {
    bytes: new Uint8Array(buffer),
    words: new Int32Array(buffer),
    view: new DataView(buffer),
  };
}
