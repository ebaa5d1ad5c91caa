import assert from "node:assert/strict";
import { test } from "node:test";
import { BackendFrames } from "../../../src/server/connection/backend-frames.ts";
import { ProtocolViolation } from "../../../src/server/connection/backend-messages.ts";

const frame = (type: string, payload: string): Buffer => {
  const bytes = Buffer.alloc(5 + payload.length);
  bytes.write(type, 0, "latin1");
  bytes.writeUInt32BE(4 + payload.length, 1);
  bytes.write(payload, 5, "latin1");
  return bytes;
};

const stream = Buffer.concat([
  frame("W", "xx"),
  frame("d", "first"),
  frame("d", ""),
  frame("N", "notice"),
  frame("d", "a longer one ".repeat(20)),
  frame("c", ""),
]);
const expected = ["W xx", "d first", "d ", "N notice", `d ${"a longer one ".repeat(20)}`, "c "];

function received(chunks: readonly Uint8Array[], most = Infinity): readonly string[] {
  const seen: string[] = [];
  const frames = new BackendFrames({
    copyData: ({ bytes, offset, end }) => {
      seen.push(`d ${Buffer.from(bytes.subarray(offset, end)).toString("latin1")}`);
      return seen.length < most ? "next" : "stop";
    },
    other: (message) => {
      const bytes = Buffer.from(message);
      assert.equal(bytes.readUInt32BE(1), bytes.length - 1);
      seen.push(`${bytes.toString("latin1", 0, 1)} ${bytes.toString("latin1", 5)}`);
    },
  });
  for (const chunk of chunks) frames.push(chunk);
  return seen;
}

test("frames come out whole, however the socket cuts them", () => {
  assert.deepEqual(received([stream]), expected);
  for (let size = 1; size <= stream.length; size++) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < stream.length; at += size) chunks.push(stream.subarray(at, at + size));
    assert.deepEqual(received(chunks), expected, `in pieces of ${size}`);
  }
});

test("told to stop, it passes on no more CopyData, but all else", () => {
  assert.deepEqual(received([stream], 2), ["W xx", "d first", "N notice", "c "]);
});

test("a payload that is held is followed by the rest once it may proceed, wherever the socket cut", () => {
  for (let size = 1; size <= stream.length; size++) {
    const seen: string[] = [];
    let held = false;
    const frames = new BackendFrames({
      copyData: ({ bytes, offset, end }) => {
        assert.ok(!held);
        held = true;
        seen.push(`d ${Buffer.from(bytes.subarray(offset, end)).toString("latin1")}`);
        return "hold";
      },
      other: (message) => {
        const bytes = Buffer.from(message);
        seen.push(`${bytes.toString("latin1", 0, 1)} ${bytes.toString("latin1", 5)}`);
      },
    });
    for (let at = 0; at < stream.length; at += size) {
      frames.push(stream.subarray(at, at + size));
      while (held) {
        held = false;
        frames.proceed();
      }
    }
    assert.deepEqual(seen, expected, `in pieces of ${size}`);
  }
});

test("a length that cannot be is an error, and one that is only claimed takes no memory", () => {
  for (const [type, length] of [
    ["d", 3],
    ["d", 0x7fff_ffff],
    ["d", 0xffff_ffff],
    ["S", 30_001],
    ["E", 2 ** 24],
  ] as const) {
    const bytes = frame(type, "x");
    bytes.writeUInt32BE(length, 1);
    for (const chunks of [[bytes], Array.from(bytes, (byte) => Buffer.from([byte]))])
      assert.throws(() => received(chunks), ProtocolViolation, `${type} ${length}`);
  }
  const bytes = frame("d", "x".repeat(1000));
  bytes.writeUInt32BE(2 ** 30, 1);
  const { arrayBuffers } = process.memoryUsage();
  assert.deepEqual(received([bytes]), []);
  assert.ok(process.memoryUsage().arrayBuffers - arrayBuffers < 2 ** 24);
});
