/** What a source file imports, read off its text. */

export interface Import {
  /** As written: "./lsn.ts", "node:fs", "pg". */
  readonly from: string;
  readonly line: number;
  /** `import type`, or a dynamic import: not loaded with the file. */
  readonly lazy: boolean;
}

const STATEMENT =
  /^[ \t]*(?:import|export)[ \t]+(?<type>type\b)?[^"';]*?\bfrom\s*["'](?<from>[^"']+)["']/gm;
const BARE = /^[ \t]*import\s*["'](?<from>[^"']+)["']/gm;
const DYNAMIC = /\b(?:import|require)\s*\(\s*["'`](?<from>[^"'`]+)["'`]\s*[,)]/g;

export function importsOf(source: string): readonly Import[] {
  const code = withoutComments(source);
  const found: Import[] = [];
  const collect = (pattern: RegExp, isLazy: (match: RegExpMatchArray) => boolean): void => {
    for (const match of code.matchAll(pattern)) {
      const from = match.groups?.["from"] ?? "";
      const line = lineAt(code, match.index + match[0].length);
      found.push({ from, line, lazy: isLazy(match) });
    }
  };
  collect(STATEMENT, (match) => match.groups?.["type"] !== undefined);
  collect(BARE, () => false);
  collect(DYNAMIC, () => true);
  return found.toSorted((a, b) => a.line - b.line);
}

/** Lines where the global object `process` is used: as such, or as a property of the global object. */
export function processUses(source: string): readonly number[] {
  const code = withoutStrings(withoutComments(source));
  const uses = code.matchAll(
    /(?<![\w$."'`-])process\s*(?:\??\.\s*[A-Za-z_$[]|\[|[;,)}\n])|\b(?:globalThis|global)\s*(?:\??\.\s*process\b|\[)/g,
  );
  return Array.from(uses, (match) => lineAt(code, match.index));
}

/** Comments become spaces, so that lines keep their numbers. */
function withoutComments(source: string): string {
  const blank = (text: string): string => text.replace(/[^\n]/g, " ");
  return source
    .replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, blank)
    .replace(/(?<=^|[\s;{(,])\/\/ .*$/gm, blank);
}

function withoutStrings(code: string): string {
  return code.replace(/"(?:[^"\\\n]|\\.)*"/g, (text) => (text === '"process"' ? text : '""'));
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}
