/** Every message of pgoutput, protocol versions 1 to 4: its bytes, written out by hand, and what they mean. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DecodeError } from "../../../src/errors.ts";
import { PgoutputDecoder } from "../../../src/postgres/messages/decoder.ts";
import type { PgoutputMessage } from "../../../src/postgres/messages/messages.ts";
import { ByteReader } from "../../../src/postgres/bytes/reader.ts";
import { type TupleData, columnValues } from "../../../src/postgres/messages/tuple.ts";
import { encodeMessage } from "../../support/wire/pgoutput-encoder.ts";
import type { Case } from "./cases/case.ts";
import { CHANGES } from "./cases/changes.ts";
import { STREAMS } from "./cases/streams.ts";

const CASES: Readonly<Record<string, Case>> = { ...CHANGES, ...STREAMS };

for (const [name, { message, bytes: hex, means, after = [], alsoEndsAt }] of Object.entries(
  CASES,
)) {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const decoderBefore = (): PgoutputDecoder => {
    const decoder = new PgoutputDecoder();
    for (const each of after) decoder.decode(encodeMessage(each));
    return decoder;
  };

  describe(name, () => {
    it("is written as these bytes", () => {
      assert.equal(Buffer.from(encodeMessage(message)).toString("hex"), bytes.toString("hex"));
    });

    it("means this, whole", () => {
      assertMeans(decoderBefore().decode(bytes), means);
    });

    it("leaves the tail that follows it", () => {
      const reader = new ByteReader(Buffer.concat([bytes, Uint8Array.of(0x42)]));
      assertMeans(decoderBefore().decodeNext(reader), means);
      assert.equal(reader.offset, bytes.length);
    });

    it("is refused at every prefix, and the same decoder takes it when the last byte has come", () => {
      const decoder = decoderBefore();
      for (let length = 0; length < bytes.length; length++) {
        if (length === alsoEndsAt) continue;
        // Behind its shorter form the bytes are too many, not too few.
        const cut = length < (alsoEndsAt ?? Infinity);
        const refused = (error: unknown): boolean =>
          error instanceof DecodeError && (!cut || (error.missing > 0 && error.offset === length));
        assert.throws(() => decoder.decode(bytes.subarray(0, length)), refused, `${length} bytes`);
      }
      assertMeans(decoder.decode(bytes), means);
    });

    it("is refused with a byte too many", () => {
      const longer = Buffer.concat([bytes, Uint8Array.of(0)]);
      assert.throws(() => decoderBefore().decode(longer), DecodeError);
    });
  });
}

describe("the table of messages", () => {
  it("has every kind that the encoder knows", () => {
    const kinds = new Set(Object.values(CASES).map(({ message }) => message.kind));
    assert.equal(kinds.size, 19);
  });
});

function assertMeans(message: PgoutputMessage, means: Case["means"]): void {
  const expected = plain(means);
  assert.deepEqual(only(expected, plain(message)), expected);
}

/** Of `value` what `wanted` has, too. */
function only(wanted: unknown, value: unknown): unknown {
  if (Array.isArray(wanted) && Array.isArray(value)) {
    return value.map((each, index) => (index in wanted ? only(wanted[index], each) : each));
  }
  if (!isObject(wanted) || !isObject(value) || Array.isArray(value)) return value;
  return Object.fromEntries(Object.keys(wanted).map((key) => [key, only(wanted[key], value[key])]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Tuples as lists of values; bytes as text that a failed assertion shows. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return value.map(plain);
  if (!isObject(value)) return value;
  if ("columnCount" in value) return [...columnValues(value as unknown as TupleData)].map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}
