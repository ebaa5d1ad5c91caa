import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { platform, tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import { WALCTL_MAGIC } from "../../src/capture/formats/walctl-format.ts";
import { encodeCapture } from "../support/wire/captures.ts";
import { PROGRAM, childEnvironment } from "../support/program/cli.ts";
import { highWaterMarkKb } from "../support/program/memory.ts";
import { encodeMessage } from "../support/wire/pgoutput-encoder.ts";
import { seededRandom } from "../support/tools/random.ts";

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

interface Decoded {
  readonly status: number;
  readonly peakKb: number;
  readonly warnings: string;
}

async function decode(path: string, ...args: readonly string[]): Promise<Decoded> {
  const child = spawn(
    process.execPath,
    [PROGRAM, "decode-file", path, "--keep-going", "-F", "ndjson", ...args],
    { env: childEnvironment({}), stdio: ["ignore", "pipe", "pipe"] },
  );
  let [peakKb, warnings] = [0, ""];
  const look = (): void => void (peakKb = Math.max(peakKb, highWaterMarkKb(child.pid)));
  const polling = setInterval(look, 5);
  child.stdout.resume();
  child.stderr.setEncoding("utf8").on("data", (text: string) => (warnings += text));
  const [status] = (await once(child, "close")) as [number];
  clearInterval(polling);
  return { status, peakKb, warnings };
}

const OPTIONS = {
  timeout: 120_000,
  skip: platform() !== "linux" && "the kernel tells the most memory on Linux only",
};
const folder = mkdtempSync(join(tmpdir(), "walctl-memory-"));
after(() => rmSync(folder, { recursive: true }));

it(
  "two million relations that were not announced are decoded in bounded memory",
  OPTIONS,
  async () => {
    const path = join(folder, "rubbish.walctl");
    writeFileSync(path, rubbish());
    const { status, peakKb, warnings } = await decode(path);
    assert.equal(status, 0, warnings);
    assert.ok(peakKb > 0 && peakKb < MEMORY_MAX_KB, `${peakKb} kB`);
    assert.equal(warnings.match(/no Relation message for the relation/g)?.length, 100);
    assert.match(warnings, /no Relation message for further relations either\n$/);
  },
);

const ZEROS_BYTES = 200 << 20;
const CLAIM = [0x2f, 0xff, 0xff, 0xff] as const;
/** What begins with more than is in it, a length of 800 MB or a line without an end, and goes on with zeros. */
const CLAIMS: ReadonlyArray<readonly [format: string, front: Buffer]> = [
  ["walctl", Buffer.from([...WALCTL_MAGIC, ...CLAIM, 0x77, ...Buffer.alloc(24), 0x49])],
  ["hex", Buffer.from(String.raw`0/1|7|\x49`)],
];

for (const [format, front] of CLAIMS) {
  it(`a damaged length is not waited for, ${format}`, OPTIONS, async () => {
    const path = join(folder, `claim.${format}`);
    writeFileSync(path, front);
    truncateSync(path, ZEROS_BYTES);
    const { status, peakKb, warnings } = await decode(path, "--input", format);
    assert.equal(status, 3);
    assert.equal(warnings.split("\n").length, 2, warnings);
    assert.ok(peakKb > 0 && peakKb < MEMORY_MAX_KB, `${peakKb} kB`);
  });
}

it("of many faults each range is told, the first hundred with what is wrong", OPTIONS, async () => {
  const [bad, good] = ["1", "2"].map((value) => {
    const row = { kind: "text", bytes: Buffer.from(value) } as const;
    return encodeMessage({ kind: "insert", oid: 16_384, new: [row], xid: null });
  });
  const messages = Array.from({ length: 300 }, () => [bad!.subarray(0, -1), good!]).flat();
  const path = join(folder, "faults.walctl");
  writeFileSync(path, encodeCapture("walctl", messages));
  const { status, warnings } = await decode(path);
  assert.equal(status, 3);
  assert.equal(warnings.match(/bytes? missing; skipped bytes/g)?.length, 100);
  assert.equal(warnings.match(/bytes \d+ to \d+/g)?.length, 300);
  assert.ok(warnings.split("\n").length < 110);
});
