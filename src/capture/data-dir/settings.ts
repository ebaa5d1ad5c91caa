import { readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** The server's own limit. */
const DEPTH_MAX = 10;
/** `name = value`, `name value`, with a comment behind it. */
const LINE = /^\s*([\w.]+)(?:\s*=\s*|\s+)('(?:[^'\\]|''|\\.)*'|[^\s#']+)/;

/**
 * The value of `name` in the server's configuration; the last line counts (manual: Setting Parameters). Undefined if it
 * is not set, or the files are elsewhere.
 */
export function configuredSetting(folder: string, name: string): string | undefined {
  return (
    settingIn(join(folder, "postgresql.auto.conf"), name, 0) ??
    settingIn(join(folder, "postgresql.conf"), name, 0)
  );
}

function settingIn(path: string, name: string, depth: number): string | undefined {
  let found: string | undefined;
  for (const line of linesOf(path)) {
    const [, key = "", quoted = ""] = LINE.exec(line) ?? [];
    const value = unquoted(quoted);
    if (key.toLowerCase() === name) found = value;
    if (!/^include(_if_exists|_dir)?$/i.test(key) || depth >= DEPTH_MAX) continue;
    const target = resolve(dirname(path), value);
    const files = /_dir$/i.test(key) ? configurationsIn(target) : [target];
    for (const file of files) found = settingIn(file, name, depth + 1) ?? found;
  }
  return found;
}

function linesOf(path: string): readonly string[] {
  try {
    // A device has no end.
    return statSync(path).isFile() ? readFileSync(path, "utf8").split("\n") : [];
  } catch {
    return [];
  }
}

function configurationsIn(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => /^[^.].*\.conf$|^[^.]\.conf$/.test(name));
    return names.toSorted().map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function unquoted(text: string): string {
  if (!text.startsWith("'")) return text;
  return text.slice(1, -1).replace(/''|\\(.)/g, (_, escaped?: string) => escaped ?? "'");
}
