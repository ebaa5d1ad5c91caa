/**
 * A terminal must not receive text from a database as it is: a value may contain escape sequences, text that runs
 * backwards, or invisible characters. This makes all of them visible.
 */
import { HOSTILE } from "../../hostile-text.ts";

/**
 * The selector only asks for an emoji's coloured glyph, and terminals disagree on its width (`❤` is one column, with
 * the selector one or two), so it is removed. Elsewhere it is escaped like the rest.
 */
const EMOJI_SELECTOR = /(?<=\p{Emoji})\ufe0f/gu;

const PLAIN = /^[ -~]*$/;

const SHORT_ESCAPES = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

/** Whether sanitizeLine() would write an escape. */
function isHostile(text: string): boolean {
  if (PLAIN.test(text)) return false;
  HOSTILE.lastIndex = 0;
  return HOSTILE.test(text.replace(EMOJI_SELECTOR, ""));
}

/**
 * The text on one line, safe to print: it escapes as `\n`, `\r`, `\t`, otherwise as `\x1b`, `\u202e` or `\u{e0041}`.
 */
export function sanitizeLine(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(EMOJI_SELECTOR, "").replace(HOSTILE, escapeCharacter);
}

/** The same for text of several lines. */
export function sanitizeLines(text: string): string {
  return text.split("\n").map(sanitizeLine).join("\n");
}

/** White space that looks like a space. */
const SPACES = /(?! )\p{Zs}/gu;
/** A character with the marks, or the Korean letters, that it is drawn with. */
const CLUSTER = /\P{M}[\p{M}\u1160-\u11ff]*/gu;
const NOT_ASCII = /[^ -~]/gu;

/** Whether clearLine() would write an escape. */
export function isUnclear(text: string, exact = false): boolean {
  if (PLAIN.test(text)) return false;
  return exact || isHostile(text) || text.search(SPACES) >= 0 || text.normalize("NFC") !== text;
}

/**
 * As sanitizeLine(), and what looks like another text is escaped too: white space other than a space, and what Unicode's
 * normal form NFC writes otherwise. `exact`: all that is not ASCII.
 */
export function clearLine(text: string, exact = false): string {
  if (PLAIN.test(text)) return text;
  if (exact) return text.replace(NOT_ASCII, escapeCharacter);
  const safe = sanitizeLine(text).replace(SPACES, escapeCharacter);
  if (safe.normalize("NFC") === safe) return safe;
  return safe.replace(CLUSTER, (one) =>
    one.normalize("NFC") === one ? one : one.replace(NOT_ASCII, escapeCharacter),
  );
}

function escapeCharacter(character: string): string {
  const short = SHORT_ESCAPES.get(character);
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  // `\x85` is a byte of text that is not UTF-8; the character U+0085 has two.
  if (code <= 0x7f) return `\\x${hex.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\u{${hex}}`;
}
