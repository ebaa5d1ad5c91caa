/** Stored values of a real server, as they are and damaged. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type ColumnWriter, columnWriter } from "../../src/heap/values/column-writer.ts";
import { TupleWriter } from "../../src/heap/values/tuple-writer.ts";
import type { TypeSource } from "../../src/heap/values/type-source.ts";
import { fixture } from "../support/golden/golden.ts";
import { SAMPLES, type SampleFile } from "./support/samples.ts";
import { sourceOf } from "./support/server-types.ts";

const file = JSON.parse(Buffer.from(fixture(SAMPLES)).toString()) as SampleFile;
const { values } = file;
const types: TypeSource = sourceOf(file.answer, new Map(Object.entries(file.names)), 18);
const writers = new Map<number, ColumnWriter>();
const tuple = new TupleWriter();

/** The column's text, its kind where that is not `t`; undefined: the value is not known. */
function written(
  typeOid: number,
  bytes: Uint8Array,
  start = 0,
  end = bytes.length,
): string | undefined {
  const write = writers.get(typeOid) ?? columnWriter(typeOid, types);
  writers.set(typeOid, write);
  tuple.begin();
  if (!write(bytes, start, end, tuple)) {
    assert.equal(tuple.offset, 0, "something was written");
    return undefined;
  }
  const kind = String.fromCharCode(tuple.bytes[0]!);
  assert.equal(tuple.view.getUint32(1), tuple.offset - 5);
  return kind === "t" ? tuple.bytes.toString("utf8", 5, tuple.offset) : kind;
}

/** The same of a value that stands between other bytes. */
function writtenOnPage(typeOid: number, payload: Uint8Array): string | undefined {
  const page = Buffer.alloc(payload.length + 201, 0xff);
  page.set(payload, 101);
  return written(typeOid, page, 101, 101 + payload.length);
}

describe("a stored value", () => {
  it("is the text that the server sent", () => {
    assert.ok(values.length > 1000, `only ${values.length} values`);
    for (const [typeOid, payload, text] of values) {
      const own = writtenOnPage(typeOid, Buffer.from(payload, "hex"));
      assert.equal(own, text ?? "b", `${types.type(typeOid)?.name} ${payload}`);
    }
  });

  it("that is cut short is another value or none, and nothing is read beyond it", () => {
    for (const [typeOid, payload] of values) {
      const bytes = Buffer.from(payload, "hex");
      for (let length = 0; length < bytes.length; length++) {
        const cut = Uint8Array.from(bytes.subarray(0, length));
        assert.equal(writtenOnPage(typeOid, cut), written(typeOid, cut));
      }
    }
  });

  it("that is damaged is a value or none: nothing is thrown, and its text is not endless", () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.nat(values.length - 1), changes, (index, changed) => {
        const [typeOid, payload] = values[index]!;
        const bytes = Buffer.from(payload, "hex");
        if (bytes.length === 0) return;
        for (const [place, byte] of changed) bytes[place % bytes.length] = byte;
        // A numeric of few bytes may have 131,072 digits before the point and 16,383 behind it.
        assert.ok((written(typeOid, bytes)?.length ?? 0) <= 150_000 * bytes.length);
      }),
      { numRuns: 20_000 },
    );
  });
});
