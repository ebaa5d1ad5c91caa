/**
 * The checksum of a data page (storage/checksum_impl.h): 32 sums side by side, each over every 32nd word, by FNV-1a with a shift more;
 * then two rounds over zeros, all sums joined by XOR, and the block's number.
 */
import { PAGE_BYTES } from "../../postgres/pages/page.ts";

const SUMS = 32;
const PRIME = 16_777_619;
const CHECKSUM_AT = 8;
const UPPER_AT = 14;

const FIRST_SUMS = Uint32Array.of(
  0x5b1f36e9,
  0xb8525960,
  0x02ab50aa,
  0x1de66d2a,
  0x79ff467a,
  0x9bb9f8a3,
  0x217e7cd2,
  0x83e13d2c,
  0xf8d4474f,
  0xe39eb970,
  0x42c6ae16,
  0x993216fa,
  0x7b093b5d,
  0x98daff3c,
  0xf718902a,
  0x0b1c9cdb,
  0xe58f764b,
  0x187636bc,
  0x5d7b3bb1,
  0xe73de7de,
  0x92bec979,
  0xcca6c0b2,
  0x304a0979,
  0x85aa43d4,
  0x783125bb,
  0x6ca8eaa2,
  0xe407eac6,
  0x4b5cfc3e,
  0x9fbf8c76,
  0x15ca20be,
  0xf2ca9fd3,
  0x959bd756,
);

/** Whether the page at `start` has its checksum; a page that was never initialised has none. */
export function pageIsSound(bytes: Uint8Array, start: number, block: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, PAGE_BYTES);
  if (view.getUint16(UPPER_AT, true) === 0) return true;
  const sums = FIRST_SUMS.slice();
  for (let at = 0; at < PAGE_BYTES; at += 4) {
    // The checksum field itself counts as 0.
    const word = view.getUint32(at, true);
    add(sums, (at >> 2) % SUMS, at === CHECKSUM_AT ? word & 0xffff_0000 : word);
  }
  for (let zero = 0; zero < 2 * SUMS; zero++) add(sums, zero % SUMS, 0);
  const joined = sums.reduce((all, sum) => all ^ sum, block) >>> 0;
  return (joined % 65_535) + 1 === view.getUint16(CHECKSUM_AT, true);
}

function add(sums: Uint32Array, index: number, word: number): void {
  const mixed = sums[index]! ^ word;
  sums[index] = Math.imul(mixed, PRIME) ^ (mixed >>> 17);
}
