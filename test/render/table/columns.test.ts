import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TypeRegistry } from "../../../src/postgres/messages/type-registry.ts";
import { TableRenderer } from "../../../src/render/table/table.ts";
import { type TableView, WHOLE_VIEW } from "../../../src/render/table/view.ts";
import {
  decoded,
  INT8,
  JSONB,
  NUMERIC,
  Table,
  TEXT,
  transaction,
} from "../../support/program/screen-streams.ts";
import { assertFits } from "../../support/program/tables.ts";
import type { WireMessage } from "../../support/wire/pgoutput-encoder.ts";

function show(
  width: number,
  messages: readonly WireMessage[],
  view: Partial<TableView> = {},
): string {
  const renderer = new TableRenderer({
    width: () => width,
    look: { color: false },
    view: { ...WHOLE_VIEW, ...view },
    types: new TypeRegistry(),
  });
  for (const message of decoded(messages)) renderer.render(message);
  const text = new TextDecoder().decode(renderer.take());
  assertFits(text, width);
  return text;
}

describe("columns whose names are much the same", () => {
  const NAMES = ["price_net_eur", "price_tax_eur", "price_sum_eur"];
  const SIDES = ["measured_temperature_north_celsius", "measured_temperature_south_celsius"];
  const columns = ["id", ...NAMES, ...SIDES].map((name) => [name, TEXT] as const);
  const table = new Table(1, "w", columns);
  const rows = [1, 2, 3].map((id) => table.insert(String(id), "1", "2", "3", "4", "5"));
  const first = transaction(1, table.relation, ...rows);

  it("have their whole names where there is room", () => {
    for (const name of [...NAMES, ...SIDES])
      assert.match(show(200, first), new RegExp(` ${name}(?: |$)`, "m"));
  });

  it("are told apart where there is not", () => {
    for (const [width, view] of [
      [40, {}],
      [80, {}],
      [40, { expanded: true }],
    ] as const) {
      const updates = [
        table.update("1", "1", "2", "3", "N", "5"),
        table.update("2", "1", "2", "3", "4", "S"),
      ];
      const text = show(
        width,
        [...first, ...updates.flatMap((one, xid) => transaction(xid + 2, one))],
        view,
      );
      const changed = [...text.matchAll(/(\S+)(?:=| │ )[45] ⇢ [NS]/g)].map(([, name]) => name);
      assert.equal(new Set(changed).size, 2, text);
    }
  });

  it("are shortened where the only one is wider than the line", () => {
    const wide = new Table(2, "x".repeat(30), [["created_at_timestamp_in_utc", TEXT]], {
      keyless: true,
    });
    show(40, transaction(1, wide.relation, wide.insert("a"), wide.insert("b"), wide.insert("c")));
  });
});

describe("a grid of which later rows have longer keys", () => {
  it("begins anew where they would be cut", () => {
    let anew = 0;
    for (let width = 40; width < 60; width++) {
      const names = ["id", "a", "b"];
      const columns = names.map((name) => [name, TEXT] as const);
      const table = new Table(1, "events", columns, { keyless: true });
      const values = names.slice(1).map(() => "x".repeat(9));
      const rowsFrom = (id: number): WireMessage[] =>
        [id, id + 1, id + 2].map((each) => table.insert(String(each), ...values));
      const all = transaction(1, table.relation, ...rowsFrom(1), ...rowsFrom(123_456_789));
      const renderer = new TableRenderer({
        width: () => width,
        look: { color: false },
        view: WHOLE_VIEW,
        types: new TypeRegistry(),
      });
      let text = "";
      for (const [index, message] of decoded(all).entries()) {
        renderer.render(message);
        if (index === 4) text += new TextDecoder().decode(renderer.take());
      }
      text += new TextDecoder().decode(renderer.take());
      assertFits(text, width);
      for (const id of [1, 3, 123_456_789, 123_456_791])
        assert.match(text, new RegExp(` ${id}(?: |$)`, "m"), text);
      anew += (text.match(/\+ events/g)?.length ?? 0) - 1;
    }
    assert.ok(anew > 0 && anew < 20, `${anew} of 20`);
  });
});

describe("a grid without room for everything", () => {
  const UUID = 2950;
  const TIMESTAMPTZ = 1184;
  const uuid = (index: number): string => `98da7811-9a39-4c3d-8e4f-01234567890${index}`;

  it("has its headers above its columns when the key is a uuid", () => {
    const names = ["id", "name", "email", "created_at"];
    const table = new Table(1, "users", [
      ["id", UUID],
      ["name", TEXT],
      ["email", TEXT],
      ["created_at", TIMESTAMPTZ],
    ]);
    const inserts = [1, 2, 3, 4].map((id) =>
      table.insert(
        uuid(id),
        `name ${id}`,
        `user${id}@example.com`,
        `2026-11-24 23:20:4${id}.123456+00`,
      ),
    );
    for (let width = 80; width <= 200; width++) {
      const lines = show(width, transaction(1, table.relation, ...inserts)).split("\n");
      const header = lines.find((line) => line.includes("+ users")) ?? "";
      const rows = lines.filter((line) => line.includes("98da7811"));
      assert.equal(rows.length, 4, lines.join("\n"));
      const places = names
        .filter((name) => header.includes(` ${name}`))
        .map((name) => header.indexOf(` ${name}`));
      assert.ok(places.length > 1, header);
      for (const row of rows)
        for (const place of places) assert.match(row.slice(place - 1), /^  \S/, lines.join("\n"));
      if (header.includes("created_at"))
        for (const row of rows) assert.match(row, / 23:20:4\d\S*$/);
    }
  });

  it("shows a number that grows, and a NULL, where a text can give up width", () => {
    const table = new Table(1, "o3", [
      ["id", INT8],
      ["status", TEXT],
      ["total", NUMERIC],
      ["note", TEXT],
    ]);
    const count = 300;
    const inserts = Array.from({ length: count }, (_, index) =>
      table.insert(String(index + 1), "bulk", `${index + 1}.00`, "x".repeat(300)),
    );
    const nothing = table.insert("301", "bulk", null, "x");
    for (const width of [80, 120, 200]) {
      const text = show(width, transaction(1, table.relation, ...inserts, nothing));
      for (let id = 1; id <= count; id++) assert.match(text, new RegExp(` ${id}\\.00 `), text);
      assert.match(text, / 301 +bulk +NULL  x$/m);
      assert.ok((text.match(/\+ o3/g)?.length ?? 0) <= 3, text);
    }
  });
});

describe("JSON that changed in rows that are alike", () => {
  it("shows its places, as in a row of its own", () => {
    const table = new Table(1, "docs", [
      ["id", INT8],
      ["j", JSONB],
      ["n", INT8],
    ]);
    const doc = (north: number, south: number): string =>
      `{"north": {"temperature": ${north}}, "south": {"temperature": ${south}}}`;
    const ids = ["1", "2", "3"];
    const text = show(120, [
      ...transaction(1, table.relation, ...ids.map((id) => table.insert(id, doc(1, 1), "1"))),
      ...transaction(2, ...ids.map((id) => table.update(id, doc(2, Number(id)), "2"))),
    ]);
    assert.match(text, /^ +│ +1 +1 ⇢ 2 +j\.north\.temperature=1 ⇢ 2$/m);
    assert.match(
      text,
      /^ +│ +2 +1 ⇢ 2 +j\.north\.temperature=1 ⇢ 2 +j\.south\.temperature=1 ⇢ 2$/m,
    );
  });
});
