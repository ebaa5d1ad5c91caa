/** inspect's memory does not grow with its input, whatever the input comes from and is printed as. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { platform, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { PROGRAM, childEnvironment } from "../support/program/cli.ts";
import { highWaterMarkKb } from "../support/program/memory.ts";
import { formatSegmentName } from "../../src/postgres/pages/segments.ts";
import { LogEncoder, SEGMENT_BYTES, START, mainData, u32 } from "./support/log-encoder.ts";

/** The goal. Relations take some two hundred bytes each in statistics. */
const MAX_KB = 100 * 1024;
const RELATIONS = 60_000;
const HEAP_INSERT = { rmgr: 10, info: 0 };

/** A row in each of so many relations. */
function manyRelations(): Uint8Array {
  const log = new LogEncoder(18);
  for (let relation = 0; relation < RELATIONS; relation++) {
    const locator = [...u32(1663), ...u32(5), ...u32(20_000 + relation)];
    log.record({
      ...HEAP_INSERT,
      body: [0, 0, 0, 0, ...locator, ...u32(0), ...mainData([1, 0, 0])],
    });
  }
  const written = log.bytes();
  const whole = new Uint8Array(Math.ceil(written.length / SEGMENT_BYTES) * SEGMENT_BYTES);
  whole.set(written);
  return whole;
}

describe("memory of inspect", { skip: platform() !== "linux" }, () => {
  let root: string;
  let relations: Uint8Array;
  before(() => {
    root = mkdtempSync(join(tmpdir(), "walctl-memory-"));
    relations = manyRelations();
    for (const folder of ["plain", "packed"]) mkdirSync(join(root, folder));
    for (let at = 0; at < relations.length; at += SEGMENT_BYTES) {
      const name = formatSegmentName(1, START + at, SEGMENT_BYTES);
      const segment = relations.subarray(at, at + SEGMENT_BYTES);
      writeFileSync(join(root, "plain", name), segment);
      writeFileSync(join(root, "packed", `${name}.gz`), gzipSync(segment));
    }
  });
  after(() => rmSync(root, { recursive: true }));

  const CASES: ReadonlyArray<readonly [args: readonly string[], input: "plain" | "packed" | "-"]> =
    [
      [["--stats=table"], "plain"],
      [["--stats=table", "-F", "table"], "packed"],
      [[], "packed"],
      [["-F", "table"], "plain"],
      [[], "-"],
    ];
  for (const [args, input] of CASES) {
    it(`${RELATIONS} relations, ${["inspect", ...args, input].join(" ")}`, async (t) => {
      const path = input === "-" ? "-" : join(root, input);
      const child = spawn(process.execPath, [PROGRAM, "inspect", "-q", ...args, path], {
        env: childEnvironment({}),
        stdio: ["pipe", "pipe", "pipe"],
      });
      let [peakKb, printed, said] = [0, 0, ""];
      child.stdout.on("data", (bytes: Buffer) => {
        printed += bytes.length;
        peakKb = Math.max(peakKb, highWaterMarkKb(child.pid));
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
      child.stdin.on("error", () => {}).end(input === "-" ? relations : undefined);
      const [status] = (await once(child, "close")) as [number];
      assert.equal(status, 0, said);
      // As a table statistics have the first of them only.
      assert.ok(printed > (args.length > 1 && args[0] !== "-F" ? 1000 : RELATIONS * 60), said);
      t.diagnostic(`${(peakKb / 1024).toFixed(0)} MB`);
      assert.ok(peakKb > 0 && peakKb < MAX_KB, `${peakKb} kB`);
    });
  }
});
