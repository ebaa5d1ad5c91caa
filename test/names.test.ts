/** What a message or a comment sends its reader to is there: commands, options, pages and their sections. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { before, describe, it } from "node:test";
import { commandNames, helpOf } from "./support/program/inside.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const sources = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => ({ path, text: readFileSync(join(ROOT, "src", path), "utf8") }));

/** Without comments; a URL's slashes begin none. */
function codeOf(text: string): string {
  return text.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/(^|\s)\/\/ .*$/gm, "");
}

/** Each place that the pattern finds, with what its first group holds. */
function places(pattern: RegExp, texts = sources): ReadonlyArray<readonly [string, string]> {
  return texts.flatMap(({ path, text }) =>
    Array.from(text.matchAll(pattern), ([, name = ""]) => [path, name] as const),
  );
}

describe("what messages name is there", () => {
  const code = sources.map(({ path, text }) => ({ path, text: codeOf(text) }));
  let commands: readonly string[];
  let options: ReadonlySet<string>;

  before(async () => {
    commands = await commandNames();
    assert.ok(commands.length > 8);
    const helps = await Promise.all(commands.map((name) => helpOf(name)));
    const found = helps.flatMap((help) =>
      Array.from(help.matchAll(/--[a-z][a-z-]*/g), ([option]) => option),
    );
    // Of the program itself.
    options = new Set([...found, "--version"]);
  });

  it("commands, where a command is to be pasted", () => {
    const pasted = [
      ...places(/(?:walctlCommand\(\s*\[|words = \[)\s*"([^"]+)"/g, code),
      ...places(/: walctl ([a-z][a-z-]*)(?=[."`)]| -| \$\{)/g, code),
      // Nothing else is hyphenated behind it.
      ...places(/\bwalctl ([a-z]+-[a-z-]+)/g, code),
    ];
    assert.ok(pasted.length > 8);
    for (const [path, name] of pasted) assert.ok(commands.includes(name), `${path}: ${name}`);
  });

  it("options", () => {
    const strings = code.map(({ path, text }) => ({
      path,
      text: Array.from(
        text.matchAll(/"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g),
        ([string]) => string,
      ).join("\n"),
    }));
    const named = places(/(?<![\w-])(--[a-z][a-z-]*)(?!\w)/g, strings).filter(
      // Other programs' options, and V8's.
      ([path, name]) =>
        !path.startsWith("demo/") &&
        !path.includes("completion") &&
        !["--semi-space-growth-factor", "--heap-growing-percent"].includes(name),
    );
    assert.ok(named.length > 50);
    for (const [path, name] of named) assert.ok(options.has(name), `${path}: ${name}`);
  });

  it("help that has examples", async () => {
    const named = places(/walctl ([a-z-]+) --help/g);
    assert.ok(named.length > 0);
    for (const [path, name] of named) {
      assert.match(await helpOf(name), /^Examples:$/m, path);
    }
  });

  it("pages, and their sections", () => {
    for (const [path, page] of places(/\b((?:docs\/)?[\w-]+\.md)\b/g)) {
      const found = ["", "docs"].some((folder) => existsSync(join(ROOT, folder, page)));
      assert.ok(found, `${path}: ${page}`);
    }
    const readme = readFileSync(join(ROOT, "README.md"), "utf8");
    const titles = new Set(Array.from(readme.matchAll(/^#+ (.*)$/gm), ([, title = ""]) => title));
    for (const [path, title] of places(/\bREADME(?:\.md)?, (\w[\w -]*)/g)) {
      assert.ok(titles.has(title), `${path}: README, ${title}`);
    }
  });
});
