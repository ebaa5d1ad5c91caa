/*
 * Text in the database's encoding → UTF-8, as the server converts it for a client.
 * Law: what the server could not convert, or is not known here, is no text, never another character.
 */

/** The encodings of one byte a character, by PostgreSQL's name, and what the Encoding Standard calls them. */
const SINGLE_BYTE: Readonly<Record<string, string>> = {
  LATIN1: "windows-1252",
  LATIN2: "iso-8859-2",
  LATIN3: "iso-8859-3",
  LATIN4: "iso-8859-4",
  LATIN5: "windows-1254",
  LATIN6: "iso-8859-10",
  LATIN7: "iso-8859-13",
  LATIN8: "iso-8859-14",
  LATIN9: "iso-8859-15",
  LATIN10: "iso-8859-16",
  ISO_8859_5: "iso-8859-5",
  ISO_8859_6: "iso-8859-6",
  ISO_8859_7: "iso-8859-7",
  ISO_8859_8: "iso-8859-8",
  WIN866: "ibm866",
  WIN874: "windows-874",
  WIN1250: "windows-1250",
  WIN1251: "windows-1251",
  WIN1252: "windows-1252",
  WIN1253: "windows-1253",
  WIN1254: "windows-1254",
  WIN1255: "windows-1255",
  WIN1256: "windows-1256",
  WIN1257: "windows-1257",
  WIN1258: "windows-1258",
  KOI8R: "koi8-r",
  KOI8U: "koi8-u",
};

const MULTI_BYTE: Readonly<Record<string, string>> = {
  EUC_JP: "euc-jp",
  EUC_KR: "euc-kr",
  EUC_CN: "gb18030",
};

/** Text as UTF-8; undefined: it cannot be converted. */
export type Converter = (text: Uint8Array) => Uint8Array | undefined;

/** Undefined: text of that encoding is sent as it is stored. */
export function toUtf8(encoding: string): Converter | undefined {
  if (encoding === "UTF8" || encoding === "SQL_ASCII") return undefined;
  const convert = converter(encoding);
  return (text) => (isAscii(text) ? text : convert?.(text));
}

function converter(encoding: string): Converter | undefined {
  const single = SINGLE_BYTE[encoding];
  if (single !== undefined) return singleByte(encoding, single);
  const multi = MULTI_BYTE[encoding];
  return multi === undefined ? undefined : multiByte(multi);
}

function isAscii(text: Uint8Array): boolean {
  for (let at = 0; at < text.length; at++) if (text[at]! >= 0x80) return false;
  return true;
}

/** U+0080 to U+009F: the Encoding Standard's stand-in for bytes that mean nothing. */
function isC1(code: number): boolean {
  return code >= 0x80 && code < 0xa0;
}

function singleByte(encoding: string, label: string): Converter | undefined {
  const upper = Uint8Array.from({ length: 128 }, (_, index) => 128 + index);
  const decoder = decoderOf(label, false);
  if (decoder === undefined) return undefined;
  const characters = Array.from(decoder.decode(upper), (character, index) => {
    // ISO's encodings have the control characters there.
    if (index < 32 && /^(?:LATIN|ISO)/.test(encoding)) return String.fromCharCode(128 + index);
    const code = character.charCodeAt(0);
    return code === 0xfffd || isC1(code) ? undefined : character;
  });
  const bytes = characters.map((character) => character && Buffer.from(character));
  return (text) => {
    const converted = Buffer.allocUnsafe(text.length * 3);
    let length = 0;
    for (const byte of text) {
      if (byte < 0x80) converted[length++] = byte;
      else {
        const character = bytes[byte - 128];
        if (character === undefined || character === "") return undefined;
        for (const each of character) converted[length++] = each;
      }
    }
    return converted.subarray(0, length);
  };
}

function multiByte(label: string): Converter | undefined {
  const decoder = decoderOf(label, true);
  return (text) => {
    try {
      return decoder && Buffer.from(decoder.decode(text));
    } catch {
      return undefined;
    }
  };
}

/** Undefined: a Node.js that was built without them. */
function decoderOf(label: string, fatal: boolean): InstanceType<typeof TextDecoder> | undefined {
  try {
    return new TextDecoder(label, { fatal });
  } catch {
    return undefined;
  }
}
