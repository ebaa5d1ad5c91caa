import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { platform, tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { encodeCapture } from "../support/captures.ts";
import { PROGRAM, childEnvironment } from "../support/cli.ts";
import { highWaterMarkKb } from "../support/memory.ts";
import { encodeMessage } from "../support/pgoutput-encoder.ts";
import { seededRandom } from "../support/random.ts";

const MEMORY_MAX_KB = 300 * 1024;
const TRUNCATES = 4000;

/** Truncates and rows of relations that nobody announced, each of another one: what random frames decode to. */
function rubbish(): Uint8Array {
  const random = seededRandom(11);
  const oid = (): number => Math.floor(random() * 2 ** 32);
  const messages = Array.from({ length: TRUNCATES }, () => {
    const oids = Array.from({ length: 500 }, oid);
    const row = Array.from(
      { length: Math.floor(random() * 100) },
      () => ({ kind: "null" }) as const,
    );
    return [
      encodeMessage({ kind: "truncate", oids, cascade: false, restartIdentity: false, xid: null }),
      encodeMessage({ kind: "insert", oid: oid(), new: row, xid: null }),
    ];
  });
  return encodeCapture("walctl", messages.flat());
}

it(
  "two million relations that were not announced are decoded in bounded memory",
  {
    timeout: 60_000,
    skip: platform() !== "linux" && "the kernel tells the most memory on Linux only",
  },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "walctl-rubbish-"));
    const path = join(folder, "rubbish.walctl");
    writeFileSync(path, rubbish());
    const child = spawn(
      process.execPath,
      [PROGRAM, "decode-file", path, "--keep-going", "-F", "ndjson"],
      {
        env: childEnvironment({}),
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let [peakKb, warnings] = [0, ""];
    child.stdout.on("data", () => (peakKb = Math.max(peakKb, highWaterMarkKb(child.pid))));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (warnings += text));
    try {
      const [status] = (await once(child, "close")) as [number];
      assert.equal(status, 0, warnings);
      assert.ok(peakKb > 0 && peakKb < MEMORY_MAX_KB, `${peakKb} kB`);
      assert.equal(warnings.match(/no Relation message for the relation/g)?.length, 100);
      assert.match(warnings, /no Relation message for further relations either\n$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
