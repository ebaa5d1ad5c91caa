/** Text from a database that a terminal must not receive as it is. */

/**
 * C0, DEL and C1; line and paragraph separators; what Unicode says to show as nothing (zero-width and joining
 * characters, bidi controls and isolates, Hangul fillers, variation selectors, tags, BOM); other format characters;
 * what is no character; the blank of Braille; lone surrogates. Also combining marks that are stacked so high that they
 * cover the lines above.
 */
export const HOSTILE =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Cf}\p{Noncharacter_Code_Point}\u2800\p{Surrogate}]|(?<=[\p{Mn}\p{Me}]{6})[\p{Mn}\p{Me}]/gu;
