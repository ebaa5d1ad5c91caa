import { clearLine, isUnclear } from "../bytes/sanitize.ts";
import { textWidth } from "../terminal/text-width.ts";

/** A string (its end may have been cut off), a bracket or the like, a number, a word. White space is dropped. */
const TOKEN = /\s*("(?:[^"\\]|\\.)*(?:"|\\?$)|[{}[\],:]|-?\d[\d.eE+-]*|[a-z]{1,5}|$)/suy;
const WORDS: ReadonlySet<string> = new Set(["true", "false", "null"]);
const OPENING: ReadonlySet<string> = new Set(["{", "["]);
const CLOSING: ReadonlySet<string> = new Set(["}", "]"]);
const INDENT = "  ";

/**
 * JSON on one line, safe to print: unchanged, or, if it has line breaks, spaced as jsonb prints itself. Undefined if it
 * is not JSON, since its brackets and quotes then do not show where it ends, or if it holds unprintable characters,
 * whose escapes would look like JSON's own.
 * @param whole nothing of it was cut off
 */
export function jsonOnOneLine(json: string, whole: boolean): string | undefined {
  const tokens = tokensOf(json, whole);
  if (tokens === undefined || tokens.some((token) => isUnclear(token))) return undefined;
  return isUnclear(json)
    ? spaced(tokens.map((token) => clearLine(token))).join("")
    : clearLine(json);
}

/**
 * The same on lines of `width` if possible: a longer array or object has a line for each of its elements, indented.
 */
export function jsonOnLines(
  json: string,
  whole: boolean,
  width: number,
): readonly string[] | undefined {
  const found = tokensOf(json, whole);
  if (found === undefined || found.some((token) => isUnclear(token))) return undefined;
  const tokens = found.map((token) => clearLine(token));
  const lines: string[] = [];
  let line = "";
  let depth = 0;
  const breakLine = (): void => {
    if (line.trim() !== "") lines.push(line);
    line = INDENT.repeat(depth);
  };
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] ?? "";
    const end = OPENING.has(token) ? endWithin(tokens, at, width - textWidth(line)) : undefined;
    if (end !== undefined) {
      line += spaced(tokens.slice(at, end)).join("");
      at = end - 1;
      continue;
    }
    if (CLOSING.has(token)) {
      depth = Math.max(depth - 1, 0);
      breakLine();
    }
    line += token === ":" ? ": " : token;
    if (OPENING.has(token)) depth += 1;
    if (OPENING.has(token) || token === ",") breakLine();
  }
  breakLine();
  return lines;
}

/** The tokens of uncut JSON, safe to print. Undefined if it is not JSON. */
export function jsonTokens(json: string): readonly string[] | undefined {
  return tokensOf(json, true);
}

/** Returns the end of the array or object that starts there, if on one line it is no longer than that. */
function endWithin(tokens: readonly string[], start: number, width: number): number | undefined {
  let depth = 0;
  // A comma may follow.
  let left = width - 1;
  for (let at = start; at < tokens.length; at++) {
    const token = tokens[at] ?? "";
    left -= textWidth(spaced([token]).join(""));
    if (left < 0) return undefined;
    if (OPENING.has(token)) depth += 1;
    if (CLOSING.has(token)) depth -= 1;
    if (depth === 0) return at + 1;
  }
  return undefined;
}

function spaced(tokens: readonly string[]): readonly string[] {
  return tokens.map((token) => (token === "," || token === ":" ? `${token} ` : token));
}

/** The tokens unchanged, not safe to print. Undefined if it is not JSON. */
function tokensOf(json: string, whole: boolean): readonly string[] | undefined {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < json.length) {
    const token = TOKEN.exec(json)?.[1];
    if (token === undefined) return undefined;
    if (token === "") continue;
    const cut = !whole && TOKEN.lastIndex === json.length;
    if (!cut && !isWhole(token)) return undefined;
    tokens.push(token);
  }
  return tokens.length === 0 ? undefined : tokens;
}

function isWhole(token: string): boolean {
  if (token.startsWith('"')) return /^"(?:[^"\\]|\\.)*"$/su.test(token);
  return !/^[a-z]/.test(token) || WORDS.has(token);
}
