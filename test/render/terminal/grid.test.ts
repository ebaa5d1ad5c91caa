import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { drawGrid } from "../../../src/render/terminal/grid.ts";
import { createPalette } from "../../../src/render/terminal/painted.ts";
import { renderDroppedSlot } from "../../../src/render/reports/setup.ts";
import { SummaryCounts } from "../../../src/render/reports/summary-counts.ts";
import { renderSummaryTables } from "../../../src/render/reports/summary-table.ts";
import { textWidth } from "../../../src/render/terminal/text-width.ts";
import { insert } from "../../support/wire/messages.ts";

/** Each is of another width for cli-table3 than on a terminal; text-width.test.ts has what terminals make of them. */
const WORDS = ["नमस्ते", "ไทยก็", "🫠🛜", "👍🏽", "🇩🇪🇫🇷", "\u1112\u1161", "日本"];

/** All borders of a table stand below each other. */
function assertStraight(text: string): void {
  const lines = text.split("\n").filter((line) => /^[┌├│└]/u.test(line));
  assert.ok(lines.length > 2, text);
  const [first = ""] = lines;
  for (const line of lines) assert.equal(textWidth(line), textWidth(first), text);
}

describe("grids", () => {
  it("are as wide as a terminal makes them", () => {
    for (const word of WORDS) {
      assertStraight(
        drawGrid({
          palette: createPalette({ color: false }),
          head: [word, "n"],
          rows: [
            ["a", word],
            [`${word}s`, "1"],
          ],
        }),
      );
      assertStraight(
        renderDroppedSlot({ slot: word, status: "dropped" }, "table", { color: false }),
      );
    }
  });

  it("put every line of every cell where it belongs", () => {
    const text = drawGrid({
      palette: createPalette({ color: false }),
      head: ["one", "", "three"],
      rows: [
        ["a\nb\n\nd", "", "1"],
        ["", "日本\n本", "\ue000 2\n3"],
      ],
      right: [false, false, true],
    });
    assert.deepEqual(
      text
        .split("\n")
        .slice(2, 8)
        .map((line) => line.replaceAll(/ +/g, " ")),
      ["│ a │ │ 1 │", "│ b │ │ │", "│ │ │ │", "│ d │ │ │", "│ │ 日本 │ \ue000 2 │", "│ │ 本 │ 3 │"],
    );
  });

  it("of a summary too", () => {
    const counts = new SummaryCounts();
    for (const table of WORDS) {
      const message = insert();
      counts.add({ ...message, relation: { ...message.relation, table } });
    }
    const text = renderSummaryTables(counts, Number.POSITIVE_INFINITY, { color: false });
    assertStraight(text);
    assert.match(text, /Bytes are of rows as they were sent, of published tables only\./);
  });
});
