/** The pages say what the program does, and lead to places that are there. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { CAPTURE_FORMATS } from "../src/capture/formats/capture-reader.ts";
import { ndjsonSchema } from "../src/render/ndjson/schema.ts";
import { commandNames, helpOf, walctlInside } from "./support/program/inside.ts";
import { matchGolden } from "./support/golden/golden.ts";
import { WAL_LINES, WAL_PARTS } from "../src/render/wal/line-schema.ts";
import { LineSchema } from "./support/program/line-schema.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const PAGES = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`),
];

const ROOMS = new Set(readdirSync(join(ROOT, "src")));

/** Pages name source files without their ending. */
function isThere(path: string): boolean {
  return existsSync(join(ROOT, path)) || existsSync(join(ROOT, `${path}.ts`));
}

function withoutBlocks(page: string): string {
  return page.replaceAll(/^```[^]*?^```$/gm, "");
}

/** As GitHub makes them of headings; the same heading again gets a number. */
function anchorsOf(page: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, title = ""] of withoutBlocks(page).matchAll(/^#+ (.*)$/gm)) {
    const slug = title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-");
    let anchor = slug;
    for (let again = 1; anchors.has(anchor); again++) anchor = `${slug}-${again}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** What is wrong with a link; undefined: nothing. */
function faultOf(link: string, path: string): string | undefined {
  if (/^https?:/.test(link)) return undefined;
  const [file = "", anchor] = link.split("#");
  const target = file === "" ? path : join(dirname(path), file);
  if (!existsSync(join(ROOT, target))) return `${path}: no file ${link}`;
  if (anchor === undefined || anchorsOf(read(target)).has(anchor)) return undefined;
  return `${path}: no heading ${link}`;
}

describe("the pages", () => {
  for (const path of PAGES) {
    it(`${path}: links lead to files and headings`, () => {
      const links = withoutBlocks(read(path)).matchAll(/\]\(([^)\s]+)\)/g);
      const faults = Array.from(links, ([, link = ""]) => faultOf(link, path));
      assert.deepEqual(
        faults.filter((fault) => fault !== undefined),
        [],
      );
    });

    it(`${path}: files of the repository that it names are there`, () => {
      const names = read(path).matchAll(/`((?:docs|fixtures|src|test)\/[\w./-]+)`/g);
      for (const [, name = ""] of names) assert.ok(isThere(name), name);
    });

    it(`${path}: rooms and files of src that it names are there`, () => {
      const names = read(path).matchAll(/`(\w+)(\/[\w/-]+)`/g);
      for (const [, room = "", rest] of names) {
        if (ROOMS.has(room)) assert.ok(isThere(`src/${room}${rest}`), room + rest);
      }
    });
  }

  it("every page is linked from the README", () => {
    const readme = read("README.md");
    const missing = PAGES.filter((path) => path !== "README.md" && !readme.includes(`](${path})`));
    assert.deepEqual(missing, []);
  });

  it("options that they give to a command are the command's", async () => {
    let checked = 0;
    for (const path of PAGES) {
      // A line that ends in a backslash goes on.
      const calls = read(path)
        .replaceAll("\\\n", " ")
        .matchAll(/\bwalctl ([a-z]+(?:-[a-z]+)*)((?: [^|`\n]*)?)/g);
      for (const [call, command = "", words = ""] of calls) {
        const flags = words.replaceAll(/"[^"]*"|'[^']*'/g, "").match(/(?<= )--?[a-zA-Z][\w-]*/g);
        if (flags === null) continue;
        const help = await helpOf(command);
        checked++;
        for (const flag of flags) {
          assert.match(help, new RegExp(`^ .*${flag}[ ,\n]`, "m"), `${path}: ${call}: ${flag}`);
        }
      }
    }
    assert.ok(checked > 50);
  });
});

describe("docs/reference.md", () => {
  const page = read("docs/reference.md");

  /** Those of the command's own tables, and of the shared tables that it refers to. */
  function optionsOf(command: string): readonly string[] {
    const section = (title: string): string =>
      page.split(`\n## ${title}\n`)[1]?.split(/^## /m, 1)[0] ?? "";
    const own = section(command);
    const shared = ["Tables", "Output", "Connection"].filter((title) =>
      own.includes(`(#${title.toLowerCase()})`),
    );
    return [own, ...shared.map(section)].flatMap((text) =>
      Array.from(text.matchAll(/^\| `((?:-\w, )?--[\w-]+)/gm), ([, flag = ""]) => flag),
    );
  }

  it("is what `npm run reference` writes", async () => {
    matchGolden("docs/reference.md", (await walctlInside(["__man", "reference"])).stdout);
  });

  it("has exactly the options that --help prints, for every command", async () => {
    const commands = Array.from(page.matchAll(/^\| \[`([\w-]+)`\]/gm), ([, name = ""]) => name);
    assert.deepEqual(commands, await commandNames());
    for (const name of commands) {
      const help = await helpOf(name);
      const printed = Array.from(
        help.matchAll(/^ {2}((?:-\w, )?--[\w-]+)/gm),
        ([, flag = ""]) => flag,
      );
      const expected = printed.filter((flag) => flag !== "--help").toSorted();
      assert.deepEqual(optionsOf(name).toSorted(), expected, name);
    }
  });
});

describe("docs/guarantees.md", () => {
  it("names a test for every promise", () => {
    const [, ...sections] = read("docs/guarantees.md").split(/^## /m);
    const promises = sections.filter((section) => !section.startsWith("Other clients"));
    assert.ok(promises.length > 10);
    for (const promise of promises) {
      const title = promise.split("\n", 1)[0];
      assert.match(promise, /^- \*\*Tests:\*\* `test\/[\w/.-]+`/m, title);
    }
  });
});

describe("docs/ndjson.md", () => {
  const page = read("docs/ndjson.md");
  /** The table rows of the page, whole. */
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  /** Explained once for all lines. */
  const common = new Set(["kind", "lsn", "xid", "commit_time"]);

  function rowOf(kind: string): string {
    const row = rows.find((line) => line.split(" | ")[0]?.includes(`\`${kind}\``));
    assert.ok(row !== undefined, `docs/ndjson.md has a row for ${kind}`);
    return row;
  }

  it("explains every kind of line with every key that the JSON Schema has for it", () => {
    const { oneOf, $defs } = ndjsonSchema() as {
      readonly oneOf: ReadonlyArray<{ readonly $ref: string }>;
      readonly $defs: Readonly<Record<string, { readonly properties: object }>>;
    };
    assert.ok(oneOf.length > 15);
    for (const { $ref } of oneOf) {
      const kind = $ref.replace("#/$defs/", "");
      if (kind === "unknown" || kind in WAL_LINES) continue;
      // Its row says "the same".
      const text = rowOf(kind === "stream_prepare" ? "prepare" : kind);
      const keys = Object.keys($defs[kind]?.properties ?? {}).filter((key) => !common.has(key));
      // A change of a table that no Relation message announced has its oid: that has a section of its own.
      const missing = keys.filter((key) => key !== "oid" && !text.includes(`\`${key}\``));
      assert.deepEqual(missing, [], kind);
    }
  });

  it("shows lines that are valid against the JSON Schema", () => {
    const blocks = page.matchAll(/^```\n([\s\S]*?)^```$/gm);
    const lines = Array.from(blocks, ([, block = ""]) => block.split(/\n(?=\{"kind")/)).flat();
    assert.ok(lines.length >= 4);
    const ndjson = lines.map((line) => line.replaceAll("\n", "")).join("\n");
    new LineSchema().assertAll(ndjson, "docs/ndjson.md");
  });
});

describe("docs/wal.md", () => {
  const text = read("docs/wal.md");

  it("names every key of inspect's lines", () => {
    const keys = [...Object.values(WAL_LINES), WAL_PARTS["block"]].flatMap((schema) =>
      Object.keys((schema as { readonly properties: object }).properties),
    );
    assert.ok(keys.length > 30);
    assert.deepEqual(
      keys.filter((key) => !text.includes(`"${key}"`) && !text.includes(`\`${key}\``)),
      [],
    );
  });

  it("shows a line that is valid against the JSON Schema", () => {
    const [, line = ""] = /^```json\n([\s\S]*?)^```$/m.exec(text) ?? [];
    new LineSchema().assertAll(JSON.stringify(JSON.parse(line)), "docs/wal.md");
  });
});

describe("docs/captures.md", () => {
  it("explains every format of captures", () => {
    const page = read("docs/captures.md");
    const titles = Array.from(page.matchAll(/^### (.*)$/gm), ([, title]) => title);
    assert.deepEqual(titles.join(", ").split(", "), CAPTURE_FORMATS);
  });
});
