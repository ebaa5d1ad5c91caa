import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { CaptureFormat } from "../../../src/capture/formats/capture-reader.ts";
import {
  cut,
  decodeChunks,
  encodeCapture,
  messagesOf,
  seeded,
} from "../../support/wire/captures.ts";
import { fixture } from "../../support/golden/golden.ts";

/** What the cases of one kind may decode of a fixture in all: every byte of a small one is tried, a sample of a large one. */
const DECODED_BYTES_MAX = 150_000;
const CASES_MIN = 20;
const SMALL_BYTES = 1500;
const LENGTHS = [0, 0x7fffffff, 0xffffffff];

const FOLDER = fileURLToPath(new URL("../../../../fixtures/captures/", import.meta.url));
const FIXTURES = readdirSync(FOLDER).filter((name) => !name.endsWith(".ndjson"));

/** Whatever the bytes are: messages, or a DecodeError that lies within them. Anything else is thrown on. */
function survives(format: CaptureFormat, bytes: Uint8Array, keepGoing: boolean): void {
  const { fault, skipped } = decodeChunks(format, cut(bytes, "whole"), { keepGoing });
  const faults = keepGoing ? skipped.map((text) => text.replace(/^\S+ /, "")) : [fault];
  if (keepGoing) assert.equal(fault, null);
  for (const text of faults) {
    const offset = Number(/^byte (\d+): /.exec(text ?? "byte 0: ")?.[1]);
    assert.ok(offset >= 0 && offset <= bytes.length, text ?? "");
  }
}

/** Every index of the bytes, or a sample that is the same in each run. */
function indices(bytes: Uint8Array, random: () => number): Iterable<number> {
  const { length } = bytes;
  const casesMax = Math.max(CASES_MIN, Math.floor(DECODED_BYTES_MAX / length));
  if (length <= SMALL_BYTES) return bytes.keys();
  return Array.from({ length: casesMax }, () => Math.floor(random() * length));
}

/** The first so many messages and no more: a case costs what its capture is long. */
function shortened(name: string): Uint8Array {
  const bytes = fixture(`fixtures/captures/${name}`);
  if (bytes.length < 60_000) return bytes;
  return encodeCapture("recvlogical", messagesOf(bytes.subarray(0, 60_000), true).slice(0, 300));
}

for (const name of FIXTURES) {
  const format = name.split(".").at(-1) as CaptureFormat;
  describe(`${name}, damaged, decodes or is a DecodeError`, () => {
    const bytes = shortened(name);
    const random = seeded(name.length);

    it("cut short anywhere", () => {
      for (const end of indices(bytes, random)) {
        const part = bytes.subarray(0, end);
        survives(format, part, false);
      }
    });

    it("with one byte changed", () => {
      const damaged = Uint8Array.from(bytes);
      for (const at of indices(bytes, random)) {
        const byte = damaged[at] ?? 0;
        for (const changed of [byte ^ 1, byte ^ 0x80, Math.floor(random() * 256)]) {
          damaged[at] = changed;
          survives(format, damaged, false);
          survives(format, damaged, true);
        }
        damaged[at] = byte;
      }
    });

    it("with four bytes set to an extreme length", () => {
      for (const at of indices(bytes.subarray(4), random)) {
        for (const length of LENGTHS) {
          const damaged = Buffer.from(bytes);
          damaged.writeUInt32BE(length, at);
          survives(format, damaged, false);
          survives(format, damaged, true);
        }
      }
    });
  });
}

describe("damage is the same damage however the capture arrives", () => {
  const bytes = fixture("fixtures/captures/pg18-orders.copy-binary");
  const messages = messagesOf(fixture("fixtures/captures/pg18-misc-p1.recvlogical"));
  const captures = new Map<CaptureFormat, Uint8Array>([
    ["recvlogical", encodeCapture("recvlogical", messages.slice(-20))],
    ["raw", encodeCapture("raw", messages.slice(-20))],
    ["walctl", encodeCapture("walctl", messages.slice(-20))],
    ["hex", encodeCapture("hex", messages.slice(-10))],
    ["copy-binary", bytes],
  ]);
  for (const [format, capture] of captures) {
    it(format, () => {
      const random = seeded(7);
      for (let round = 0; round < 60; round++) {
        const damaged = Uint8Array.from(capture);
        damaged[Math.floor(random() * capture.length)] = Math.floor(random() * 256);
        for (const keepGoing of [false, true]) {
          const whole = decodeChunks(format, cut(damaged, "whole"), { keepGoing });
          for (const how of ["bytewise", random] as const) {
            assert.deepEqual(decodeChunks(format, cut(damaged, how), { keepGoing }), whole);
          }
        }
      }
    });
  }
});
