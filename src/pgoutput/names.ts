// A name may begin with U+FEFF: to the decoder that is a byte order mark, to the server a character.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

const REPLACEMENT = "\ufffd";

/**
 * A name's text. In a database with the encoding SQL_ASCII its bytes may be no UTF-8: then a byte that is part of no
 * character is `\xff`, and a backslash is `\\`, so that other bytes are another text.
 */
export function decodeName(bytes: Uint8Array): string {
  const text = utf8.decode(bytes);
  return text.includes(REPLACEMENT) && !isUtf8(bytes) ? escapeName(bytes) : text;
}

/** A decoder that throws says the same, and takes twenty times as long where it does: rubbish is full of such names. */
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

/** The bytes of the character that starts at `at`; undefined: none does. */
function characterAt(bytes: Uint8Array, at: number): Uint8Array | undefined {
  const lead = bytes[at] ?? 0;
  const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const character = bytes.subarray(at, at + length);
  return isUtf8(character) ? character : undefined;
}
