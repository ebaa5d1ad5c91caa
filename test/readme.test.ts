import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { walctl } from "./support/cli.ts";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

/** The text below `### title`, up to the next title. */
function section(title: string): string {
  const [, text] = `${readme}\n## `.split(new RegExp(`^### ${title}$`, "m"));
  assert.ok(text !== undefined, `README.md has a section "### ${title}"`);
  return text.split(/^##/m, 1)[0] ?? "";
}

/** The flags in the first column of the section's table, and of the shared tables that it refers to. */
function flagsInReadme(command: string): readonly string[] {
  const own = section(command);
  const shared = ["connection", "output", "table"].filter((name) =>
    own.includes(`(#${name}-options)`),
  );
  const capital = (name: string): string => name.replace(/^./, (letter) => letter.toUpperCase());
  const texts = [own, ...shared.map((name) => section(`${capital(name)} options`))];
  const rows = texts.flatMap((text) => Array.from(text.matchAll(/^\| `(-[^`]*)`/gm)));
  return rows.map((row) => flagsOf(row[1] ?? "")).toSorted();
}

async function flagsInHelp(command: string): Promise<readonly string[]> {
  const { stdout } = await walctl([command, "--help"]);
  const options = stdout.matchAll(/^ {2}(-.*)$/gm);
  const flags = Array.from(options, (option) => flagsOf(option[1] ?? ""));
  return flags.filter((flag) => flag !== "--help").toSorted();
}

/** `-S, --slot <name>  the slot` → `-S, --slot` */
function flagsOf(text: string): string {
  return /^(-\w, )?--[\w-]+/.exec(text)?.[0] ?? text;
}

async function commands(): Promise<readonly string[]> {
  const { stdout } = await walctl(["--help"]);
  const [, list = ""] = /^Commands:\n(.*?)\n\n/ms.exec(stdout) ?? [];
  return Array.from(list.matchAll(/^ {2}([a-z][a-z-]*) /gm), (match) => match[1] ?? "");
}

describe("README.md", () => {
  it("lists exactly the options that --help prints, for every command", async () => {
    const names = await commands();
    assert.ok(names.length > 4);
    for (const name of names) {
      assert.deepEqual(flagsInReadme(name), await flagsInHelp(name), name);
    }
  });

  it("begins with two commands to paste, each one line", () => {
    const blocks = Array.from(readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm), (match) => match[1]);
    assert.deepEqual(blocks.slice(0, 2), [
      "npm ci && npm run demo\n",
      "npm run build && npm link\n",
    ]);
  });

  it("links to sections that are there", () => {
    const slug = (title: string): string =>
      title
        .toLowerCase()
        .replaceAll(/[^\w -]/g, "")
        .replaceAll(" ", "-");
    const headings = readme.matchAll(/^#+ (.*)$/gm);
    const titles = new Set(Array.from(headings, (match) => slug(match[1] ?? "")));
    const links = Array.from(readme.matchAll(/\]\(#([^)]*)\)/g), (match) => match[1] ?? "");
    assert.deepEqual(
      links.filter((link) => !titles.has(link)),
      [],
    );
  });
});
