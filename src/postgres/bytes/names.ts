// A name may begin with U+FEFF. Without ignoreBOM the TextDecoder would drop it as a byte order mark.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

const REPLACEMENT = "\ufffd";

/**
 * Decodes a name. In a database with the encoding SQL_ASCII its bytes may not be UTF-8: then a byte that is part of no
 * character becomes `\xff` and a backslash becomes `\\`, so that different bytes give different text.
 */
export function decodeName(bytes: Uint8Array): string {
  const text = utf8.decode(bytes);
  return text.includes(REPLACEMENT) && !isUtf8(bytes) ? escapeName(bytes) : text;
}

/** The same for bytes of another encoding, of which none but ASCII is a character. */
export function escapeBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => {
    if (byte >= 0x80) return String.raw`\x` + byte.toString(16).padStart(2, "0");
    return byte === 0x5c ? String.raw`\\` : String.fromCharCode(byte);
  }).join("");
}

/**
 * Compares after a round trip. A TextDecoder with `fatal` gives the same answer but takes twenty times as long where it
 * throws, and random bytes contain many such names.
 */
export function isUtf8(bytes: Uint8Array): boolean {
  const again = encoder.encode(utf8.decode(bytes));
  return again.length === bytes.length && again.every((byte, at) => byte === bytes[at]);
}

function escapeName(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const character = characterAt(bytes, at);
    const byte = bytes[at] ?? 0;
    if (character === undefined) text += String.raw`\x` + byte.toString(16).padStart(2, "0");
    else text += byte === 0x5c ? String.raw`\\` : utf8.decode(character);
    at += character?.length ?? 1;
  }
  return text;
}

/** The bytes of the character that starts at `at`; undefined if no character starts there. */
function characterAt(bytes: Uint8Array, at: number): Uint8Array | undefined {
  const lead = bytes[at] ?? 0;
  const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const character = bytes.subarray(at, at + length);
  return isUtf8(character) ? character : undefined;
}
