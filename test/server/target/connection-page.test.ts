import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { KEYWORDS } from "../../../src/server/target/keywords.ts";

const PAGE = join(fileURLToPath(new URL("../../../..", import.meta.url)), "docs", "connection.md");

/** The cells of each row of the page's table, without the marks of code. */
function tableRows(page: string): readonly (readonly string[])[] {
  const lines = page.split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) =>
    line
      .replaceAll("`", "")
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

test("docs/connection.md has every keyword and variable as the program treats it", () => {
  const rows = tableRows(readFileSync(PAGE, "utf8"));
  const expected = KEYWORDS.map(({ keyword = "", variable = "", treatment, note }) => [
    keyword,
    variable,
    treatment,
    note,
  ]);
  assert.deepEqual(rows, expected);
});
