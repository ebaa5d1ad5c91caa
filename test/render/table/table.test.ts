import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import fc from "fast-check";
import { PgoutputDecoder } from "../../../src/postgres/messages/decoder.ts";
import type { PgoutputMessage } from "../../../src/postgres/messages/messages.ts";
import { TypeRegistry } from "../../../src/postgres/messages/type-registry.ts";
import { TableRenderer } from "../../../src/render/table/table.ts";
import { WHOLE_VIEW } from "../../../src/render/table/view.ts";
import { textWidth } from "../../../src/render/terminal/text-width.ts";
import { matchGolden } from "../../support/golden/golden.ts";
import { streamAbort, streamStart, streamStop } from "../../support/wire/messages.ts";
import { assertFits, decodeCapture, firstRows } from "../../support/program/tables.ts";

const WIDTHS = [40, 80, 120, 200];
function render(messages: Iterable<PgoutputMessage>, width: number, color = false): string {
  const renderer = new TableRenderer({
    width: () => width,
    look: { color },
    view: WHOLE_VIEW,
    types: new TypeRegistry(),
  });
  for (const message of messages) renderer.render(message);
  renderer.finish();
  return new TextDecoder().decode(renderer.take());
}

for (const name of ["pg18-misc-p1", "pg18-stream-abort-p2", "pg18-twophase-p3-stream"]) {
  for (const width of WIDTHS) {
    test(`table: ${name} in ${width} columns`, () => {
      const text = render(firstRows(decodeCapture(name)), width);
      assertFits(text, width);
      matchGolden(`fixtures/tables/${name}-${width}.txt`, text);
    });
  }
}

test("table: with colours, the same text", () => {
  const text = render(decodeCapture("pg18-misc-p1"), 80, true);
  matchGolden("fixtures/tables/pg18-misc-p1-80-color.txt", text);
  // eslint-disable-next-line no-control-regex
  const plain = text.replace(/\u001b\[[\d;]+m/g, "");
  assert.equal(plain, render(decodeCapture("pg18-misc-p1"), 80));
});

// Messages made by hand: what the server has not been made to send.

const encoder = new TextEncoder();
const OID = 0x80000001;

function bytesOf(...parts: readonly (number | string | Uint8Array)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => {
      if (typeof part === "number") return [part];
      return typeof part === "string" ? [...encoder.encode(part), 0] : [...part];
    }),
  );
}

function int(value: number, size: 2 | 4): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  if (size === 2) view.setUint16(0, value);
  else view.setUint32(0, value);
  return bytes;
}

interface Column {
  readonly name: string;
  readonly key?: boolean;
}

function relation(
  columns: readonly Column[],
  table = "t",
  identity = "d",
  schema = "s",
): Uint8Array {
  return bytesOf(
    0x52,
    int(OID, 4),
    schema,
    table,
    identity.charCodeAt(0),
    int(columns.length, 2),
    ...columns.flatMap(({ name, key }) => [key ? 1 : 0, name, int(25, 4), int(0xffffffff, 4)]),
  );
}

type Value = string | Uint8Array | null | undefined;

/** Undefined: unchanged TOAST. */
function tuple(tag: string, values: readonly Value[]): Uint8Array {
  return bytesOf(
    tag.charCodeAt(0),
    int(values.length, 2),
    ...values.flatMap((value) => {
      if (value === null) return [0x6e];
      if (value === undefined) return [0x75];
      const bytes = typeof value === "string" ? encoder.encode(value) : value;
      return [0x74, int(bytes.length, 4), bytes];
    }),
  );
}

function change(kind: "I" | "U" | "D", ...tuples: readonly Uint8Array[]): Uint8Array {
  return bytesOf(kind.charCodeAt(0), int(OID, 4), ...tuples);
}

function begin(xid: number): Uint8Array {
  return bytesOf(0x42, new Uint8Array(16), int(xid, 4));
}

const COMMIT = bytesOf(0x43, new Uint8Array(25));

function show(width: number, ...messages: readonly Uint8Array[]): string {
  const decoder = new PgoutputDecoder();
  return render(
    messages.map((message) => decoder.decode(message)),
    width,
  );
}

const COLUMNS = [{ name: "id", key: true }, { name: "a" }, { name: "b" }];

/** The row alone: without what stands before its key or columns. */
function detail(...messages: readonly Uint8Array[]): string {
  return show(200, ...messages)
    .replace(/^ *. \S+ +/, "")
    .trimEnd();
}

const HINT =
  /\n *is now: the row before is not known; with REPLICA IDENTITY FULL the server sends it\n$/;

describe("a row", () => {
  const full = relation(
    COLUMNS.map(({ name }) => ({ name, key: true })),
    "t",
    "f",
  );
  const unflagged = relation(COLUMNS.map(({ name }) => ({ name })));
  const known = (first: string, second: string | undefined): readonly Uint8Array[] => [
    relation(COLUMNS),
    change("I", tuple("N", ["1", "x", "y"])),
    change("U", tuple("N", ["1", first, second])),
  ];
  const cases: ReadonlyArray<
    readonly [what: string, messages: readonly Uint8Array[], shown: string | RegExp]
  > = [
    [
      "NULLs are counted",
      [relation(COLUMNS), change("I", tuple("N", ["1", null, ""]))],
      "1  b=''  1 NULL",
    ],
    [
      "what reads as something else is quoted as in SQL",
      [relation(COLUMNS), change("I", tuple("N", ["a=b", "it's", "x  b=forged"]))],
      "'a=b'  a='it''s'  b='x  b=forged'",
    ],
    [
      "the word NULL is no NULL, and what was not sent no value",
      [relation(COLUMNS), change("U", tuple("N", ["1", "NULL", undefined]))],
      /^1 {2}is now {2}a='NULL' {2}b=\(unchanged\)\n/,
    ],
    [
      "an update shows the old key when it changed",
      [relation(COLUMNS), change("U", tuple("K", ["1", null, null]), tuple("N", ["2", "x", "y"]))],
      /^id=1 → 2 │ is now {2}a=x {2}b=y\n/,
    ],
    [
      "with the old row from the server, what changed",
      [full, change("U", tuple("O", ["1", "x", null]), tuple("N", ["1", "x", ""]))],
      "id=1 │ b=NULL → ''  a=x",
    ],
    [
      "nothing changed",
      [full, change("U", tuple("O", ["1", "x", "y"]), tuple("N", ["1", "x", undefined]))],
      "id=1 │ a=x  b=y  (nothing changed)",
    ],
    [
      "with the row seen before, what changed, by a mark of its own",
      known("x", "z"),
      /\n *~ t 1 {2}b=y ⇢ z {2}… 1 unchanged$/,
    ],
    [
      "seen before, and nothing changed",
      known("x", undefined),
      /\n *~ t 1 {2}\(nothing changed\)$/,
    ],
    [
      "a value that an update did not send is still what was seen before",
      [...known("z", undefined), change("U", tuple("N", ["1", "z", "w"]))],
      /\n *~ t 1 {2}b=y ⇢ w {2}… 1 unchanged$/,
    ],
    [
      "a value that was never seen may have changed",
      [
        relation(COLUMNS),
        change("U", tuple("N", ["1", "x", undefined])),
        change("U", tuple("N", ["1", "x", "w"])),
      ],
      /\n *~ t 1 {2}b=w {2}… 1 unchanged\n/,
    ],
    [
      "a delete shows the key",
      [relation(COLUMNS), change("D", tuple("K", ["7", null, null]))],
      "7",
    ],
    [
      "or the values where no column is flagged as one",
      [unflagged, change("D", tuple("K", ["7", null, null]))],
      "id=7",
    ],
  ];
  for (const [what, messages, shown] of cases) {
    it(what, () => {
      const text = detail(...messages);
      if (typeof shown === "string") assert.equal(text, shown);
      else assert.match(text, shown);
    });
  }

  it("is not compared with one of a table that was announced again, truncated or deleted from", () => {
    const [announced, insert, update] = known("x", "z");
    assert.ok(announced !== undefined && insert !== undefined && update !== undefined);
    const truncate = bytesOf(0x54, int(1, 4), 0, int(OID, 4));
    for (const between of [
      relation([...COLUMNS.slice(0, 2), { name: "c" }]),
      // ALTER COLUMN … TYPE … USING may give it other values and leave the announcement as it was.
      announced,
      truncate,
      change("D", tuple("K", ["1", null, null])),
    ]) {
      const text = show(200, announced, insert, between, update);
      assert.match(text, /~ t 1 +is now {2}a=x {2}[bc]=z\n/);
      assert.match(text, HINT);
    }
  });

  it("that was deleted shows what was seen of it, and an update of a row not seen its NULLs by name", () => {
    const [announced, insert] = known("x", "z");
    assert.ok(announced !== undefined && insert !== undefined);
    const gone = change("D", tuple("K", ["1", null, null]));
    assert.match(show(200, announced, insert, gone), /- t 1 +was {2}a=x {2}b=y\n/);
    assert.match(show(200, announced, gone), /- t 1\n/);
    const nulled = change("U", tuple("N", ["1", "x", null]));
    assert.match(show(200, announced, nulled), /~ t 1 +is now {2}a=x {2}b=NULL\n/);
  });

  it("is compared with what a filter left out, and not with what that deleted or truncated", () => {
    const [announced, insert, update] = known("x", "z");
    assert.ok(announced !== undefined && insert !== undefined && update !== undefined);
    for (const [between, shown] of [
      [bytesOf(0x54, int(1, 4), 0, int(OID, 4)), /~ t 1 +is now {2}a=x {2}b=z\n/],
      [change("D", tuple("K", ["1", null, null])), /~ t 1 +is now {2}a=x {2}b=z\n/],
      [change("U", tuple("N", ["1", "y", "y"])), /~ t 1 +a=y ⇢ x {2}b=y ⇢ z\n/],
    ] as const) {
      const decoder = new PgoutputDecoder();
      const renderer = new TableRenderer({
        width: () => 200,
        look: { color: false },
        view: WHOLE_VIEW,
        types: new TypeRegistry(),
      });
      for (const bytes of [announced, insert]) renderer.render(decoder.decode(bytes));
      renderer.leftOut(decoder.decode(between));
      renderer.render(decoder.decode(update));
      assert.match(Buffer.from(renderer.take()).toString(), shown);
    }
  });

  it("closes a transaction whose commit a filter left out", () => {
    const decoder = new PgoutputDecoder();
    const renderer = new TableRenderer({
      width: () => 80,
      look: { color: false },
      view: WHOLE_VIEW,
      types: new TypeRegistry(),
    });
    const row = change("I", tuple("N", ["1", "x", "y"]));
    for (const bytes of [begin(7), relation(COLUMNS), row, row])
      renderer.render(decoder.decode(bytes));
    renderer.leftOut(decoder.decode(COMMIT));
    assert.match(Buffer.from(renderer.take()).toString(), /┌ \+ t 1 .*\n.*└ \+ t 1 .*\n$/);
  });

  it("is not compared with what may have been rolled back", () => {
    const renderer = new TableRenderer({
      width: () => 80,
      look: { color: false },
      view: WHOLE_VIEW,
      types: new TypeRegistry(),
    });
    const decoder = new PgoutputDecoder();
    const [announced, insert, update] = known("x", "z");
    assert.ok(announced !== undefined && insert !== undefined && update !== undefined);
    renderer.render(decoder.decode(announced));
    renderer.render(streamStart(7));
    const row = decoder.decode(insert);
    renderer.render({ ...row, transaction: { xid: 7, commitTime: null } });
    renderer.render(streamStop());
    renderer.render(streamAbort(7, 7));
    renderer.render(decoder.decode(update));
    const shown = new TextDecoder().decode(renderer.take());
    assert.match(shown, /✘ ROLLBACK · all its changes are void\n/);
    assert.doesNotMatch(shown, /⇢/);
  });
});

test("table: a relation that was not announced is its oid, its columns are numbers", () => {
  const line = show(80, change("I", tuple("N", ["1", null])));
  assert.equal(line.trim(), "+ oid 2147483649  1=1  1 NULL");
});

test("table: a table's first announcement and its repetition are silent, its change is not", () => {
  assert.equal(show(80, relation(COLUMNS), relation(COLUMNS)), "");
  const altered = show(80, relation(COLUMNS), relation([...COLUMNS.slice(0, 2), { name: "C" }]));
  assert.equal(altered.trim(), '± t  renamed b → "C"');
  const added = show(
    80,
    relation(COLUMNS),
    relation([...COLUMNS.slice(0, 2), { name: "c" }, { name: "d" }]),
  );
  assert.equal(added.trim(), "± t  added c  added d  dropped b");
});

test("table: a transaction with nothing to show is not shown", () => {
  assert.equal(show(80, begin(1), COMMIT), "");
});

const ROW = change("I", tuple("N", ["1", "x", "y"]));
const DAY = "── 2000-01-01 UTC, schema s ──\n";

test("table: a transaction of one row is one line, one of two is held together", () => {
  assert.equal(
    show(80, relation(COLUMNS), begin(1), ROW, COMMIT, begin(23), ROW, ROW, COMMIT),
    `${DAY}00:00:00   1   + t 1  a=x  b=y\n00:00:00  23 ┌ + t 1  a=x  b=y\n             └ + t 1  a=x  b=y\n`,
  );
});

test("table: one of which the commit comes later is the same line", () => {
  const renderer = new TableRenderer({
    width: () => 80,
    look: { color: false },
    view: WHOLE_VIEW,
    types: new TypeRegistry(),
  });
  const decoder = new PgoutputDecoder();
  const taken = [relation(COLUMNS), begin(1), ROW, COMMIT, begin(2), ROW, ROW, COMMIT].map(
    (one) => {
      renderer.render(decoder.decode(one));
      return new TextDecoder().decode(renderer.take());
    },
  );
  assert.deepEqual(taken, [
    "",
    "",
    "",
    `${DAY}00:00:00   1   + t 1  a=x  b=y\n`,
    "",
    "",
    "",
    "00:00:00   2 ┌ + t 1  a=x  b=y\n             └ + t 1  a=x  b=y\n",
  ]);
});

test("table: a NULL in a narrow column of a grid does not look like a value", () => {
  const long = "long ".repeat(50);
  for (const width of [30, 40, 80]) {
    const renderer = new TableRenderer({
      width: () => width,
      look: { color: false },
      view: WHOLE_VIEW,
      types: new TypeRegistry(),
    });
    const decoder = new PgoutputDecoder();
    const rows = [long, "N", null].map((b, id) =>
      change("I", tuple("N", [String(id), id === 0 ? "N" : b === null ? null : "M", long])),
    );
    for (const message of [relation(COLUMNS), begin(1), ...rows, COMMIT]) {
      renderer.render(decoder.decode(message));
    }
    const drawn = new TextDecoder().decode(renderer.take());
    assert.match(drawn, / N /, drawn);
    assert.match(drawn, /NULL|…/, drawn);
    assert.doesNotMatch(drawn.replaceAll("NULL", ""), / N(U|UL)? [^]* N(U|UL)? /, drawn);
  }
});

test("table: three rows of one kind of one table are a grid, which later ones only widen", () => {
  const renderer = new TableRenderer({
    width: () => 80,
    look: { color: false },
    view: WHOLE_VIEW,
    types: new TypeRegistry(),
  });
  const decoder = new PgoutputDecoder();
  const row = (id: string, a: string | null, b: string | null): Uint8Array =>
    change("I", tuple("N", [id, a, b]));
  const take = (...messages: readonly Uint8Array[]): string => {
    for (const message of messages) renderer.render(decoder.decode(message));
    return new TextDecoder().decode(renderer.take());
  };
  const first = take(
    relation(COLUMNS),
    begin(1),
    row("1", "x", null),
    row("2", null, null),
    row("3", "", null),
  );
  const second = take(row("4", "longer than before", "new"), row("5", "x", null), COMMIT);
  assert.equal(
    first + second,
    `${DAY}00:00:00   1 ┌ + t  a     1 NULL
             │   1  x
             │   2  NULL
             │   3  ''
             │   4  longer than before  b=new
             └   5  x
`,
  );
});

test("table: a transaction whose end was cut off ends with the next", () => {
  const row = change("I", tuple("N", ["1", null, null]));
  const lines = show(40, relation(COLUMNS), begin(1), row, begin(2), row, COMMIT).split("\n");
  assert.deepEqual(lines, [
    "── 2000-01-01 UTC, schema s ──",
    "00:00:00 1 + t 1  2 NULL",
    "00:00:00 2 + t 1  2 NULL",
    "",
  ]);
});

test("table: rows follow the terminal's width while a transaction is open", () => {
  let width = 80;
  const renderer = new TableRenderer({
    width: () => width,
    look: { color: false },
    view: WHOLE_VIEW,
    types: new TypeRegistry(),
  });
  const decoder = new PgoutputDecoder();
  const long = change("I", tuple("N", ["1", "x".repeat(300), null]));
  const widths = [begin(1), relation(COLUMNS), long, long, COMMIT].flatMap((message, index) => {
    if (index === 3) width = 120;
    renderer.render(decoder.decode(message));
    const lines = new TextDecoder().decode(renderer.tick()).split("\n");
    return lines.filter((line) => line.includes("x…")).map(textWidth);
  });
  assert.deepEqual(widths, [72, 83]);
});

test("table: bytes that are not UTF-8 are escaped, and a cut falls between two characters", () => {
  const invalid = Uint8Array.from([0x61, 0xff, 0xfe, 0x62]);
  const row = change("I", tuple("N", ["1", invalid, "é".repeat(5000)]));
  const line = detail(relation(COLUMNS), row);
  assert.match(line, /^1 {2}a=E'a\\xff\\xfeb' {2}b=é+… 9\.8 kB$/);
});

test("table: an unknown message is a row", () => {
  const line = show(80, bytesOf(0x5a, Uint8Array.from([1, 2, 3])));
  assert.equal(line.trim(), "? tag 'Z'  4 bytes: \\x5a010203");
});

test("table: nothing is too wide for the narrowest terminal", () => {
  const columns = Array.from({ length: 1000 }, (_, index) => ({ name: `c${index}`, key: true }));
  const same = tuple(
    "N",
    columns.map(() => "x"),
  );
  const shown = show(
    20,
    bytesOf(0x54, int(1, 4), 3, int(OID, 4)),
    bytesOf(0x4d, 0, new Uint8Array(8), "prefix", int(0, 4)),
    bytesOf(0x5a, new Uint8Array(1000)),
    relation(columns, "t", "f"),
    change("I", same),
    change("U", bytesOf(0x4f, same.subarray(1)), same),
  );
  assertFits(shown, 20);
});

test("table: a message outside of UTF-8, and a long one", () => {
  const message = (content: Uint8Array): Uint8Array =>
    bytesOf(0x4d, 0, new Uint8Array(8), "my\nprefix", int(content.length, 4), content);
  const binary = show(80, message(Uint8Array.from([0xff, 0])));
  assert.match(binary, /» E'my\\nprefix' {2}2 bytes: \\xff00\n/);
  const long = show(80, message(encoder.encode("x".repeat(100_000))));
  assert.equal(long.split("\n").length, 6);
  assertFits(long, 80);
});

test("table: no value, column, table, schema or prefix can forge a row or break a border", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "\n│ - DELETE    public.users      id=1",
      "\u001b[2J\u001b[H\u001b[31m",
      "\u202e\u2066\u200b\u0000\r\r\n\u0085\u2028",
      "日本語".repeat(40),
      "👨\u200d👩\u200d👧 ❤\ufe0f 👍🏽🇩🇪 🫠",
      `a${"\u0301".repeat(500)}`,
      "नमस्ते ไทยก็",
    ),
  );
  // What the protocol ends with a NUL cannot hold one.
  const name = hostile.map((string) => string.replaceAll("\0", ""));
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(name, hostile), {
        minLength: 1,
        maxLength: 30,
        selector: ([column]) => column,
      }),
      name,
      name,
      fc.integer({ min: 1, max: 220 }),
      (row, table, schema, width) => {
        const columns = row.map(([column], index) => ({ name: column, key: index === 1 }));
        const insert = change(
          "I",
          tuple(
            "N",
            row.map(([, value]) => value),
          ),
        );
        const announced = relation(columns, table, "f", schema);
        const update = change(
          "U",
          tuple(
            "O",
            row.map(() => null),
          ),
          insert.subarray(5),
        );
        const shown = show(width, begin(1), announced, insert, update, COMMIT);
        assertFits(shown, Math.max(width, 20));
        const lines = shown.split("\n").slice(1, -1);
        // With the gutter of a narrow terminal, of a wide one, and of the lines that go on.
        const marks = lines.map((line) => /^(?:\S+ +\d+ | *)([┌│└]) /.exec(line)?.[1] ?? line);
        assert.match(marks.join(""), /^(?:┌|00:00:00 1)?[┌│]*└$/u, shown);
        // eslint-disable-next-line no-control-regex
        assert.doesNotMatch(shown, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      },
    ),
  );
});
