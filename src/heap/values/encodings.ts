/*
 * Text in the database's encoding → UTF-8, as the server converts it for a client.
 * Law: what is not known here is no text, never another character. EUC_TW, EUC_JIS_2004 and MULE_INTERNAL are not known.
 */

/** Text as UTF-8; undefined if it cannot be converted. */
type Converter = (text: Uint8Array) => Uint8Array | undefined;

/** PostgreSQL's names of the single-byte encodings, and those of the Encoding Standard. */
const SINGLE_BYTE: Readonly<Record<string, string>> = {
  LATIN2: "iso-8859-2",
  LATIN3: "iso-8859-3",
  LATIN4: "iso-8859-4",
  LATIN5: "windows-1254",
  LATIN6: "iso-8859-10",
  LATIN7: "iso-8859-13",
  LATIN8: "iso-8859-14",
  LATIN9: "iso-8859-15",
  ISO_8859_5: "iso-8859-5",
  ISO_8859_6: "iso-8859-6",
  ISO_8859_7: "iso-8859-7",
  ISO_8859_8: "iso-8859-8",
  WIN866: "ibm866",
  WIN874: "windows-874",
  WIN1250: "windows-1250",
  WIN1251: "windows-1251",
  WIN1253: "windows-1253",
  WIN1254: "windows-1254",
  WIN1255: "windows-1255",
  WIN1256: "windows-1256",
  WIN1257: "windows-1257",
  WIN1258: "windows-1258",
  KOI8R: "koi8-r",
  KOI8U: "koi8-u",
};

/** Encodings that not every Node.js decodes alike: their differences from LATIN1; a blank is no character. */
const OWN: Readonly<Record<string, readonly [from: number, characters: string]>> = {
  LATIN1: [0x80, ""],
  WIN1252: [0x80, "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ"],
  LATIN10: [
    0xa1,
    "ĄąŁ€„Š§š©Ș«Ź\u00adźŻ°±ČłŽ”¶·žčș»ŒœŸżÀÁÂĂÄĆÆÇÈÉÊËÌÍÎÏĐŃÒÓÔŐÖŚŰÙÚÛÜĘȚßàáâăäćæçèéêëìíîïđńòóôőöśűùúûüęțÿ",
  ],
};

/** The other encodings, with the characters that the server decodes differently from the standard. */
const MULTI_BYTE: Readonly<
  Record<string, readonly [label: string, others: ReadonlyMap<string, string>]>
> = {
  EUC_JP: ["euc-jp", new Map([["\u00a6", "\uffe4"]])],
  EUC_KR: ["euc-kr", new Map()],
  EUC_CN: [
    "gb18030",
    new Map([
      ["\u00b7", "\u30fb"],
      ["\u2014", "\u2015"],
    ]),
  ],
};

/** The standard's placeholders for invalid bytes, and WIN1253's AA, which the server does not have. */
const NO_CHARACTER = /[\ue000-\uf8ff\ufffd]/;
const NOT_IN_WIN1253 = "\u00aa";

/** Undefined if text of that encoding is sent as it is stored. */
export function toUtf8(encoding: string): Converter | undefined {
  if (encoding === "UTF8" || encoding === "SQL_ASCII") return undefined;
  const convert = converter(encoding);
  return (text) => (isAscii(text) ? text : convert?.(text));
}

function converter(encoding: string): Converter | undefined {
  const multi = MULTI_BYTE[encoding];
  if (multi !== undefined) return multiByte(...multi);
  const upper = upperHalf(encoding);
  return upper && singleByte(upper);
}

function isAscii(text: Uint8Array): boolean {
  for (let at = 0; at < text.length; at++) if (text[at]! >= 0x80) return false;
  return true;
}

/** The characters of the bytes 80 to FF; undefined for none. */
function upperHalf(encoding: string): readonly (string | undefined)[] | undefined {
  const own = OWN[encoding];
  const bytes = Uint8Array.from({ length: 128 }, (_, index) => 128 + index);
  if (own !== undefined) {
    const [from, characters] = own;
    return Array.from(bytes, (byte) => {
      const character = characters[byte - from] ?? String.fromCharCode(byte);
      return character === " " ? undefined : character;
    });
  }
  const decoder = decoderOf(SINGLE_BYTE[encoding], false);
  if (decoder === undefined) return undefined;
  const isIso = /^(?:LATIN|ISO)/.test(encoding);
  return Array.from(decoder.decode(bytes), (character, index) => {
    // ISO's encodings have control characters there; for others the standard uses these for bytes without a meaning.
    if (index < 32 && isIso) return String.fromCharCode(128 + index);
    const isControl = character >= "\u0080" && character < "\u00a0";
    const isMissing = encoding === "WIN1253" && character === NOT_IN_WIN1253;
    return isControl || isMissing || NO_CHARACTER.test(character) ? undefined : character;
  });
}

function singleByte(upper: readonly (string | undefined)[]): Converter {
  const characters = upper.map((character) => character && Buffer.from(character));
  return (text) => {
    const converted = Buffer.allocUnsafe(text.length * 3);
    let length = 0;
    for (const byte of text) {
      if (byte < 0x80) {
        converted[length++] = byte;
        continue;
      }
      const character = characters[byte - 128];
      if (character === undefined || character === "") return undefined;
      for (const each of character) converted[length++] = each;
    }
    return converted.subarray(0, length);
  };
}

function multiByte(label: string, others: ReadonlyMap<string, string>): Converter {
  const decoder = decoderOf(label, true);
  const other = new RegExp(`[${[...others.keys()].join("")}]`, "g");
  return (text) => {
    try {
      const decoded = decoder?.decode(text);
      if (decoded === undefined || NO_CHARACTER.test(decoded)) return undefined;
      return Buffer.from(decoded.replace(other, (character) => others.get(character) ?? character));
    } catch {
      return undefined;
    }
  };
}

/** Undefined in a Node.js that was built without it. */
function decoderOf(
  label: string | undefined,
  fatal: boolean,
): InstanceType<typeof TextDecoder> | undefined {
  try {
    return label === undefined ? undefined : new TextDecoder(label, { fatal });
  } catch {
    return undefined;
  }
}
