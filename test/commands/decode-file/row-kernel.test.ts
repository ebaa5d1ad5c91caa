/** The program prints the same of a large capture, whether WebAssembly prints its rows or JavaScript does. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { PROGRAM, walctl } from "../../support/program/cli.ts";
import { encodeCapture } from "../../support/wire/captures.ts";
import { encodeMessage } from "../../support/wire/pgoutput-encoder.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "walctl-row-kernel-"));
after(() => rmSync(FOLDER, { recursive: true }));

/** Half a megabyte. */
const MESSAGES = [
  encodeMessage({
    kind: "relation",
    oid: 16_385,
    schema: "public",
    table: "t",
    replicaIdentity: "default",
    columns: [{ name: "v", key: true, typeOid: 25, typeModifier: -1 }],
    xid: null,
  }),
  ...Array.from({ length: 50 }, () =>
    encodeMessage({
      kind: "insert",
      oid: 16_385,
      xid: null,
      new: [{ kind: "text", bytes: Buffer.from(randomBytes(8192).toString("base64")) }],
    }),
  ),
];

function args(bytes: Uint8Array): string[] {
  const capture = join(FOLDER, "rows");
  writeFileSync(capture, bytes);
  return ["decode-file", "-F", "ndjson", "--keep-going", capture];
}

describe("rows of large captures", () => {
  for (const format of ["raw", "recvlogical"] as const) {
    const whole = encodeCapture(format, MESSAGES);
    const damaged = Buffer.from(whole).fill(0, whole.length >> 1, (whole.length >> 1) + 20);
    for (const [story, bytes, status] of [
      ["whole", whole, 0],
      ["damaged", damaged.subarray(0, -9), 3],
    ] as const) {
      it(`${format}, ${story}`, async () => {
        const byKernel = await walctl(args(bytes));
        // With a filter every row is looked at.
        const oneByOne = await walctl([...args(bytes), "--only-table", "*"]);
        assert.ok(byKernel.stdout === oneByOne.stdout);
        assert.equal(byKernel.stderr, oneByOne.stderr);
        assert.equal(byKernel.status, status);
      });
    }
  }

  it("WebAssembly prints them in the program that is shipped, JavaScript where there is none", async () => {
    const all = args(encodeCapture("raw", MESSAGES));
    const coverage = join(FOLDER, "coverage");
    const { stdout } = await walctl(all, { env: { NODE_V8_COVERAGE: coverage } });
    const [ran] = readdirSync(coverage).map((name) => readFileSync(join(coverage, name), "utf8"));
    assert.match(ran ?? "", /"functionName":"#load","ranges":\[{[^}]*"count":[1-9]/);
    const without = { encoding: "utf8", maxBuffer: 1 << 26 } as const;
    const jitless = spawnSync(process.execPath, ["--jitless", PROGRAM, ...all], without);
    assert.ok(jitless.stdout === stdout);
  });
});
