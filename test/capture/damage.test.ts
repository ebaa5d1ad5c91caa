import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PgoutputFormat } from "../../src/capture/formats/capture-reader.ts";
import { CaptureWriter } from "../../src/capture/writer.ts";
import { cut, decodeChunks, encodeCapture, seeded, xLogData } from "../support/wire/captures.ts";
import { fixture } from "../support/golden/golden.ts";
import { encodeMessage, type WireMessage } from "../support/wire/pgoutput-encoder.ts";

const text = (value: string) =>
  ({ kind: "text", bytes: Uint8Array.from(Buffer.from(value)) }) as const;
const begin: WireMessage = { kind: "begin", finalLsn: 256n, commitTime: 9n, xid: 7 };
const commit: WireMessage = { kind: "commit", commitLsn: 256n, endLsn: 304n, commitTime: 9n };
const insert = (value: string): WireMessage => ({
  kind: "insert",
  oid: 16_384,
  xid: null,
  new: [text(value)],
});
/** 22, 14, 14, 14 and 26 bytes. */
const MESSAGES = [begin, insert("one"), insert("two"), insert("abc"), commit];

function capture(format: PgoutputFormat, messages = MESSAGES): Buffer {
  return Buffer.from(encodeCapture(format, messages.map(encodeMessage)));
}

/** The capture with the bytes at `at` overwritten. */
function damaged(format: PgoutputFormat, at: number, ...bytes: number[]): Buffer {
  const copy = capture(format);
  copy.set(bytes, at);
  return copy;
}

interface Case {
  readonly story: string;
  readonly format: PgoutputFormat;
  readonly bytes: Uint8Array;
  /** Without --keep-going: how many messages come before the fault. */
  readonly before: number;
  readonly fault: string;
  /** With it: what is skipped, and how many messages there are in all. */
  readonly skipped: readonly string[];
  readonly messages: number;
}

const INSERT = "Insert: no tuple starts with the byte 0x00";

const CASES: readonly Case[] = [
  {
    story: "the last message lacks its end",
    format: "recvlogical",
    bytes: capture("recvlogical").subarray(0, -6),
    before: 4,
    fault: "byte 94: Commit: 5 bytes missing (cut)",
    skipped: ["73-94 byte 94: Commit: 5 bytes missing (cut)"],
    messages: 4,
  },
  {
    story: "only the last line feed is missing, which is no loss",
    format: "recvlogical",
    bytes: capture("recvlogical").subarray(0, -1),
    before: 5,
    fault: "",
    skipped: [],
    messages: 5,
  },
  {
    story: "a tuple's tag is wrong",
    format: "recvlogical",
    bytes: damaged("recvlogical", 27, 0),
    before: 1,
    fault: `byte 27: ${INSERT}`,
    skipped: [`22-39 byte 27: ${INSERT}`],
    messages: 4,
  },
  {
    story: "a value's length leads beyond the end",
    format: "recvlogical",
    bytes: damaged("recvlogical", 31, 0, 0, 9, 3),
    before: 1,
    fault: "byte 100: Insert: 2242 bytes missing (cut)",
    skipped: ["22-39 byte 100: Insert: 2242 bytes missing (cut)"],
    messages: 4,
  },
  {
    story: "a value's length is more than a message can have",
    format: "raw",
    bytes: damaged("raw", 30, 0xff),
    before: 1,
    fault: "byte 21: Insert: longer than a message can be",
    skipped: ["21-37 byte 21: Insert: longer than a message can be"],
    messages: 4,
  },
  {
    story: "a message that no decoder knows cannot be stepped over where there are no frames",
    format: "raw",
    bytes: damaged("raw", 21, 0x5a),
    before: 1,
    fault: "byte 21: pgoutput: no message starts with the byte 'Z'",
    skipped: ["21-37 byte 21: pgoutput: no message starts with the byte 'Z'"],
    messages: 4,
  },
  {
    story: "a crash cut a message short and pg_recvlogical went on behind it",
    format: "recvlogical",
    bytes: Buffer.concat([capture("recvlogical").subarray(0, 30), capture("recvlogical")]),
    before: 1,
    fault: "byte 30: Insert: column 1 is of the unknown kind 'B'",
    skipped: ["22-30 byte 30: Insert: column 1 is of the unknown kind 'B'"],
    messages: 6,
  },
  {
    story: "a frame's message is damaged",
    format: "walctl",
    bytes: damaged("walctl", 8 + 50 + 29 + 5, 0),
    before: 1,
    fault: `byte 92: ${INSERT}`,
    skipped: [`58-103 byte 92: ${INSERT}`],
    messages: 4,
  },
  {
    story: "a frame's length is damaged",
    format: "walctl",
    bytes: damaged("walctl", 58, 0, 0, 0, 30),
    before: 1,
    fault: "byte 92: Insert: 1 byte missing",
    skipped: ["58-103 byte 92: Insert: 1 byte missing"],
    messages: 4,
  },
  {
    story: "a frame is cut",
    format: "walctl",
    bytes: capture("walctl").subarray(0, -1),
    before: 4,
    fault: "byte 247: frame: 1 byte missing (cut)",
    skipped: ["193-247 byte 247: frame: 1 byte missing (cut)"],
    messages: 4,
  },
  {
    story: "a line holds what is no hexadecimal digit",
    format: "hex",
    bytes: Buffer.from(capture("hex").toString().replace("\\x49", "\\x4g")),
    before: 1,
    fault: "byte 76: bytea: not a hexadecimal digit",
    skipped: ["59-108 byte 76: bytea: not a hexadecimal digit"],
    messages: 4,
  },
  {
    story: "the last line is cut",
    format: "hex",
    bytes: capture("hex").subarray(0, -8),
    before: 4,
    fault: "byte 267: bytea: half a byte at its end (cut)",
    skipped: ["206-267 byte 267: bytea: half a byte at its end (cut)"],
    messages: 4,
  },
  {
    story: "a binary COPY lacks its trailer",
    format: "copy-binary",
    bytes: capture("copy-binary").subarray(0, -2),
    before: 5,
    fault: "byte 244: trailer: 2 bytes missing (cut)",
    skipped: ["244-244 byte 244: trailer: 2 bytes missing (cut)"],
    messages: 5,
  },
];

describe("damage is told by its place in the capture", () => {
  for (const { story, format, bytes, before, fault, skipped, messages } of CASES) {
    it(`${format}: ${story}`, () => {
      for (const how of ["whole", "bytewise", seeded(3)] as const) {
        const stopped = decodeChunks(format, cut(bytes, how));
        assert.equal(stopped.fault ?? "", fault);
        assert.equal(stopped.messages.length, before);
        const resumed = decodeChunks(format, cut(bytes, how), { keepGoing: true });
        assert.equal(resumed.fault, null);
        assert.deepEqual(resumed.skipped, skipped);
        assert.equal(resumed.messages.length, messages);
      }
    });
  }
});

describe("an unknown message is passed on where frames tell its length", () => {
  const messages = MESSAGES.map(encodeMessage).with(2, Uint8Array.from(Buffer.from("Zeta")));
  for (const format of ["walctl", "hex", "copy-text", "copy-csv", "copy-binary"] as const) {
    it(format, () => {
      const outcome = decodeChunks(format, [encodeCapture(format, messages)]);
      assert.equal(outcome.fault, null);
      assert.deepEqual(outcome.messages[2], { kind: "unknown", tag: 0x5a });
      assert.equal(outcome.messages.length, 5);
    });
  }
});

describe("the capture writer", () => {
  it("writes what reads back the same, with what walctl adds", () => {
    const writer = new CaptureWriter();
    const frames = MESSAGES.map((message) => xLogData(encodeMessage(message)));
    const metadata = { version: 180_004, name: "é\n😀" };
    writer.metadata(metadata);
    for (const frame of frames) writer.frame(frame);
    const keepalive = Buffer.alloc(18);
    keepalive.write("k");
    writer.frame(keepalive);
    const outcome = decodeChunks("auto", [writer.take()]);
    assert.equal(outcome.fault, null);
    assert.deepEqual(outcome.messages, MESSAGES);
    assert.deepEqual(outcome.metadata, [metadata]);
    assert.equal(outcome.positions[1], "22/3010779208");
    assert.equal(writer.take().length, 0);
  });
});

describe("a message larger than many chunks", () => {
  it("is decoded once its bytes are there, in time that does not grow with their square", () => {
    const content = new Uint8Array(64 * 1024 * 1024).fill(0x61);
    const large: WireMessage = {
      kind: "message",
      transactional: false,
      messageLsn: 1n,
      prefix: "p",
      content,
      xid: null,
    };
    const bytes = encodeCapture("recvlogical", [large, begin].map(encodeMessage));
    const chunks = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, index) =>
      bytes.subarray(index * 65_536, (index + 1) * 65_536),
    );
    const outcome = decodeChunks("recvlogical", chunks);
    assert.equal(outcome.fault, null);
    assert.equal(outcome.messages.length, 2);
  });
});

describe("a long stretch of damage", () => {
  // What looks like the start of a message at every other letter, each with a name that never ends: the search went
  // through all that follows for each of them, and 20 MB took minutes. In time of this process, whatever else runs.
  const rubbish = "INSERT INTO ORDERS VALUES; R M Y O UPDATE Begin Commit\n".repeat(10_000);
  const CPU_MS_MAX = 8000;
  for (const format of ["recvlogical", "raw"] as const) {
    it(`is passed over in little time, ${format}`, () => {
      const bytes = Buffer.concat([capture(format), Buffer.from(rubbish), capture(format)]);
      const before = process.cpuUsage();
      const { messages, skipped } = decodeChunks(format, [bytes], { keepGoing: true });
      const { user } = process.cpuUsage(before);
      assert.equal(messages.length, 10);
      assert.equal(skipped.length, 1);
      assert.ok(user / 1000 < CPU_MS_MAX, `${user / 1000} ms`);
    });
  }
});

describe("what was captured twice or in part", () => {
  it("a transaction that a reconnect sent again is there twice", () => {
    const bytes = Buffer.concat([capture("raw").subarray(0, 53), capture("raw")]);
    const outcome = decodeChunks("raw", [bytes]);
    assert.equal(outcome.fault, null);
    assert.equal(outcome.messages.length, 8);
  });

  it("rows of a relation that was announced in another file have numbered columns", () => {
    const whole = Buffer.from(fixture("fixtures/captures/pg18-misc-p1.recvlogical"));
    // Behind the first transaction, which announces the relation.
    const second = whole.indexOf("\nB", 30) + 1;
    const outcome = decodeChunks("auto", [whole.subarray(second)]);
    assert.equal(outcome.fault, null);
    assert.deepEqual(outcome.messages, decodeChunks("auto", [whole]).messages.slice(4));
  });
});
