const MATCH_MIN = 4;
const LENGTH_GOES_ON = 15;

/**
 * Decompresses an LZ4 block (LZ4 Block Format Description), a repetition of: a token with both lengths, literals,
 * uint16 distance. Writes into `out` from `start` on; matches may refer to bytes before that. Returns where the output
 * ends; undefined if the block is damaged.
 */
export function decompressLz4Block(
  block: Uint8Array,
  out: Uint8Array,
  start: number,
): number | undefined {
  let at = 0;
  let end = start;
  while (at < block.length) {
    const token = block[at++]!;
    let literals = token >> 4;
    if (literals === LENGTH_GOES_ON) {
      for (let byte = 255; byte === 255;) {
        byte = block[at++] ?? 0;
        literals += byte;
      }
    }
    if (at + literals > block.length || end + literals > out.length) return undefined;
    for (let left = literals; left > 0; left--) out[end++] = block[at++]!;
    // The last sequence has no match.
    if (at === block.length) return end;
    const distance = block[at]! | ((block[at + 1] ?? 0) << 8);
    at += 2;
    let match = token & 15;
    if (match === LENGTH_GOES_ON) {
      for (let byte = 255; byte === 255;) {
        byte = block[at++] ?? 0;
        match += byte;
      }
    }
    match += MATCH_MIN;
    if (distance === 0 || distance > end || end + match > out.length) return undefined;
    // Match and output may overlap, so it copies byte by byte.
    for (let left = match; left > 0; left--, end++) out[end] = out[end - distance]!;
  }
  return end;
}
