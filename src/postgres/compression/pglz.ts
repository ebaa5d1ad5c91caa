/**
 * PostgreSQL's own compression (common/pg_lzcompress.c): a control byte, lowest bit first. A bit 0 means one literal
 * byte, a bit 1 means two bytes: length = (b0 & 15) + 3, distance = (b0 & F0) << 4 | b1. With length 18 a third byte is
 * added to it.
 */

/** Fills `out`. Returns false if the stream is too short or refers to bytes before the start. */
export function decompressPglz(stream: Uint8Array, out: Uint8Array): boolean {
  let at = 0;
  let end = 0;
  while (at < stream.length && end < out.length) {
    let control = stream[at++]!;
    for (let bit = 0; bit < 8 && at < stream.length && end < out.length; bit++, control >>= 1) {
      if ((control & 1) === 0) {
        out[end++] = stream[at++]!;
        continue;
      }
      if (at + 2 > stream.length) return false;
      const first = stream[at]!;
      let length = (first & 0x0f) + 3;
      const distance = ((first & 0xf0) << 4) | stream[at + 1]!;
      at += 2;
      if (length === 18) length += stream[at++] ?? 0;
      if (distance === 0 || distance > end) return false;
      // Match and output may overlap, and the match may run past the end.
      for (let left = Math.min(length, out.length - end); left > 0; left--, end++) {
        out[end] = out[end - distance]!;
      }
    }
  }
  return end === out.length;
}
