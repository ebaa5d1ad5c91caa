/** AssemblyScript: the characters of texts. */

/** The bits of the sixteen bytes that are not plain in a string: controls, `"`, `\`, DEL, and what is not ASCII. */
@inline
export function specials(bytes: v128): i32 {
  const controls = i8x16.lt_s(bytes, i8x16.splat(0x20));
  const quotes = i8x16.eq(bytes, i8x16.splat(0x22));
  const backslashes = i8x16.eq(bytes, i8x16.splat(0x5c));
  const deletes = i8x16.eq(bytes, i8x16.splat(0x7f));
  return i8x16.bitmask(v128.or(v128.or(controls, quotes), v128.or(backslashes, deletes)));
}

/** The end of the character whose first byte is not ASCII; 0 if it is not UTF-8. */
export function characterEnd(p: usize, end: usize): usize {
  const lead = load<u8>(p);
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const stop = p + (lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);
  if (stop > end) return 0;
  const second = load<u8>(p + 1);
  // Refuses overlong forms, surrogates, and code points beyond U+10FFFF.
  const first: u8 = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const final: u8 = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (second < first || second > final) return 0;
  for (let more = p + 2; more < stop; more++) if ((load<u8>(more) & 0xc0) != 0x80) return 0;
  return stop;
}
