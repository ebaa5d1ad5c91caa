const FIRST_CAPACITY_BYTES = 64 * 1024;

/** Bytes of text that grow. */
export class TextBuffer {
  /** Valid until the next reserve(): growing replaces it. */
  bytes = Buffer.allocUnsafeSlow(FIRST_CAPACITY_BYTES);
  view = viewOf(this.bytes);
  /** The offset of the next byte. Code that moves it has reserved the room before. */
  offset = 0;

  reserve(length: number): void {
    const needed = this.offset + length;
    if (needed <= this.bytes.length) return;
    const full = this.bytes;
    this.replace(Math.max(needed, full.length * 2));
    full.copy(this.bytes, 0, 0, this.offset);
  }

  protected replace(capacity = FIRST_CAPACITY_BYTES): void {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.view = viewOf(this.bytes);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
