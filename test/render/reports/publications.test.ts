/** What publications prints of PostgreSQL 19's publications. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { publicationReport, renderPublications } from "../../../src/render/reports/publications.ts";

const LOOK = { color: false, ascii: true };
const STATE = {
  allTables: true,
  excluded: [{ schema: "public", name: "hid\nden" }],
  allSequences: true,
  schemas: [],
  publish: ["insert"],
  viaPartitionRoot: false,
  generatedColumns: "none",
  tables: [],
};
const MEMBERS = [{ schema: "public", table: "t" }];

function keysOf(line: string): Record<string, unknown> {
  return JSON.parse(line) as Record<string, unknown>;
}

test("excluded tables and sequences have keys of their own behind the others", () => {
  const report = publicationReport("px", STATE, MEMBERS);
  const line = keysOf(renderPublications([report], [], "ndjson", 80, LOOK));
  assert.deepEqual(Object.keys(line).slice(-3), ["faults", "all_sequences", "except"]);
  assert.deepEqual(
    [line["all_sequences"], line["except"], line["tables"]],
    [
      true,
      [{ schema: "public", table: "hid\nden" }],
      [{ schema: "public", table: "t", columns: null, where: null }],
    ],
  );
  const older = publicationReport("p", { ...STATE, excluded: [], allSequences: undefined });
  const before = keysOf(renderPublications([older], [], "ndjson", 80, LOOK));
  assert.deepEqual([before["all_sequences"], before["except"]], [null, null]);
});

test("the table for people has them as lines of their own", () => {
  const lines = (state: Partial<typeof STATE>, members = MEMBERS): readonly string[] =>
    renderPublications(
      [publicationReport("p", { ...STATE, ...state }, members)],
      [],
      "table",
      200,
      LOOK,
    )
      .split("\n")
      .map((line) => line.split("|")[3]?.trim() ?? "")
      .filter((cell) => cell !== "" && cell !== "tables");
  assert.deepEqual(lines({}), [
    "all tables",
    String.raw`except public."hid\nden"`,
    "public.t",
    "all sequences, which pgoutput does not send",
  ]);
  const many = Array.from({ length: 12 }, (_, at) => ({ schema: "s", name: `t${at}` }));
  const counted = lines({ excluded: many, allSequences: false });
  assert.deepEqual(
    [counted.length, counted[1], counted[11], counted[12]],
    [13, "except s.t0", "and except 2 more", "public.t"],
  );
  assert.deepEqual(lines({ allTables: false, excluded: [] }, []), [
    "none",
    "all sequences, which pgoutput does not send",
  ]);
});
