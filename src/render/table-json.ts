import type { TypeRegistry } from "../pgoutput/type-registry.ts";
import { sanitizeLine } from "./sanitize.ts";

/** A string (its end may have been cut off), a bracket or the like, a number, a word. White space is dropped. */
const TOKEN = /\s*("(?:[^"\\]|\\.)*(?:"|\\?$)|[{}[\],:]|-?\d[\d.eE+-]*|[a-z]{1,5}|$)/suy;
const WORDS = ["true", "false", "null"];
const INDENT = "  ";

/** Whether a column's values are JSON; a domain's are what its base type's are. */
export function isJson(oid: number, types: TypeRegistry): boolean {
  const shape = types.shapeOf(oid);
  if (shape?.kind === "domain") return isJson(shape.base, types);
  return shape?.kind === "scalar" && (shape.name === "json" || shape.name === "jsonb");
}

/**
 * JSON on one line, spaced as jsonb prints itself, safe to print. `whole`: nothing of it was cut off.
 * Undefined: it is none, so that its brackets and quotes do not tell where it ends.
 */
export function jsonOnOneLine(json: string, whole: boolean): string | undefined {
  const tokens = tokensOf(json, whole);
  if (tokens === undefined) return undefined;
  return tokens.map((token) => (token === "," || token === ":" ? `${token} ` : token)).join("");
}

/** The same with a line for every element and member, indented. */
export function jsonOnLines(json: string, whole: boolean): readonly string[] | undefined {
  const tokens = tokensOf(json, whole);
  if (tokens === undefined) return undefined;
  const lines: string[] = [];
  let line = "";
  let depth = 0;
  const breakLine = (): void => {
    if (line.trim() !== "") lines.push(line);
    line = INDENT.repeat(Math.max(depth, 0));
  };
  for (const [index, token] of tokens.entries()) {
    const opens = token === "{" || token === "[";
    const closes = token === "}" || token === "]";
    const before = tokens[index - 1];
    const empty = closes && (before === "{" || before === "[");
    if (closes) depth -= 1;
    if (closes && !empty) breakLine();
    line += token === ":" ? ": " : token;
    if (opens) depth += 1;
    const next = tokens[index + 1];
    if ((opens && next !== "}" && next !== "]") || token === ",") breakLine();
  }
  if (line.trim() !== "") lines.push(line);
  return lines;
}

/** Undefined: not JSON. */
function tokensOf(json: string, whole: boolean): readonly string[] | undefined {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < json.length) {
    const token = TOKEN.exec(json)?.[1];
    if (token === undefined) return undefined;
    if (token === "") continue;
    const cut = !whole && TOKEN.lastIndex === json.length;
    if (!cut && !isWhole(token)) return undefined;
    tokens.push(sanitizeLine(token));
  }
  return tokens.length === 0 ? undefined : tokens;
}

function isWhole(token: string): boolean {
  if (token.startsWith('"')) return /^"(?:[^"\\]|\\.)*"$/su.test(token);
  return !/^[a-z]/.test(token) || WORDS.includes(token);
}
