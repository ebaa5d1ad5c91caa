import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { CommandContext } from "../../../src/program/context.ts";
import { progressOf } from "../../../src/messages/run/progress.ts";
import type { Reporter } from "../../../src/program/reporter.ts";

const MB = 1024 * 1024;

describe("progress", () => {
  async function shown(
    terminals: string,
    size: number | undefined,
    printsLater: boolean,
  ): Promise<string[]> {
    const texts: string[] = [];
    const reporter = { progress: (text: string) => texts.push(text) } as unknown as Reporter;
    const context = {
      stdout: { isTerminal: terminals.includes("stdout") },
      stderr: { isTerminal: terminals.includes("stderr") },
    } as CommandContext;
    const show = progressOf("rows", { context, printsLater, reporter, size });
    show(0);
    await sleep(110);
    show(8 * MB);
    show(9 * MB);
    return texts;
  }

  it("is shown ten times a second, beside an output that goes elsewhere or comes later", async () => {
    const half = [`rows ${"█".repeat(12)}${"░".repeat(12)} 50% of 16 MB`];
    const runs = [
      ["stderr", 16 * MB, false, half],
      ["stderr", undefined, false, ["rows 8192 kB"]],
      ["stdout stderr", 16 * MB, true, half],
      ["stdout stderr", 16 * MB, false, []],
      ["", 16 * MB, true, []],
    ] as const;
    const all = await Promise.all(runs.map(([on, size, later]) => shown(on, size, later)));
    assert.deepEqual(
      all,
      runs.map(([, , , expected]) => [...expected]),
    );
  });
});
