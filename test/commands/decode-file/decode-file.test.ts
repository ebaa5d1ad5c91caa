import assert from "node:assert/strict";
import { LineSchema } from "../../support/program/line-schema.ts";
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { PROGRAM, type RunningWalctl, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { encodeCapture } from "../../support/wire/captures.ts";
import { fixture } from "../../support/golden/golden.ts";
import { encodeMessage } from "../../support/wire/pgoutput-encoder.ts";
import { toolPath } from "../../support/tools/tools.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "walctl-decode-"));
after(() => rmSync(FOLDER, { recursive: true }));

const path = (name: string): string =>
  fileURLToPath(new URL(`../../../../fixtures/captures/${name}`, import.meta.url));
const expected = (name: string): string =>
  Buffer.from(fixture(`fixtures/captures/${name}.ndjson`)).toString("utf8");

function file(name: string, bytes: Uint8Array | string): string {
  const where = join(FOLDER, name);
  writeFileSync(where, bytes);
  return where;
}

const misc = fixture("fixtures/captures/pg18-misc-p1.recvlogical");
/** Of several chunks, and no smaller when it is compressed. */
const large = encodeCapture("walctl", [
  encodeMessage({
    kind: "relation",
    oid: 16_385,
    schema: "public",
    table: "t",
    replicaIdentity: "default",
    columns: [{ name: "v", key: true, typeOid: 25, typeModifier: -1 }],
    xid: null,
  }),
  ...Array.from({ length: 300 }, () =>
    encodeMessage({
      kind: "insert",
      oid: 16_385,
      xid: null,
      new: [{ kind: "text", bytes: Buffer.from(randomBytes(8192).toString("base64")) }],
    }),
  ),
]);
const truncated = file("truncated.recvlogical", misc.subarray(0, 20_000));

describe("decode-file", () => {
  it("prints captures in their order, each with its own relations", async () => {
    const files = ["pg18-orders.copy-csv", "pg18-misc-p1.recvlogical", "pg18-orders.hex"];
    const { status, stdout, stderr } = await walctl(["decode-file", ...files.map(path)]);
    assert.equal(stderr, "");
    assert.equal(status, 0);
    const orders = expected("pg18-orders");
    assert.equal(stdout, orders + expected("pg18-misc-p1") + orders);
  });

  it("reads standard input", async () => {
    const { status, stdout } = await walctl(["decode-file", "-"], { stdin: misc });
    assert.equal(status, 0);
    assert.equal(stdout, expected("pg18-misc-p1"));
  });

  it("prints what standard input has as it comes", async () => {
    const running: RunningWalctl = spawnWalctl(["decode-file", "-"]);
    try {
      running.child.stdin.write(misc.subarray(0, 30));
      assert.match(await running.nextLine(), /"kind":"begin"/);
      const { status, stderr } = await running.stop("SIGINT");
      assert.equal(stderr, "walctl: error: interrupted: not all of the input was read\n");
      assert.equal(status, 1);
    } finally {
      await running.dispose();
    }
  });

  it("an empty capture is no output and no error, and is said to be empty", async () => {
    const empty = file("empty", "");
    for (const input of ["auto", "walctl", "copy-binary", "hex"]) {
      const result = await walctl(["decode-file", "--input", input, empty]);
      assert.deepEqual(
        { ...result, signal: null },
        {
          status: 0,
          signal: null,
          stdout: "",
          stderr: `walctl: warning: ${empty} is empty: there is nothing to decode\n`,
        },
      );
    }
    const { status, stdout, stderr } = await walctl(["decode-file", "-"]);
    assert.deepEqual([status, stdout], [0, ""]);
    assert.match(stderr, /^walctl: warning: standard input is empty: /);
  });

  it("prints all before the end of a truncated capture, and where that is", async () => {
    const { status, stdout, stderr } = await walctl(["decode-file", truncated]);
    assert.equal(status, 3);
    assert.ok(expected("pg18-misc-p1").startsWith(stdout) && stdout.endsWith("}\n"));
    assert.match(
      stderr,
      /^walctl: error: \S+truncated\.recvlogical: byte 20000: \w+: \d+ bytes? missing \(truncated capture\)\n$/,
    );
  });

  it("with --keep-going tells what it skips, and still exits 3", async () => {
    const damaged = Buffer.from(misc);
    // The Relation's replica identity.
    damaged[39] = 0xff;
    const bad = file("damaged.recvlogical", damaged);
    const stopped = await walctl(["decode-file", bad]);
    assert.equal(stopped.status, 3);
    assert.match(
      stopped.stderr,
      /damaged\.recvlogical: byte \d+: Relation: .*\nHINT: .*--keep-going/,
    );
    const resumed = await walctl(["decode-file", "--keep-going", bad]);
    assert.equal(resumed.status, 3);
    assert.match(resumed.stderr, /warning: .*: byte \d+: Relation: .*; skipped bytes 22 to \d+\n/);
    assert.ok(resumed.stdout.split("\n").length > 40);
  });

  it("goes on after a file that cannot be read, and exits with the worst status", async () => {
    const orders = path("pg18-orders.hex");
    const missing = join(FOLDER, "missing");
    const one = await walctl(["decode-file", missing, FOLDER, orders]);
    assert.equal(one.status, 1);
    assert.equal(one.stdout, expected("pg18-orders"));
    assert.equal(
      one.stderr,
      `walctl: error: could not read "${missing}": no such file\n` +
        `walctl: error: could not read "${FOLDER}": it is a directory\n`,
    );
    const three = await walctl(["decode-file", truncated, missing]);
    assert.equal(three.status, 3);
  });

  it("a file without permission is one line", { skip: process.getuid?.() === 0 }, async () => {
    const secret = file("secret", misc);
    chmodSync(secret, 0);
    const { status, stderr } = await walctl(["decode-file", secret]);
    assert.equal(status, 1);
    assert.equal(stderr, `walctl: error: could not read "${secret}": permission denied\n`);
  });

  it("reads captures that are compressed", async () => {
    const plain = file("plain", large);
    const { stdout: lines } = await walctl(["decode-file", plain]);
    execFileSync(toolPath("zstd"), ["-q", plain]);
    execFileSync(toolPath("lz4"), ["-q", plain, `${plain}.lz4`]);
    // gzip's files may be joined.
    const joined = [large.subarray(0, 100), large.subarray(100)].map((part) => gzipSync(part));
    const gz = file("plain.gz", Buffer.concat(joined));
    for (const packed of [gz, `${plain}.zst`, `${plain}.lz4`]) {
      const { status, stdout, stderr } = await walctl(["decode-file", packed]);
      assert.deepEqual([status, stderr], [0, ""], packed);
      assert.ok(stdout === lines, packed);
    }
    const piped = await walctl(["decode-file", "-"], { stdin: gzipSync(misc) });
    assert.equal(piped.stdout, expected("pg18-misc-p1"));
  });

  it("prints all before the damage of a compressed capture", async () => {
    const whole = gzipSync(large);
    const cut = file("cut.gz", whole.subarray(0, whole.length >> 1));
    const { status, stdout, stderr } = await walctl(["decode-file", cut]);
    assert.equal(status, 3);
    assert.match(stdout, /^\{"kind":"relation".*\n(\{"kind":"insert".*\}\n)+$/);
    assert.equal(
      stderr,
      `walctl: error: ${cut}: its compressed bytes are damaged: unexpected end of file\n`,
    );
  });

  it("names what is no capture, with what to use instead", async () => {
    const xz = Buffer.concat([Buffer.from("fd377a585a00", "hex"), randomBytes(64)]);
    const { status, stderr } = await walctl(["decode-file", file("it's.xz", xz)]);
    assert.equal(status, 3);
    assert.match(
      stderr,
      /it's\.xz: compressed with xz\nHINT: .*xz -dc '\S+it'\\''s\.xz' \| walctl/,
    );
  });

  it("closes a file that it gives up, without a word from Node.js", async () => {
    // Larger than a chunk, so that its end is not read; several, so that memory is collected between them.
    const files = Array.from({ length: 30 }, (_, index) =>
      file(`rubbish-${index}`, Buffer.alloc(3 << 20, 0xff)),
    );
    const { status, stderr } = await walctl(["decode-file", ...files]);
    assert.equal(status, 3);
    assert.doesNotMatch(stderr, /garbage collection|Deprecation/);
  });

  it("warns once of a relation that was never announced, and prints its rows", async () => {
    const row = encodeMessage({
      kind: "insert",
      oid: 4_294_967_295,
      xid: null,
      new: [{ kind: "text", bytes: Buffer.from("1") }, { kind: "null" }],
    });
    const front = file("front.raw", encodeCapture("raw", [row, row, row]));
    const { status, stdout, stderr } = await walctl(["decode-file", front]);
    assert.equal(status, 0);
    assert.equal(stderr.match(/warning/g)?.length, 1);
    const line = `{"kind":"insert","lsn":null,"xid":null,"commit_time":null,"oid":4294967295,"new":{"1":"1","2":null}}\n`;
    assert.equal(stdout, line.repeat(3));
  });

  it("prints an unknown message of framed input, with a warning", async () => {
    const unknown = file("unknown.hex", "0/1|7|\\x5a0102\n");
    const { status, stdout, stderr } = await walctl(["decode-file", unknown]);
    assert.equal(status, 0);
    assert.match(stderr, /^walctl: warning: \S+unknown\.hex: .*"Z"/);
    assert.equal(
      stdout,
      '{"kind":"unknown","lsn":"0/1","xid":null,"tag":"Z","bytes_base64":"WgEC"}\n',
    );
  });

  it("--only and --only-table leave out what is not asked for", async () => {
    const orders = path("pg18-orders.hex");
    const args = ["--only", "begin,insert", "--only", "truncate", "--only-table", "*.log"];
    const { stdout } = await walctl(["decode-file", ...args, orders]);
    const lines = expected("pg18-orders").split("\n");
    const wanted = lines.filter((l) => /^\{"kind":"(begin|insert.*"table":"log")/.test(l));
    assert.deepEqual(stdout.trimEnd().split("\n"), wanted);
    const wrong = await walctl(["decode-file", "--only", "rows", orders]);
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /"rows"\nHINT: The kinds are begin, /);
  });

  it("--summary prints totals in place of lines, of what could be decoded", async () => {
    const args = ["decode-file", "--summary", path("pg18-orders.hex"), truncated];
    const { status, stdout } = await walctl(args);
    assert.equal(status, 3);
    new LineSchema().assertAll(stdout, "--summary");
    const kinds = stdout
      .trimEnd()
      .split("\n")
      .map((l) => (JSON.parse(l) as { kind: string }).kind);
    assert.deepEqual(new Set(kinds), new Set(["relation_summary", "transaction_summary"]));
    const table = await walctl([...args, "-F", "table"]);
    assert.match(table.stdout, /│ public\.orders +│ +2 │ +1 │ +0 │ +1 │/);
  });

  it("a reader that closes the pipe ends it silently", async () => {
    const running = spawnWalctl(["decode-file", "-"]);
    try {
      running.child.stdout.once("data", () => running.closeStdout());
      const input = Readable.from(Array.from({ length: 4000 }, () => misc));
      input.pipe(running.child.stdin);
      const { status, stderr } = await running.exit();
      input.destroy();
      assert.equal(stderr, "");
      assert.equal(status, 0);
    } finally {
      await running.dispose();
    }
  });

  it("a full disk is an error, once", { skip: process.platform !== "linux" }, async () => {
    const full = openSync("/dev/full", "w");
    const args = [PROGRAM, "decode-file", path("pg18-orders.hex"), path("pg18-orders.hex")];
    const result = spawnSync(process.execPath, args, { stdio: ["ignore", full, "pipe"] });
    closeSync(full);
    assert.equal(result.status, 1);
    assert.equal(
      result.stderr.toString(),
      "walctl: error: could not write the output: no space left on the device\n",
    );
  });
});
