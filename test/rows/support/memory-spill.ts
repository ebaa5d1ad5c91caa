import assert from "node:assert/strict";
import type { Spill } from "../../../src/rows/pages/spill.ts";

/** Stands for a temporary file. */
export class MemorySpill implements Spill {
  #bytes = Buffer.alloc(0);
  #end = 0;
  writes = 0;
  reads = 0;
  cleared = 0;

  write(bytes: Uint8Array, at = this.#end): number {
    const end = at + bytes.length;
    if (end > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], end * 2);
    this.#bytes.set(bytes, at);
    this.#end = Math.max(this.#end, end);
    this.writes++;
    return at;
  }

  read(at: number, bytes: Uint8Array): Uint8Array {
    assert.ok(at + bytes.length <= this.#end, "behind the end");
    bytes.set(this.#bytes.subarray(at, at + bytes.length));
    this.reads++;
    return bytes;
  }

  clear(): void {
    this.#end = 0;
    this.cleared++;
  }
}
