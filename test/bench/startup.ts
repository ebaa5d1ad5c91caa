/** What it takes to start, against an empty script. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PROGRAM } from "../support/program/cli.ts";
import { run } from "./measure.ts";
import { type Contender, type Result, inTurn } from "./rounds.ts";

const RUNS_MIN = 20;
const CAPTURE = fileURLToPath(
  new URL("../../../fixtures/captures/pg18-misc-p1.recvlogical", import.meta.url),
);

export async function benchStartup(
  rounds: number,
  against: string | undefined,
): Promise<readonly Result[]> {
  const folder = mkdtempSync(join(tmpdir(), "walctl-bench-startup-"));
  try {
    const empty = join(folder, "empty.mjs");
    writeFileSync(empty, "");
    const commands: Array<[name: string, script: string, ...args: string[]]> = [
      ["node empty.mjs", empty],
      ["--version", PROGRAM, "--version"],
      ["--help", PROGRAM, "--help"],
      ["decode-file small", PROGRAM, "decode-file", CAPTURE],
    ];
    if (against !== undefined) {
      commands.push(
        ["--version-against", against, "--version"],
        ["--help-against", against, "--help"],
        ["decode-file-against", against, "decode-file", CAPTURE],
      );
    }
    const contenders: Contender[] = commands.map(([name, ...args]) => ({
      name,
      reference: "node empty.mjs",
      run: async () => await run({ argv: [process.execPath, ...args] }),
    }));
    return await inTurn("start-up", contenders, Math.max(rounds, RUNS_MIN));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
