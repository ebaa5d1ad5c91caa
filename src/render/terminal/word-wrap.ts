import { startWithin, textWidth } from "./text-width.ts";

/** Lines of at most `width` columns, broken between words, or inside a word that is longer. */
export function wrapWords(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && textWidth(line) + 1 + textWidth(word) > width) {
      lines.push(line);
      line = "";
    }
    let rest = line === "" ? word : `${line} ${word}`;
    while (textWidth(rest) > width) {
      // At least one character: a wide one does not fit a width of 1.
      const piece = startWithin(rest, width) || rest.slice(0, 1);
      lines.push(piece);
      rest = rest.slice(piece.length);
    }
    line = rest;
  }
  return [...lines, line];
}
