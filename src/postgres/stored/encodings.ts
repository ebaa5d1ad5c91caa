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

/** The other encodings, and where the server differs from the standard. */
interface MultiByte {
  readonly label: string;
  /** Of a character that needs more than one byte. */
  readonly firstBytes: readonly number[];
  /** Characters of the standard, and the server's for the same codes. */
  readonly others: Readonly<Record<string, string>>;
  /** The server has no characters for these codes. */
  readonly without: readonly (readonly [from: number, to: number])[];
  /** The standard has none for these codes, and those that follow them. */
  readonly own: readonly (readonly [from: number, characters: string])[];
}

/** SS2 and SS3, which begin the codes of JIS X 0201's kana and of JIS X 0212's three bytes. */
const KANA = 0x8e;
const THREE_BYTES = 0x8f;
const MULTI_BYTE: Readonly<Record<string, MultiByte>> = {
  EUC_JP: {
    label: "euc-jp",
    firstBytes: [KANA, THREE_BYTES],
    others: { "\u00a6": "\uffe4" },
    without: [
      [0x8ee0, 0x8efe],
      [0xf5a1, 0xfefe],
      [0x8fa2b7, 0x8fa2b7],
      [0x8ff3a1, 0x8ff3f2],
    ],
    own: [
      [0x8ff3f3, "ⅰⅱⅲⅳⅴⅵⅶⅷⅸⅹⅠⅡ"],
      [
        0x8ff4a1,
        "ⅢⅣⅤⅥⅦⅧⅨⅩ＇＂㈱№℡炻仼僴凬匇匤\ufa0e咊坙\ufa0f\ufa10增寬峵嵓\ufa11德悅愠敎昻晥\ufa12\uf929栁\ufa13\ufa14橫櫢淸淲瀨\ufa15\ufa16甁皂皞\ufa17礰\ufa18\ufa19\ufa1a\ufa1b竧\ufa1c\ufa1d綠緖\ufa1e荢\ufa1f薰\ufa20\ufa21蠇\ufa22譿賴赶\ufa23\ufa24\ufa25郞\ufa26鄕\ufa27\ufa28閒\uf9dc\ufa29霻靍靑\ufa2a\ufa2b\ufa2c馞髙魲\ufa2d黑",
      ],
    ],
  },
  EUC_KR: { label: "euc-kr", firstBytes: [], others: {}, without: [], own: [[0xa2e6, "€®㉾"]] },
  EUC_CN: {
    label: "gb18030",
    firstBytes: [],
    others: { "\u00b7": "\u30fb", "\u2014": "\u2015" },
    without: [
      [0xa2a1, 0xa2aa],
      [0xa2e3, 0xa2e3],
      [0xa6d9, 0xa6f5],
      [0xa8bb, 0xa8c0],
    ],
    own: [],
  },
};

/** The standard's placeholders for invalid bytes, and WIN1253's AA, which the server does not have. */
const NO_CHARACTER = /[\ue000-\uf8ff\ufffd]/;
const NOT_IN_WIN1253 = "\u00aa";

/** Made once: each has a table of its characters. */
const converters = new Map<string, Converter | undefined>();

/** Undefined if text of that encoding is sent as it is stored. */
export function toUtf8(encoding: string): Converter | undefined {
  if (encoding === "UTF8" || encoding === "SQL_ASCII") return undefined;
  let convert = converters.get(encoding);
  if (!converters.has(encoding)) converters.set(encoding, (convert = converter(encoding)));
  return (text) => (isAscii(text) ? text : convert?.(text));
}

function converter(encoding: string): Converter | undefined {
  const multi = MULTI_BYTE[encoding];
  if (multi !== undefined) return multiByte(multi);
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
  const decoder = decoderOf(SINGLE_BYTE[encoding]);
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

function multiByte(encoding: MultiByte): Converter {
  const characters = charactersOf(encoding);
  return (text) => {
    const converted = Buffer.allocUnsafe(text.length * 2);
    let length = 0;
    for (let at = 0; at < text.length;) {
      const first = text[at]!;
      if (first < 0x80) {
        converted[length++] = first;
        at++;
        continue;
      }
      const bytes = first === THREE_BYTES ? 3 : 2;
      let code = 0;
      for (const end = at + bytes; at < end; at++) code = code * 256 + (text[at] ?? 0);
      const character = characters.get(code);
      if (character === undefined) return undefined;
      for (const each of character) converted[length++] = each;
    }
    return converted.subarray(0, length);
  };
}

const FIRST = 0xa1;
const LAST = 0xfe;
const LINE_FEED = 0x0a;

/** The characters of two and three bytes, by code. */
function charactersOf({ label, firstBytes, others, own, without }: MultiByte): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  const set = (code: number, character: string | undefined): void => {
    if (character !== undefined) found.set(code, Buffer.from(character));
  };
  const range = Array.from({ length: LAST - FIRST + 1 }, (_, index) => FIRST + index);
  const codes = [...firstBytes, ...range].flatMap((first) =>
    (first === THREE_BYTES ? range : [0]).flatMap((second) =>
      range.map((last) => (second === 0 ? [first, last] : [first, second, last])),
    ),
  );
  const lines = codes.flatMap((code) => [...code, LINE_FEED]);
  const decoded = decoderOf(label)?.decode(Uint8Array.from(lines)).split("\n") ?? [];
  for (const [index, bytes] of codes.entries()) {
    const character = decoded[index] ?? "";
    const code = bytes.reduce((joined, byte) => joined * 256 + byte, 0);
    const isNone = without.some(([from, to]) => code >= from && code <= to);
    if (isNone || character === "" || NO_CHARACTER.test(character)) continue;
    set(code, others[character] ?? character);
  }
  for (const [from, text] of own) {
    for (const [index, character] of Array.from(text).entries()) set(from + index, character);
  }
  return found;
}

/** Undefined in a Node.js that was built without it. */
function decoderOf(label: string | undefined): InstanceType<typeof TextDecoder> | undefined {
  try {
    return label === undefined ? undefined : new TextDecoder(label);
  } catch {
    return undefined;
  }
}
