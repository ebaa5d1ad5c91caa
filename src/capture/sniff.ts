import { isKnownTag } from "../postgres/messages/decoder.ts";
import type { CaptureFormat } from "./formats/capture-reader.ts";
import { COPY_SIGNATURE } from "./formats/copy-binary.ts";
import {
  type Foreign,
  FOREIGN_BYTES,
  decodedBy,
  foreignBinary,
  foreignText,
  spreadLines,
} from "./formats/foreign.ts";
import { tryMessages } from "./formats/trial.ts";
import { WALCTL_MAGIC } from "./formats/walctl-format.ts";

export type Sniffed =
  | { readonly kind: "capture"; readonly format: CaptureFormat }
  | ({ readonly kind: "foreign" } & Foreign)
  /** At least `missing` more bytes are needed to decide. */
  | { readonly kind: "undecided"; readonly missing: number };

/** With this many printable bytes at its start a file is text: a pgoutput message has a 0 byte before that. */
const TEXT_BYTES = 64;
/**
 * How many blanks may precede text: psql centres the heading over the widest value, so there are up to half as many
 * blanks as that value has characters.
 */
const BLANKS_MAX = 1 << 24;

/** Recognises a file by its first bytes, at least one. `final`: the file has no more bytes. */
export function sniff(bytes: Uint8Array, final: boolean): Sniffed {
  for (const [format, magic] of MAGICS) {
    const alike = commonPrefix(bytes, magic);
    // The last byte is the version of the format: the reader reports one that it does not know.
    if (alike >= magic.length - 1) return capture(format);
    if (alike === bytes.length) {
      return final ? capture(format) : { kind: "undecided", missing: magic.length - alike };
    }
  }
  const blanks = blankLength(bytes);
  const text = textLength(bytes, blanks);
  if (text >= blanks + TEXT_BYTES || blanks === BLANKS_MAX || (final && text === bytes.length)) {
    const isCut = !final && bytes.length < LINE_BYTES && !bytes.includes(0x0a, blanks);
    if (isCut && bytes[blanks] === 0x7b) return { kind: "undecided", missing: 1 };
    return sniffText(bytes.subarray(0, text), blanks);
  }
  if (text === bytes.length) return { kind: "undecided", missing: 1 };
  const foreign = foreignBinary(bytes);
  if (foreign !== undefined) return { kind: "foreign", ...foreign };
  if (isKnownTag(bytes[0] ?? 0)) return sniffMessages(bytes, final);
  if (!final && bytes.length < FOREIGN_BYTES) {
    return { kind: "undecided", missing: FOREIGN_BYTES - bytes.length };
  }
  return { kind: "foreign", ...UNKNOWN_FORM };
}

const MAGICS: readonly (readonly [CaptureFormat, Uint8Array])[] = [
  ["walctl", WALCTL_MAGIC],
  ["copy-binary", COPY_SIGNATURE],
];

const UNKNOWN_FORM: Foreign = {
  what: "not a capture in a format that walctl knows",
  hint: "If it is one whose front was cut off or damaged, name its format with --input and add --keep-going.",
};

function capture(format: CaptureFormat): Sniffed {
  return { kind: "capture", format };
}

/**
 * Decides between a file of pg_recvlogical and messages end to end: either a line feed follows the first message or
 * not. A capture that is damaged or cut before that counts as pg_recvlogical's, the more common one.
 */
function sniffMessages(bytes: Uint8Array, final: boolean): Sniffed {
  for (const [format, separator] of UNFRAMED_FORMATS) {
    const trials = [false, true].map((streaming) =>
      tryMessages(bytes, 0, { separator, streaming, final }, 1),
    );
    if (trials.some(({ messages }) => messages > 0)) return capture(format);
    const alive = trials.filter(({ broken }) => !broken);
    if (alive.length === 0) continue;
    if (final) return capture(format);
    const missing = Math.min(...alive.map((trial) => trial.missing));
    return { kind: "undecided", missing: Math.max(1, missing) };
  }
  return capture("recvlogical");
}

const UNFRAMED_FORMATS = [
  ["recvlogical", "line feed"],
  ["raw", "none"],
] as const;

/** The start of a line that walctl printed. */
const WALCTL_LINE = /^\{\s*"kind"\s*:\s*"[a-z_]+"\s*,\s*"lsn"\s*:/;
/** One that another program printed again has these members in any order, among others. */
const WALCTL_MEMBERS = [
  /[{,]\s*"kind"\s*:\s*"[a-z_]+"/,
  /[{,]\s*"lsn"\s*:\s*(?:null|"[0-9A-F]{1,8}\/[0-9A-F]{1,8}")/,
];
/** How much of a line is looked at. */
const LINE_BYTES = 1 << 16;
const LSN_LINE = /^\s*"?[0-9A-F]{1,8}\/[0-9A-F]{1,8}"?\s*([|\t,])/;
const HEADING_LINE = /^\s*"?(?:lsn|location)"?\s*([|\t,])/;
const FORMAT_OF_SEPARATOR = new Map<string, CaptureFormat>([
  ["|", "hex"],
  ["\t", "copy-text"],
  [",", "copy-csv"],
]);

/** `blanks`: the offset of the first character. */
function sniffText(bytes: Uint8Array, blanks: number): Sniffed {
  const text = Buffer.from(bytes.subarray(blanks, blanks + 1024)).toString("latin1");
  if (text.startsWith(String.raw`\\x`)) return capture("copy-text");
  if (text.startsWith(String.raw`\x`)) return capture("hex");
  if (/^[[{]/.test(text)) return sniffJson(bytes.subarray(blanks, blanks + LINE_BYTES));
  if (decodedBy(text) !== undefined) return { kind: "foreign", ...foreignText(text) };
  const separator = (LSN_LINE.exec(text) ?? HEADING_LINE.exec(text))?.[1] ?? "";
  const format = FORMAT_OF_SEPARATOR.get(separator) ?? bareFormat(text, blanks > 0);
  return format === undefined ? { kind: "foreign", ...foreignText(text) } : capture(format);
}

function sniffJson(bytes: Uint8Array): Sniffed {
  const text = Buffer.from(bytes).toString("latin1");
  const [line = ""] = text.split("\n", 1);
  const isOurs = (json: string): boolean =>
    WALCTL_LINE.test(json) || WALCTL_MEMBERS.every((member) => member.test(json));
  const isOther = /^\{"kind":"(?:catalog|record)",/.test(line);
  if (line.startsWith("{") && !isOther && isOurs(line)) return capture("ndjson");
  // Not the lines of catalogues, each of which is an object.
  const isSpread = line.startsWith("[") || !line.trimEnd().endsWith("}");
  return { kind: "foreign", ...(isSpread && isOurs(text) ? spreadLines(line) : foreignText(text)) };
}

/**
 * The format of text with only one column: below a heading, or with bytea_output = escape, which shows the zero bytes
 * of the first message as `\000`.
 */
function bareFormat(text: string, padded: boolean): CaptureFormat | undefined {
  if (/^(?:-\[ RECORD|data\s*\|)/.test(text)) return "hex";
  if (/^data\s*(?:\n|$)/.test(text)) {
    return !padded && text.includes(String.raw`\\`) ? "copy-text" : "hex";
  }
  const match = /^"?[BCORYIUDTMSEcAbPpKr](?:[^\n]{0,30}?)(\\{1,2})000/.exec(text);
  if (match === null) return undefined;
  return match[1] === String.raw`\\` ? "copy-text" : "copy-csv";
}

function commonPrefix(bytes: Uint8Array, magic: Uint8Array): number {
  let at = 0;
  while (at < magic.length && at < bytes.length && bytes[at] === magic[at]) at++;
  return at;
}

/** The number of blank bytes at the start, up to BLANKS_MAX. */
function blankLength(bytes: Uint8Array): number {
  const end = Math.min(bytes.length, BLANKS_MAX);
  let at = 0;
  while (at < end && isBlank(bytes[at] ?? 0)) at++;
  return at;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** The end of the printable text that starts at `start`; the end of the bytes if TEXT_BYTES are printable. */
function textLength(bytes: Uint8Array, start: number): number {
  for (let at = start; at < Math.min(bytes.length, start + TEXT_BYTES); at++) {
    const byte = bytes[at] ?? 0;
    if (byte === 0x7f || (byte < 0x20 && !isBlank(byte))) return at;
  }
  return bytes.length;
}
