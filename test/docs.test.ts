import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { CAPTURE_FORMATS } from "../src/capture/capture-reader.ts";
import { ndjsonSchema } from "../src/render/ndjson-schema.ts";
import { LineSchema } from "./support/line-schema.ts";

const read = (name: string): string =>
  readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
const page = read("ndjson.md");
/** The table rows of the page, whole. */
const rows = page.split("\n").filter((line) => line.startsWith("| `"));
/** Explained once for all lines. */
const COMMON = new Set(["kind", "lsn", "xid", "commit_time"]);

describe("docs/ndjson.md", () => {
  it("explains every kind of line with every key that the JSON Schema has for it", () => {
    const { oneOf, $defs } = ndjsonSchema() as {
      readonly oneOf: ReadonlyArray<{ readonly $ref: string }>;
      readonly $defs: Readonly<Record<string, { readonly properties: object }>>;
    };
    assert.ok(oneOf.length > 15);
    for (const { $ref } of oneOf) {
      const kind = $ref.replace("#/$defs/", "");
      if (kind === "unknown") continue;
      // Its row says "the same".
      const text = rowOf(kind === "stream_prepare" ? "prepare" : kind);
      const keys = Object.keys($defs[kind]?.properties ?? {}).filter((key) => !COMMON.has(key));
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

describe("docs/captures.md", () => {
  it("explains every format of captures", () => {
    const titles = Array.from(read("captures.md").matchAll(/^### (.*)$/gm), ([, title]) => title);
    assert.deepEqual(titles.join(", ").split(", "), CAPTURE_FORMATS);
  });
});

function rowOf(kind: string): string {
  const row = rows.find((line) => line.split(" | ")[0]?.includes(`\`${kind}\``));
  assert.ok(row !== undefined, `docs/ndjson.md has a row for ${kind}`);
  return row;
}
