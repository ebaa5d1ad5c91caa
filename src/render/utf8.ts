import { isUtf8 } from "node:buffer";

/** Shorter than this, a loop beats the view and the call into native code. */
const SHORT_BYTES = 96;

/** Whether bytes[start, end) are UTF-8 (RFC 3629). */
export function isUtf8Text(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > SHORT_BYTES) return isUtf8(bytes.subarray(start, end));
  let at = start;
  while (at < end) {
    const lead = bytes[at++]!;
    if (lead < 0x80) continue;
    if (lead < 0xc2 || lead > 0xf4) return false;
    const more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (at + more > end) return false;
    const second = bytes[at]!;
    // What is shorter in another form, a surrogate, or beyond U+10FFFF.
    if (second < FIRST_SECOND[lead - 0xc2]! || second > LAST_SECOND[lead - 0xc2]!) return false;
    for (const stop = at + more; ++at < stop;) if ((bytes[at]! & 0xc0) !== 0x80) return false;
  }
  return true;
}

/** What a second byte may be, by the first. */
const FIRST_SECOND = new Uint8Array(0xf5 - 0xc2).fill(0x80);
const LAST_SECOND = new Uint8Array(0xf5 - 0xc2).fill(0xbf);
FIRST_SECOND[0xe0 - 0xc2] = 0xa0;
LAST_SECOND[0xed - 0xc2] = 0x9f;
FIRST_SECOND[0xf0 - 0xc2] = 0x90;
LAST_SECOND[0xf4 - 0xc2] = 0x8f;
