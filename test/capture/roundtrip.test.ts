import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CAPTURE_FORMATS } from "../../src/capture/formats/capture-reader.ts";
import { cut, decodeChunks, encodeCapture, seeded } from "../support/wire/captures.ts";
import { encodeMessage } from "../support/wire/pgoutput-encoder.ts";
import { session } from "../support/wire/pgoutput-arbitraries.ts";

describe("what was sent comes back, whole, byte by byte and in random cuts", () => {
  for (const format of CAPTURE_FORMATS) {
    it(format, () => {
      fc.assert(
        fc.property(session, fc.integer(), (messages, seed) => {
          const bytes = encodeCapture(format, messages.map(encodeMessage));
          for (const how of ["whole", "bytewise", seeded(seed)] as const) {
            const outcome = decodeChunks(format, cut(bytes, how));
            assert.equal(outcome.fault, null);
            assert.deepEqual(outcome.messages, messages);
          }
        }),
        { numRuns: 150, seed: 20_261_124 },
      );
    });
  }
});
