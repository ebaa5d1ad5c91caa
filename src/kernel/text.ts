/** AssemblyScript: text → JSON strings, as src/render/bytes/json-text has them. */
import { characterEnd, specials } from "./characters";

/** Where escape() stopped. */
export let stopped: usize = 0;

/**
 * Writes text as it is inside of a JSON string, and returns where that ends. It stops before what is not UTF-8. The text
 * itself may be in the room for it: 16 bytes behind five times its length.
 */
export function escape(start: usize, end: usize, to: usize): usize {
  let p = start;
  let o = to;
  while (p < end) {
    if (p + 64 <= end) {
      const first = v128.load(p);
      const second = v128.load(p, 16);
      const third = v128.load(p, 32);
      const fourth = v128.load(p, 48);
      if ((specials(first) | specials(second) | specials(third) | specials(fourth)) == 0) {
        v128.store(o, first);
        v128.store(o, second, 16);
        v128.store(o, third, 32);
        v128.store(o, fourth, 48);
        p += 64;
        o += 64;
        continue;
      }
    }
    const bytes = v128.load(p);
    v128.store(o, bytes);
    const left = end - p;
    const mask = specials(bytes) | (left < 16 ? 1 << (<i32>left) : 0x10000);
    const plain: usize = ctz(mask);
    p += plain;
    o += plain;
    if (plain == 16 || p >= end) continue;
    const byte = load<u8>(p);
    if (byte < 0x80) {
      o = escaped(byte, o);
      p++;
      continue;
    }
    const next = characterEnd(p, end);
    if (next == 0) break;
    if (byte == 0xc2 && load<u8>(p + 1) < 0xa0) o = longEscape(load<u8>(p + 1), o);
    else {
      store<u32>(o, load<u32>(p));
      o += next - p;
    }
    p = next;
  }
  stopped = p;
  return o;
}

function escaped(byte: u8, o: usize): usize {
  let letter: u8 = byte;
  if (byte == 0x08) letter = 0x62;
  else if (byte == 0x09) letter = 0x74;
  else if (byte == 0x0a) letter = 0x6e;
  else if (byte == 0x0c) letter = 0x66;
  else if (byte == 0x0d) letter = 0x72;
  else if (byte != 0x22 && byte != 0x5c) return longEscape(byte, o);
  store<u8>(o, 0x5c);
  store<u8>(o + 1, letter);
  return o + 2;
}

/** `\u009f` */
function longEscape(code: u8, o: usize): usize {
  store<u32>(o, 0x3030755c);
  store<u8>(o + 4, hexDigit(code >> 4));
  store<u8>(o + 5, hexDigit(code & 15));
  return o + 6;
}

function hexDigit(digit: u8): u8 {
  return digit < 10 ? 0x30 + digit : 0x57 + digit;
}
