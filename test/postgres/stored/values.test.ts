/** Stored values of a real server, as they are and damaged. */
import { NONE } from "../../../src/known.ts";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type ColumnWriter, columnWriter } from "../../../src/postgres/stored/column-writer.ts";
import { TupleWriter } from "../../../src/postgres/stored/tuple-writer.ts";
import type { StoredAttribute, TypeSource } from "../../../src/postgres/stored/type-source.ts";
import { fixture } from "../../support/golden/golden.ts";
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
      const step = 1 + (bytes.length >> 5);
      for (let length = 0; length < bytes.length; length += step) {
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

  const [BOOL, TEXT, TEXTS, JSONB, TSVECTOR] = [16, 25, 1009, 3802, 3614];
  const ofLatin1: readonly (readonly [typeOid: number, payload: string, text: string])[] = [
    [TEXT, "e9", "é"],
    [TEXTS, "01000000 00000000 19000000 01000000 01000000 1c000000 e92ce9 00", '{"é,é"}'],
    [JSONB, "01000020 01000000 01000000 e9e8", '{"é": "è"}'],
    [TSVECTOR, "01000000 02000000 e9", "'é'"],
  ];
  for (const [typeOid, payload, text] of ofLatin1) {
    const bytes = Buffer.from(payload.replaceAll(" ", ""), "hex");
    const name = types.type(typeOid)?.name;

    it(`of ${name} is converted from the database's encoding: ${text}`, () => {
      tuple.begin();
      const write = columnWriter(typeOid, { ...types, encoding: "LATIN1" });
      assert.ok(write(bytes, 0, bytes.length, tuple));
      assert.equal(tuple.bytes.toString("utf8", 5, tuple.offset), text);
    });

    it(`of ${name} stays as it is stored where the encoding is not known`, () => {
      const unknown: number[] = [];
      const unknownType = (oid: number): void => void unknown.push(oid);
      tuple.begin();
      const write = columnWriter(typeOid, { ...types, encoding: "EUC_TW", unknownType });
      assert.ok(write(bytes, 0, bytes.length, tuple));
      assert.equal(tuple.bytes.toString("latin1", 0, 1), "b");
      assert.deepEqual(tuple.bytes.subarray(5, tuple.offset), bytes);
      assert.deepEqual(unknown, [typeOid]);
    });
  }

  it("of types in a circle, or of none, is not known, and nothing hangs", () => {
    const bool = types.type(BOOL) ?? assert.fail("no bool");
    const circle = { ...bool, oid: 90_001, kind: "d", base: 90_001 };
    const own = { ...types, type: (oid: number) => (oid === circle.oid ? circle : undefined) };
    for (const oid of [circle.oid, 90_002]) {
      tuple.begin();
      assert.ok(columnWriter(oid, own)(Uint8Array.of(1), 0, 1, tuple));
      assert.equal(tuple.bytes.toString("latin1", 0, 1), "b");
    }
    const array = { ...bool, oid: 90_003, isArray: true, element: 90_003, length: -1 };
    const row = { ...bool, oid: 90_004, kind: "c", length: -1 };
    const part: StoredAttribute = {
      ...bool,
      name: "a",
      typeOid: row.oid,
      dropped: false,
      missing: NONE,
    };
    const forged = {
      ...types,
      type: (oid: number) => [array, row].find((each) => each.oid === oid),
      attributes: () => Array.from({ length: 10 }, () => part),
    };
    for (const { oid } of [array, row]) {
      const write = columnWriter(oid, forged);
      tuple.begin();
      assert.equal(write(Uint8Array.of(1), 0, 1, tuple), false);
    }
  });

  it("of money is printed as lc_monetary prints it, where walctl knows how", () => {
    const MONEY = 790;
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(-123_456_789n);
    const expected = { C: "-$1,234,567.89", "en_US.UTF-8": "-$1,234,567.89", "de_DE.UTF-8": "b" };
    for (const [lcMonetary, text] of Object.entries(expected)) {
      tuple.begin();
      assert.ok(columnWriter(MONEY, { ...types, lcMonetary })(bytes, 0, 8, tuple));
      const column = tuple.bytes.toString("latin1", 0, tuple.offset);
      assert.equal(column.startsWith("t") ? column.slice(5) : column[0], text, lcMonetary);
    }
  });
});
