/** The machine of a stream, as tables: what ARCHITECTURE.md shows is what the code does. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FOLLOWING, Phases } from "../../../src/server/stream/phases.ts";
import { type Situation, SUCCESSION } from "../../../src/server/stream/reconnection.ts";

const LATER: Situation = {
  reached: true,
  started: true,
  reconnect: true,
  waitForSlot: false,
  allowGap: false,
  doubts: 1,
};

const SITUATIONS: ReadonlyArray<readonly [title: string, situation: Situation]> = [
  ["before the server is reached", { ...LATER, reached: false, started: false }],
  ["before the first start", { ...LATER, started: false }],
  ["with --wait", { ...LATER, started: false, waitForSlot: true }],
  ["later", LATER],
  ["11 times without progress", { ...LATER, doubts: 11 }],
  ["with --allow-gap", { ...LATER, allowGap: true }],
  ["with --no-loop", { ...LATER, reconnect: false }],
];

function table(rows: ReadonlyArray<readonly string[]>): string {
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[], fill = " "): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths?.[column] ?? 0, fill)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  return [
    line(head),
    line(
      head.map(() => ""),
      "-",
    ),
    ...body.map((row) => line(row)),
  ].join("\n");
}

const page = readFileSync(new URL("../../../../ARCHITECTURE.md", import.meta.url), "utf8");

test("ARCHITECTURE.md shows what follows each cause in each situation", () => {
  const head = ["cause", ...SITUATIONS.map(([title]) => title), "after a signal"];
  const rows = Object.entries(SUCCESSION).map(([cause, { next, isFarewell }]) => [
    cause,
    ...SITUATIONS.map(([, situation]) => next(situation)),
    isFarewell ? "stop" : "fail",
  ]);
  assert.ok(page.includes(table([head, ...rows])), table([head, ...rows]));
});

test("ARCHITECTURE.md shows which phase follows which", () => {
  const rows = Object.entries(FOLLOWING).map(([phase, next]) => [phase, next.join(", ")]);
  const text = table([["phase", "then"], ...rows]);
  assert.ok(page.includes(text), text);
});

test("an attempt goes from phase to phase as the table says, and in no other way", () => {
  const phases = new Phases();
  assert.throws(() => phases.enter("streaming"), /no phase streaming after connecting/);
  for (const [phase, isOpen] of [
    ["starting", true],
    ["proving", true],
    ["streaming", true],
    ["leaving", false],
    ["waiting", false],
  ] as const) {
    phases.enter(phase);
    assert.equal(phases.isOpen, isOpen, phase);
  }
  // A stream of an earlier attempt, whose last write ends now.
  phases.leave();
  assert.equal(phases.at, "waiting");
});
