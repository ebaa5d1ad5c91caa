import type { ColumnValue } from "../../postgres/messages/tuple.ts";
import { joined, type Paint, type Painted, type Palette } from "../terminal/painted.ts";
import {
  type Drawn,
  type Form,
  drawValue,
  drawWord,
  type Seen,
  startOfCharacter,
  WHOLE,
} from "./value.ts";
import type { Kind } from "./kinds.ts";

/** Bytes that two values have in common before they differ: more than these are passed over. */
const COMMON_SHOWN = 6;
/** Where a difference cannot be seen in less, a value may take so much in spite of --max-width. */
const WIDTH_LEAST = 16;
const PLAIN = /^[ -~]*$/;
/** Characters that have the glyph of an ASCII character in some font, and these. */
const GLYPHS: ReadonlyMap<string, string> = new Map(
  [
    ["АВЕКМНОРСТУХЅІЈԌԚԜѴҮЬЗаеорсухѕіјһԁԛԝѵүӏьг", "ABEKMHOPCTYXSIJGQWVYb3aeopcyxsijhdqwvylbr"],
    ["ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϜϹϳονραικυγωσϲ", "ABEZHIKMNOPTYXFCjovpaikuywoc"],
    ["ՍՕօսոհցզյլᎪᎠᎬᎻᎫᏦᏞᎷᏢᏒᏚᎢᏙᏔᏃᏟᏀᏴ", "UOounhgqjlADEHJKLMPRSTVWZCGB"],
    ["ɑɡıɩʋƖǀǃ", "agiivll!"],
    ["‐‑‒–—−⁃˗", "--------"],
    ["‘’‛ʹʻʼ′ꞌ´“”‟″ʺ", "'''''''''\"\"\"\"\""],
    ["‚¸٫∕⁄∼˜։ː꞉∶∗⁎∣‹›·٠", ",,,//~~::::**|<>.."],
  ].flatMap(([alike = "", ascii = ""]) =>
    Array.from(alike).map((one, index) => [one, ascii[index] ?? ""] as const),
  ),
);

interface WithSeen {
  readonly seen: Seen;
}

/**
 * The rule by which an update is shown: two values never look the same. Where one is cut, both begin shortly before the
 * place where they differ; where that does not tell them apart, at that place; and where their characters look alike,
 * these are escaped. Undefined: there is no room for any of it.
 */
export function drawApart<One extends WithSeen>(
  before: ColumnValue | undefined,
  after: ColumnValue | undefined,
  draw: (form: Form) => readonly [One, One],
  commonShown = COMMON_SHOWN,
): readonly [One, One] | undefined {
  const whole = draw(WHOLE);
  const cut = whole.some(({ seen }) => !seen.ends);
  const texts = [before, after].flatMap((value) => bytesOf(value) ?? []);
  const [old, now] = texts;
  // NULL, or not there.
  if (old === undefined || now === undefined) return cut && isAlike(whole) ? undefined : whole;
  if (!cut && !isAlike(whole)) return whole;
  const common = commonLength(old, now);
  const near = startOfCharacter(texts, Math.max(0, common - commonShown));
  if (near < commonShown && !isAlike(whole)) return whole;
  const starts = [near, startOfCharacter(texts, common)];
  const plain = starts.map((start) => ({ start, exact: false, roomy: false }));
  const exact = [...(cut ? [] : [0]), ...starts].map((start) => ({ ...WHOLE, start, exact: true }));
  const forms = cut ? [...plain, ...exact] : [...exact, ...plain];
  for (const form of [...forms, ...forms.map((one) => ({ ...one, roomy: true }))]) {
    const drawn = draw(form);
    if (!isAlike(drawn)) return drawn;
  }
  return undefined;
}

interface PairOptions {
  readonly width: number;
  /** Of each value, as it was asked for. Infinity: not at all. */
  readonly valueMax: number;
  readonly kind: Kind;
  readonly arrow: Painted;
}

/** `old → new` on one line. Undefined as a value: it is not there. */
export function drawPair(
  before: ColumnValue | undefined,
  after: ColumnValue | undefined,
  { width, valueMax, kind, arrow }: PairOptions,
  palette: Palette,
): Drawn {
  const both = Math.max(0, width - arrow.width);
  const half = Math.floor(both / 2);
  const drawn = drawApart(before, after, (form) => {
    const max = form.roomy ? Math.max(valueMax, WIDTH_LEAST) : valueMax;
    const draw = (value: ColumnValue | undefined, room: number, paint: Paint): Drawn =>
      drawValue(value, bytesOf(value) ? Math.min(room, max) : room, kind, palette, paint, form);
    // What one of them does not need, the other one may have.
    const now = draw(after, both, palette.newValue);
    const old = draw(before, Math.max(half, both - now.width), palette.oldValue);
    const fits = old.width + now.width <= both;
    return [old, fits ? now : draw(after, both - old.width, palette.newValue)];
  });
  if (drawn === undefined) {
    const word = before === undefined ? "(added)" : after === undefined ? "(removed)" : "(changed)";
    return { ...drawWord(word, width, palette), isCut: true };
  }
  const [old, now] = drawn;
  return { ...now, ...joined(old, arrow, now), isCut: old.isCut || now.isCut };
}

function bytesOf(value: ColumnValue | undefined): Uint8Array | undefined {
  return value === undefined || value.kind === "null" || value.kind === "unchanged"
    ? undefined
    : value.bytes;
}

function commonLength(a: Uint8Array, b: Uint8Array): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length += 1;
  return length;
}

/** Whether a person would take one for the other, whatever the font; or one for the start of the other, which is cut. */
function isAlike([{ seen: a }, { seen: b }]: readonly [WithSeen, WithSeen]): boolean {
  if (a.escaped !== b.escaped && a.body.includes("\\") && b.body.includes("\\")) return false;
  const plain = PLAIN.test(a.body) && PLAIN.test(b.body);
  const [one, other] = plain ? [a.body, b.body] : [glyphsOf(a.body), glyphsOf(b.body)];
  if (one === other) return true;
  return (!a.ends && other.startsWith(one)) || (!b.ends && one.startsWith(other));
}

/** What its characters look like. Twice: the normal form takes some of them apart, and makes others. */
export function glyphsOf(text: string): string {
  if (PLAIN.test(text)) return text;
  const read = (from: string): string => Array.from(from, (one) => GLYPHS.get(one) ?? one).join("");
  return read(read(text).normalize("NFKC"));
}
