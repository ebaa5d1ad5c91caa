import { isUtf8 } from "node:buffer";

/** For fewer bytes, a loop is faster than a view and the call into native code. */
const SHORT_BYTES = 96;

/** Whether bytes[start, end) are UTF-8 (RFC 3629). */
export function isUtf8Text(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > SHORT_BYTES) return isUtf8(bytes.subarray(start, end));
  let at = start;
  while (at < end) {
    if (bytes[at]! < 0x80) at++;
    else if ((at = characterEnd(bytes, at, end)) === -1) return false;
  }
  return true;
}

/** The end of the character whose first byte, at `at`, is not ASCII; -1 if it is not UTF-8. */
export function characterEnd(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at]!;
  if (lead < 0xc2 || lead > 0xf4) return -1;
  const stop = at + (lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);
  if (stop > end) return -1;
  const second = bytes[at + 1]!;
  // Refuses overlong forms, surrogates, and code points beyond U+10FFFF.
  if (second < FIRST_SECOND[lead - 0xc2]! || second > LAST_SECOND[lead - 0xc2]!) return -1;
  for (let more = at + 2; more < stop; more++) if ((bytes[more]! & 0xc0) !== 0x80) return -1;
  return stop;
}

/** The range of the second byte, by the first byte. */
const FIRST_SECOND = new Uint8Array(0xf5 - 0xc2).fill(0x80);
const LAST_SECOND = new Uint8Array(0xf5 - 0xc2).fill(0xbf);
FIRST_SECOND[0xe0 - 0xc2] = 0xa0;
LAST_SECOND[0xed - 0xc2] = 0x9f;
FIRST_SECOND[0xf0 - 0xc2] = 0x90;
LAST_SECOND[0xf4 - 0xc2] = 0x8f;
