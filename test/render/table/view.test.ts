import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import type { PgoutputMessage, Relation } from "../../../src/postgres/messages/messages.ts";
import { TypeRegistry } from "../../../src/postgres/messages/type-registry.ts";
import { TableRenderer } from "../../../src/render/table/table.ts";
import { type TableView, WHOLE_VIEW } from "../../../src/render/table/view.ts";
import { matchGolden } from "../../support/golden/golden.ts";
import {
  insert,
  streamAbort,
  streamCommit,
  streamStart,
  streamStop,
} from "../../support/wire/messages.ts";
import { shopStream, updateStream } from "../../support/program/shop-stream.ts";
import { assertFits, decodeCapture, firstRows } from "../../support/program/tables.ts";

const WIDTHS = [40, 80, 120, 200];

function createRenderer(
  width: number,
  view: Partial<TableView> = {},
  color = false,
): TableRenderer {
  return new TableRenderer({
    width: () => width,
    look: { color },
    view: { ...WHOLE_VIEW, ...view },
    types: new TypeRegistry(),
  });
}

const taken = (renderer: TableRenderer): string => new TextDecoder().decode(renderer.take());

function render(
  messages: Iterable<PgoutputMessage>,
  width: number,
  view: Partial<TableView> = {},
  color = false,
): string {
  const renderer = createRenderer(width, view, color);
  for (const message of messages) renderer.render(message);
  renderer.finish();
  return taken(renderer);
}

/** Seen at 40, 80, 120 and 200 columns. */
function matchGoldens(
  name: string,
  messages: () => Iterable<PgoutputMessage>,
  view: Partial<TableView>,
): void {
  for (const width of WIDTHS) {
    const text = render(messages(), width, view);
    assertFits(text, width);
    matchGolden(`fixtures/tables/${name}-${width}.txt`, text);
  }
}

test("table: all that a table can show", () => {
  matchGoldens("shop", shopStream, {});
});

test("table, expanded: one column a line", () => {
  matchGoldens("shop-expanded", shopStream, { expanded: true });
  matchGoldens("pg18-misc-p1-expanded", () => firstRows(decodeCapture("pg18-misc-p1")), {
    expanded: true,
  });
});

test("table: only some columns, and the key", () => {
  const columns = new Set(["status", "Home Address"]);
  matchGoldens("shop-columns", shopStream, { columns });
  matchGoldens("shop-columns-expanded", shopStream, { columns, expanded: true });
});

test("table: longest shown values", () => {
  matchGoldens("shop-max-width-12", shopStream, { valueWidthMax: 12 });
  const whole = { expanded: true, valueWidthMax: Number.POSITIVE_INFINITY };
  const text = render(decodeCapture("pg18-misc-p1"), 80, whole);
  assert.doesNotMatch(text, /…/);
  assertFits(text, 80);
  const cut = render(decodeCapture("pg18-misc-p1"), 80, { expanded: true, valueWidthMax: 7 });
  assert.match(cut, /│ xxxxxx…\n/);
});

test("table, collapsed: after 3 rows of a transaction only counts", () => {
  matchGoldens("shop-collapsed", shopStream, { collapseAfter: 3 });
  for (const name of ["pg18-stream-abort-p2", "pg18-twophase-p3-stream"]) {
    matchGoldens(`${name}-collapsed`, () => decodeCapture(name), { collapseAfter: 3 });
  }
});

test("table: with colours, the same text", () => {
  for (const view of [{}, { expanded: true }, { collapseAfter: 3 }]) {
    const text = render(shopStream(), 80, view, true);
    const name = Object.keys(view)[0] ?? "all";
    matchGolden(`fixtures/tables/shop-color-${name}-80.txt`, text);
    // eslint-disable-next-line no-control-regex
    assert.equal(text.replace(/\u001b\[[\d;]+m/g, ""), render(shopStream(), 80, view));
  }
});

test("table, collapsed: a status line is told of what is not shown, across the blocks of a stream", () => {
  const renderer = createRenderer(80, { collapseAfter: 1 });
  const live = (...messages: readonly PgoutputMessage[]): string | undefined => {
    for (const message of messages) renderer.render(message);
    return renderer.live;
  };
  assert.equal(live(streamStart(7), insert(0, 7)), undefined);
  assert.equal(live(insert(1, 7), streamStop()), "1 change of xid 7 not shown");
  assert.equal(live(streamStart(7), insert(2, 7), streamStop()), "2 changes of xid 7 not shown");
  assert.equal(live(streamCommit(7, 9)), undefined);
  assert.match(taken(renderer), /3 changes\n +… t +\+2\n$/);
});

test("table, collapsed: of a transaction whose end never comes the counts are told at the end", () => {
  const rows = [insert(), insert(), insert()];
  const text = render(rows, 80, { collapseAfter: 1 });
  assert.match(text, /\n +│ … t {2}\+2\n +└ 3 changes\n$/);
  const stream = render([streamStart(7), ...rows, streamStop()], 80, { collapseAfter: 1 });
  assert.match(stream, /\n +7 {3}… PENDING · may yet be rolled back\n +… t +\+2\n$/);
});

test("table: a transaction that is rolled back whole leaves no count for the next of its number", () => {
  const stream = [streamStart(7), insert(0, 7), streamStop()];
  const text = render([...stream, streamAbort(7, 7), ...stream, streamCommit(7, 9)], 80);
  assert.match(text, /7 {3}✔ COMMIT · 1 change\n/);
});

test("table: a row of a large transaction takes what the first one took, and no more than a grid's beginning is held back", () => {
  const renderer = createRenderer(120);
  const row = insert();
  const sizes = new Set<number>();
  for (let count = 0; count < 20_000; count++) {
    renderer.render(row);
    const size = renderer.take().length;
    // The first ones come with the grid's header.
    if (count > 2) sizes.add(size);
    assert.equal(renderer.take().length, 0);
  }
  assert.equal(sizes.size, 1);
});

test("table, collapsed: what is counted takes nothing until the end", () => {
  const renderer = createRenderer(120, { collapseAfter: 1 });
  renderer.render(insert());
  renderer.take();
  for (let count = 0; count < 20_000; count++) renderer.render(insert());
  assert.equal(renderer.take().length, 0);
  renderer.finish();
  assert.match(taken(renderer), /\+20,000/);
});

test("table: a change in a value that is too long is shown where it begins", () => {
  const changed = (before: string, after: string, typeOid: number): string => {
    const text = render(updateStream(before, after, typeOid), 120);
    return /value=(.*)\n/.exec(text)?.[1] ?? text;
  };
  const long = "x".repeat(3000);
  assert.equal(
    changed(`${long}old`, `${long}new`, 25),
    "…'xxxxxxold' 2.9 kB → …'xxxxxxnew' 2.9 kB",
  );
  assert.equal(
    changed(`["${long}",1,2,3,4]`, `["${long}",5,6,7,8]`, 3802),
    `…'xxxx",1,2,3,4]' 2.9 kB → …'xxxx",5,6,7,8]' 2.9 kB`,
  );
  // An emoji is not cut in two.
  assert.equal(
    changed(`${long}😀12345a`, `${long}😀12345b`, 25),
    "…'😀12345a' 2.9 kB → …'😀12345b' 2.9 kB",
  );
  assert.match(
    changed(`${long}a${long}`, `${long}b`, 25),
    /^…'x{6}ax+'… 5\.9 kB → …'x{6}b' 2\.9 kB$/,
  );
  assert.match(changed("a".repeat(90), "b".repeat(90), 25), /^a+… 90 B → b+… 90 B$/);
  // However far from their start.
  const far = "x".repeat(1_000_000);
  assert.match(changed(`${far}1`, `${far}2`, 25), /^…'x{6}1' 977 kB → …'x{6}2' 977 kB$/);
});

describe("table: where JSON was changed", () => {
  const nested = (depth: number, inside: string): string =>
    "[".repeat(depth) + inside + "]".repeat(depth);
  const old =
    '{"cup": 2, "pot": {"colour": "blue", "notes": ["a", null]}, "big": 12345678901234567890}';
  const cases: ReadonlyArray<
    readonly [what: string, before: string, after: string, shown: string]
  > = [
    ["inside", old, old.replace("blue", "red"), 'value.pot.colour="blue" → "red"'],
    ["in an array", old, old.replace("null", "false"), "value.pot.notes[1]=null → false"],
    [
      "a digit that a double cannot hold",
      old,
      old.replace("890}", "891}"),
      "value.big=12345678901234567890 → 12345678901234567891",
    ],
    [
      "a member that is new",
      '{"a": 1}',
      '{"b c": {"d": 1}, "a": 1}',
      'value."b c"=(absent) → {"d": 1}',
    ],
    [
      "one that is gone, and another",
      '{"a": 1, "b": 2}',
      '{"b": "x"}',
      'value.a=1 → (absent)  value.b=2 → "x"',
    ],
    [
      "a text of that name is no absence",
      '{"a": "(absent)"}',
      '{"a": 1}',
      'value.a="(absent)" → 1',
    ],
    ["an array that has grown", '{"a": [1]}', '{"a": [1, 2]}', "value.a=[1] → [1, 2]"],
    ["all of it", "[]", '{"a": 1}', 'value=[] → {"a": 1}'],
    ["only its spaces", '{"a":1}', '{"a": 1}', 'value={"a":1} → {"a": 1}'],
    ["only its line breaks", '{"a":\n1}', '{"a": 1}', `value=E'{"a":\\n1}' → {"a": 1}`],
    ["in too many places", "[1, 2, 3, 4]", "[5, 6, 7, 8]", "value=[1, 2, 3, 4] → [5, 6, 7, 8]"],
    ["a key that comes twice", '{"a": 1, "a": 2}', '{"a": 1}', 'value={"a": 1, "a": 2} → {"a": 1}'],
    [
      "what a terminal must not see",
      '{"\\u0000": 1, "\u202e": 1}',
      '{"\\u0000": 1, "\u202e": 2}',
      String.raw`value.E'"\u202e"'=1 → 2`,
    ],
  ];
  for (const [what, before, after, shown] of cases) {
    it(what, () => {
      const text = render(updateStream(before, after, 3802), 120);
      assert.equal(/(value.*?)\n/.exec(text)?.[1], shown);
    });
  }

  it("too deep to be followed", () => {
    const text = render(updateStream(nested(5000, "1"), nested(5000, "2"), 3802), 120);
    assert.match(text, /value=…'\[+1\]+'… 9\.8 kB → …'\[+2\]+'… 9\.8 kB/);
  });
});

describe("a long table name", () => {
  const table = `Kunden Tabelle ${"x".repeat(48)}`;
  const relation = { ...insert().relation, oid: 7, table };
  const into: PgoutputMessage = { ...insert(), relation };
  const { position } = insert();
  const flags = { kind: "truncate", cascade: true, restartIdentity: false } as const;
  const column = { name: "z".repeat(60), key: false, typeOid: 25, typeModifier: -1 };
  const announced = (columns: Relation["columns"]): PgoutputMessage => ({
    kind: "relation",
    position,
    transaction: null,
    relation: { ...relation, columns },
  });

  for (const expanded of [false, true]) {
    const lines = (messages: readonly PgoutputMessage[], width = 90): string => {
      const text = render(messages, width, { expanded, collapseAfter: 1 });
      assertFits(text, width);
      return text.replace(/\n[ │└]+/g, " ").replace(/ {2,}/g, " ");
    };
    const view = expanded ? "expanded" : "in lines";

    it(`${view}: is whole where rows are only counted`, () => {
      const shown = lines([into, into, into, streamCommit(7, 1)]);
      assert.ok(shown.includes(`… "${table}" +2 `), shown);
    });

    it(`${view}: is whole where the table was altered`, () => {
      const shown = lines([announced([]), announced([column])]);
      assert.ok(shown.includes(`± "${table}" added ${column.name}`), shown);
    });

    it(`${view}: is whole where it was truncated`, () => {
      const one = lines([{ ...flags, position, transaction: null, relations: [relation] }]);
      assert.ok(one.includes(`× "${table}" CASCADE`), one);
      const relations = [
        { ...relation, table: "t".repeat(63) },
        { ...relation, oid: 8, table: "u" },
      ];
      const two = lines([{ ...flags, position, transaction: null, relations }]);
      assert.ok(two.includes(`× 2 tables ${"t".repeat(63)} u CASCADE`), two);
    });

    it(`${view}: is shortened in the middle where the line is too short`, () => {
      const shown = lines([{ ...flags, position, transaction: null, relations: [relation] }], 40);
      assert.match(shown, /× "Kunden Tab…x+" CASCADE/);
    });
  }
});
