/** Measures and cuts text in columns of a terminal. The text must be sanitized. */

const PLAIN = /^[ -~]*$/;

/** Combining characters take no column. */
const COMBINING = /[\p{Mn}\p{Me}\u1160-\u11ff\ud7b0-\ud7ff]/u;

/** East_Asian_Width W and F (from Unicode's EastAsianWidth.txt; JavaScript has no such property), and emoji. */
const WIDE =
  // eslint-disable-next-line no-misleading-character-class
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;

/** A skin tone, or the second letter of a flag, joins the character before it. */
const SKIN_TONE = /\p{Emoji_Modifier}/u;
const TAKES_SKIN_TONE = /\p{Emoji_Modifier_Base}/u;
const FLAG_LETTER = /\p{Regional_Indicator}/u;

export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  let before = "";
  for (const character of text) {
    width += characterWidth(character, before);
    before = joinsNext(character, before);
  }
  return width;
}

/** The text, or the start of it that fits `width` columns together with the mark of a cut. */
export function cutToWidth(text: string, width: number, ellipsis: string): string {
  const start = startWithin(text, width);
  if (start.length === text.length) return text;
  return startWithin(start, width - ellipsis.length) + ellipsis.slice(0, Math.max(width, 0));
}

/** The start of the text that fits `width` columns. */
export function startWithin(text: string, width: number): string {
  if (PLAIN.test(text)) return text.length <= width ? text : text.slice(0, Math.max(width, 0));
  let used = 0;
  let at = 0;
  let before = "";
  for (const character of text) {
    used += characterWidth(character, before);
    if (used > width) return text.slice(0, at);
    at += character.length;
    before = joinsNext(character, before);
  }
  return text;
}

/** `before`: the character that a combining character, a skin tone or the second letter of a flag joins. */
function characterWidth(character: string, before: string): 0 | 1 | 2 {
  if (COMBINING.test(character)) return 0;
  if (SKIN_TONE.test(character) && TAKES_SKIN_TONE.test(before)) return 0;
  if (FLAG_LETTER.test(character) && FLAG_LETTER.test(before)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** The character that the next one may join. Flag letters come in pairs: a third one starts the next flag. */
function joinsNext(character: string, before: string): string {
  return FLAG_LETTER.test(character) && FLAG_LETTER.test(before) ? "" : character;
}
