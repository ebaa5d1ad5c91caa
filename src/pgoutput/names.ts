// A name may begin with U+FEFF: to the decoder that is a byte order mark, to the server a character.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const strictUtf8 = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

const REPLACEMENT = "\ufffd";
const CHARACTER_BYTES_MAX = 4;

/**
 * A name's text. In a database with the encoding SQL_ASCII its bytes may be no UTF-8: then a byte that is part of no
 * character is `\xff`, and a backslash is `\\`, so that other bytes are another text.
 */
export function decodeName(bytes: Uint8Array): string {
  const text = utf8.decode(bytes);
  return text.includes(REPLACEMENT) && !isUtf8(bytes) ? escapeName(bytes) : text;
}

export function isUtf8(bytes: Uint8Array): boolean {
  try {
    strictUtf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
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
  for (let length = 1; length <= CHARACTER_BYTES_MAX; length++) {
    const character = bytes.subarray(at, at + length);
    if (character.length === length && isUtf8(character)) return character;
  }
  return undefined;
}
