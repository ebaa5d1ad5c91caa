import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { LineSchema } from "./support/program/line-schema.ts";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

function blocks(language: string): readonly string[] {
  const found = readme.matchAll(/^```(\w*)\n([^]*?)^```$/gm);
  return Array.from(found).flatMap(([, name, block = ""]) => (name === language ? [block] : []));
}

describe("README.md", () => {
  it("begins with the demo, the tests and the installation, each one line to paste", () => {
    assert.deepEqual(blocks("sh").slice(0, 3), [
      "npm ci && npm run demo\n",
      "npm test\n",
      "npm run build && npm run man && npm link\n",
    ]);
  });

  it("compares walctl with others above the picture", () => {
    const [first = "", rest] = readme.split("\n![");
    assert.ok(rest !== undefined);
    const others = Array.from(first.matchAll(/^- \*\*([\w-]+)\*\*/gm), ([, name]) => name);
    assert.deepEqual(others, [
      "pg_recvlogical",
      "wal2json",
      "Debezium",
      "pg_waldump",
      "pg-logical-replication",
    ]);
  });

  it("shows one transaction, every line valid against the JSON Schema and explained", () => {
    const [block = "", ...others] = blocks("");
    assert.deepEqual(others, []);
    const lines = block.split(/\n(?=\{"kind")/).map((line) => line.replaceAll("\n", ""));
    new LineSchema().assertAll(lines.join("\n"), "README.md");
    const kinds = lines.map((line) => (JSON.parse(line) as { kind: string }).kind);
    assert.equal(kinds.at(-1), "commit");
    const explained = Array.from(readme.matchAll(/^- `(\w+)`: /gm), ([, kind]) => kind);
    assert.deepEqual(explained, kinds);
  });

  it("is short enough to be read", () => {
    assert.ok(readme.split("\n").length < 200);
  });
});
