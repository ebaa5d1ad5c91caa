/** Pages, tuples and varlenas as tables of bytes, and what damage makes of them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { HeapPage, ItemState } from "../../../src/postgres/tuples/heap-page.ts";
import {
  type AttributeLayout,
  AttributeState,
  DeformedTuple,
} from "../../../src/postgres/tuples/tuple.ts";
import {
  externalPayload,
  externalValue,
  varlenaEnd,
  varlenaForm,
  varlenaPayload,
} from "../../../src/postgres/tuples/varlena.ts";

function hex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

const REPEATED = "ab".repeat(40);
/** Literals a and b, then 78 bytes from two bytes before. */
const PGLZ = "04 6162 0f02 3c";
/** The same for 73 bytes; the last five are literals. */
const LZ4 = "2f 6162 0200 36 50 6261626162";

describe("a varlena", () => {
  const cases: readonly (readonly [what: string, bytes: string, payload: string | undefined])[] = [
    ["short and empty", "03", ""],
    ["short", "07 6162", "ab"],
    ["plain and empty", "10000000", ""],
    ["plain", "18000000 6162", "ab"],
    ["compressed by pglz", `3a000000 50000000 ${PGLZ}`, REPEATED],
    ["compressed by lz4", `52000000 50000040 ${LZ4}`, REPEATED],
    ["compressed by what is not known", `3a000000 50000080 ${PGLZ}`, undefined],
    ["whose stream has less than it says", `3a000000 51000000 ${PGLZ}`, undefined],
    ["whose lz4 stream has more than it says", `52000000 4f000040 ${LZ4}`, undefined],
    ["that says more than a stream can hold", `3a000000 ffffff3f ${PGLZ}`, undefined],
    ["whose match reaches before the start", "32000000 50000000 04 6162 0f03 3c", undefined],
    ["that is out of line", `01 12 ${"00".repeat(16)}`, undefined],
  ];
  for (const [what, stored, payload] of cases) {
    it(`${what} is ${payload === undefined ? "not known" : JSON.stringify(payload.slice(0, 4))}`, () => {
      const bytes = hex(stored);
      const read = varlenaPayload(bytes, 0, bytes.length);
      assert.equal(read && Buffer.from(read).toString(), payload);
    });
  }

  it("ends where its header says, never behind the end", () => {
    const lengths: readonly (readonly [bytes: string, end: number])[] = [
      ["03", 1],
      ["07 6162", 3],
      ["07 61", -1],
      ["18000000 6162", 6],
      ["18000000 61", -1],
      ["18 00 00", -1],
      // Shorter than their own headers.
      ["08000000", -1],
      ["12000000 00000000", -1],
      ["01 12 0000", -1],
      // A pointer that only memory has.
      [`01 01 ${"00".repeat(16)}`, -1],
      [`01 12 ${"00".repeat(16)} ff`, 18],
      ["", -1],
    ];
    for (const [stored, end] of lengths) {
      const bytes = hex(stored);
      assert.equal(varlenaEnd(bytes, 0, bytes.length), end, stored);
    }
  });

  it("out of line says where its chunks are, and they become its value", () => {
    const value = externalValue(hex("01 12 54000000 0a000000 15cd5b07 01400000"), 0);
    const [valueId, toastRelation] = [123_456_789, 16_385];
    assert.deepEqual(value, {
      valueId,
      toastRelation,
      rawSize: 80,
      storedSize: 10,
      compressed: true,
    });
    const joined = hex(`50000000 ${PGLZ}`);
    assert.equal(Buffer.from(externalPayload(value, joined) ?? []).toString(), REPEATED);
    assert.equal(externalPayload(value, joined.subarray(1)), undefined);
    assert.equal(externalPayload({ ...value, rawSize: 79 }, joined), undefined);
    const plain = { ...value, rawSize: 10, compressed: false };
    assert.equal(externalPayload(plain, joined), joined);
  });

  it("is not known, or no longer than it may be, whatever its bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const end = varlenaEnd(bytes, 0, bytes.length);
        if (end === -1 || varlenaForm(bytes, 0) === "external") return;
        const payload = varlenaPayload(bytes, 0, end);
        assert.ok(payload === undefined || payload.length <= 256 * bytes.length);
      }),
    );
  });
});

const INT4 = { length: 4, align: 4 };
const INT8 = { length: 8, align: 8 };
const TEXT = { length: -1, align: 4 };
const BOOL = { length: 1, align: 1 };
const CSTRING = { length: -2, align: 1 };

/** A tuple of so many attributes; `bytes` begin behind its header. */
function tupleOf(count: number, infomask: number, hoff: number, bytes: Uint8Array) {
  return { infomask2: count, infomask, hoff, bytes, start: 0, end: bytes.length };
}

/** Each attribute's bytes, `null` or `absent`; undefined: does not fit. */
function deformed(
  tuple: ReturnType<typeof tupleOf>,
  attributes: readonly AttributeLayout[],
): readonly string[] | undefined {
  const places = new DeformedTuple();
  if (!places.deform(tuple, attributes)) return undefined;
  return attributes.map((_, index) => {
    if (places.state[index] === AttributeState.null) return "null";
    if (places.state[index] === AttributeState.absent) return "absent";
    const [start, end] = [places.starts[index]!, places.ends[index]!];
    return Buffer.from(tuple.bytes.subarray(start, end)).toString("hex");
  });
}

describe("a tuple", () => {
  const PAD = "00";
  const cases: readonly (readonly [
    what: string,
    tuple: ReturnType<typeof tupleOf>,
    attributes: readonly AttributeLayout[],
    expected: readonly string[] | undefined,
  ])[] = [
    [
      "aligns what has a fixed length and what has a long header",
      tupleOf(4, 2, 24, hex(`${PAD} 01 000000 2a000000 14000000 61 000000 0700000000000000`)),
      [BOOL, INT4, TEXT, INT8],
      ["01", "2a000000", "1400000061", "0700000000000000"],
    ],
    [
      "does not align what is short",
      tupleOf(3, 2, 24, hex(`${PAD} 01 0561 01`)),
      [BOOL, TEXT, BOOL],
      ["01", "0561", "01"],
    ],
    [
      "has nothing of a NULL, and does not have the columns that came later",
      tupleOf(3, 1, 24, hex("05 01 01")),
      [BOOL, INT8, BOOL, INT4],
      ["01", "null", "01", "absent"],
    ],
    [
      "has a bitmap of two bytes, and starts its data behind it",
      tupleOf(9, 1, 32, hex(`0101 ${"00".repeat(7)} 01 09`)),
      Array.from({ length: 9 }, () => BOOL),
      ["01", ...Array.from({ length: 7 }, () => "null"), "09"],
    ],
    ["of no columns", tupleOf(0, 0, 24, hex(PAD)), [], []],
    ["ends a cstring by its NUL", tupleOf(1, 2, 24, hex(`${PAD} 616200`)), [CSTRING], ["616200"]],
    ["that is longer than its columns", tupleOf(1, 0, 24, hex(`${PAD} 0102`)), [BOOL], undefined],
    ["that is shorter", tupleOf(1, 0, 24, hex(`${PAD} 010203`)), [INT4], undefined],
    ["with more columns than there are", tupleOf(2, 0, 24, hex(`${PAD} 01`)), [BOOL], undefined],
    ["whose data begin in its bitmap", tupleOf(9, 1, 24, hex("0100 01")), [BOOL], undefined],
    ["whose data begin behind it", tupleOf(0, 0, 32, hex(PAD)), [], undefined],
    ["whose data begin in its header", tupleOf(0, 0, 16, hex(PAD)), [], undefined],
    ["with a cstring that does not end", tupleOf(1, 2, 24, hex(`${PAD} 61`)), [CSTRING], undefined],
    ["with a varlena that runs over", tupleOf(1, 2, 24, hex(`${PAD} 0761`)), [TEXT], undefined],
  ];
  for (const [what, tuple, attributes, expected] of cases) {
    it(`${what}${expected === undefined ? " is not known" : ""}`, () => {
      assert.deepEqual(deformed(tuple, attributes), expected);
    });
  }
});

describe("a heap page", () => {
  const PAGE_BYTES = 8192;
  /** With these item pointers; a tuple stands at 8160. */
  function pageOf(...pointers: readonly number[]): DataView {
    const view = new DataView(new ArrayBuffer(PAGE_BYTES));
    view.setUint16(12, 24 + 4 * pointers.length, true);
    view.setUint16(14, 8160, true);
    view.setUint16(16, PAGE_BYTES, true);
    view.setUint16(18, PAGE_BYTES | 4, true);
    for (const [index, pointer] of pointers.entries())
      view.setUint32(24 + 4 * index, pointer, true);
    view.setUint32(8160, 700, true);
    view.setUint32(8164, 701, true);
    view.setUint16(8178, 1, true);
    view.setUint16(8180, 0x0902, true);
    view.setUint8(8182, 24);
    return view;
  }
  const item = (offset: number, state: number, length: number): number =>
    (offset | (state << 15) | (length << 17)) >>> 0;
  const attached = (view: DataView): HeapPage => {
    const page = new HeapPage();
    assert.ok(page.attach(new Uint8Array(view.buffer)));
    return page;
  };

  it("has items that are tuples, redirects, dead or unused", () => {
    const page = attached(pageOf(item(8160, 1, 28), item(1, 2, 0), item(0, 3, 0), 0));
    assert.equal(page.itemCount, 4);
    const { bytes, ...tuple } = page.tuple(1) ?? assert.fail("no tuple");
    assert.equal(bytes.length, PAGE_BYTES);
    assert.deepEqual(tuple, {
      infomask2: 1,
      infomask: 0x0902,
      hoff: 24,
      start: 8183,
      end: 8188,
      xmin: 700,
      xmax: 701,
    });
    assert.equal(page.redirect(2), 1);
    const { dead, normal, redirect, unused } = ItemState;
    const states = [0, 1, 2, 3, 4, 5].map((each) => page.state(each));
    assert.deepEqual(states, [unused, normal, redirect, dead, unused, unused]);
    assert.deepEqual([page.tuple(0), page.tuple(2), page.tuple(5)], Array(3).fill(undefined));
    assert.equal(page.redirect(1), undefined);
  });

  it("has no tuple that lies outside of it or in its header", () => {
    const page = attached(pageOf(item(8180, 1, 28), item(8160, 1, 22), item(8, 1, 28)));
    assert.deepEqual(
      [1, 2, 3].map((each) => page.tuple(each)),
      Array(3).fill(undefined),
    );
  });

  it("that was never initialised has no items, and what is no heap page is refused", () => {
    const page = new HeapPage();
    assert.ok(page.attach(new Uint8Array(PAGE_BYTES)));
    assert.equal(page.itemCount, 0);
    for (const [at, value] of [
      [12, 20],
      [12, 8161],
      [14, 8193],
      [16, 8193],
      [18, 0x4004],
    ] as const) {
      const view = pageOf(item(8160, 1, 28));
      view.setUint16(at, value, true);
      assert.equal(page.attach(new Uint8Array(view.buffer)), false, `${at}`);
      assert.equal(page.itemCount, 0);
    }
    assert.equal(page.attach(new Uint8Array(PAGE_BYTES - 1)), false);
  });
});
