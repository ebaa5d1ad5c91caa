/** Rows that the kernel prints are what JavaScript prints of them, whatever the bytes are. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc, { type Arbitrary } from "fast-check";
import { cut, encodeCapture, seeded } from "../support/wire/captures.ts";
import { damage } from "../support/wire/damage.ts";
import { NASTY_VALUES } from "../support/golden/nasty-values.ts";
import {
  type WireMessage,
  type WireTuple,
  type WireValue,
  encodeMessage,
} from "../support/wire/pgoutput-encoder.ts";
import { FORMATS, print } from "./kernel-print.ts";
import { session } from "../support/wire/pgoutput-arbitraries.ts";

/** Type oids: those the kernel knows, arrays of them, and others. */
const TYPES: readonly (readonly [oid: number, arrayOid: number, name: string])[] = [
  [16, 1000, "bool"],
  [20, 1016, "int8"],
  [23, 1007, "int4"],
  [25, 1009, "text"],
  [701, 1022, "float8"],
  [1700, 1231, "numeric"],
  [114, 199, "json"],
  [3802, 3807, "jsonb"],
  [1114, 1115, "timestamp"],
  [1184, 1185, "timestamptz"],
  [17, 1001, "bytea"],
  [603, 1020, "box"],
  [22, 1006, "int2"],
  [77_777, 25, "name"],
];

const letters = fc.string({
  unit: fc.oneof(
    fc.constantFrom("a", "b", " ", "7", '"', "\\", "\n", "\t", "\u0001", "\u007f", "\u0085"),
    fc.constantFrom("é", "–", "😀", "{", "}", ",", "[", "]", ":", "NULL", "\ud7ff", "\ufeff"),
  ),
  maxLength: 40,
});
const digits = fc.stringMatching(/^-?\d{1,20}(\.\d{0,12})?([eE][+-]?\d{0,3})?$/);
const json = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc
    .tuple(fc.jsonValue(), fc.constantFrom(" ", "\n\t", "\r\n "))
    .map(([value, space]) => JSON.stringify(value, null, space)),
  fc.constantFrom(63, 64, 65, 66).map((depth) => "[".repeat(depth) + "1" + "]".repeat(depth)),
  fc.constantFrom('{"a":"\\u00e9\\n"}', '{"a":tru}', '"\\x"', '{"a" :-0.5e+7 , "b":[]}', "1 2", ""),
);
const moment = fc.oneof(
  { weight: 3, arbitrary: fc.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$/) },
  {
    weight: 3,
    arbitrary: fc.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d)?[+-]\d\d(:\d\d){0,2}$/),
  },
  fc.stringMatching(/^\d{4,7}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{0,7})?([+-]\d\d(:\d\d){0,3})?( BC)?$/),
);
const scalar = fc.oneof(
  letters,
  digits,
  json,
  moment,
  fc.constantFrom("t", "f", "true", "infinity", "NaN", "-", "", "NULL", "null", "0", "00", "-0"),
);
const list = fc
  .tuple(
    fc.array(
      fc.oneof(
        scalar,
        letters.map((text) => `"${text.replaceAll('"', "")}"`),
      ),
      {
        maxLength: 5,
      },
    ),
    fc.constantFrom("{}", "{{}}", "{", "[2:3]={}"),
  )
  .map(([items, [...around]]) => {
    const close = around.indexOf("}");
    if (close === -1) return around.join("") + items.join(",");
    return around.slice(0, close).join("") + items.join(",") + around.slice(close).join("");
  });
const text = (of: Arbitrary<string>): Arbitrary<WireValue> =>
  of.map((value) => ({ kind: "text", bytes: Buffer.from(value) }));

/** Of the type's own form mostly, else of any. */
function valueOf(index: number, isArray: boolean): Arbitrary<WireValue> {
  const name = TYPES[index]![2];
  const nasty = (NASTY_VALUES[name] ?? [""]).filter((value) => value.length < 1000);
  const own = fc.oneof(
    fc.constantFrom(...nasty),
    ["int8", "int4", "int2", "float8", "numeric"].includes(name) ? digits : letters,
    name.startsWith("json") ? json : name.startsWith("time") ? moment : letters,
  );
  // An escape in an item is for JavaScript.
  const item = fc.tuple(own, fc.nat({ max: 20 })).map(([value, dice]) => {
    const plain = dice > 0 ? value.replaceAll(/["\\]/g, "") : value;
    return /[\s{},"\\]|^$|^null$/i.test(plain) ? `"${plain}"` : plain;
  });
  const items = fc.array(item);
  return fc.oneof(
    { weight: 60, arbitrary: text(isArray ? items.map((all) => `{${all.join(",")}}`) : own) },
    { weight: 3, arbitrary: text(fc.oneof(scalar, list)) },
    { weight: 6, arbitrary: fc.constantFrom<WireValue>({ kind: "null" }, { kind: "unchanged" }) },
    fc
      .uint8Array({ maxLength: 40 })
      .chain((bytes) =>
        fc.constantFrom<WireValue>({ kind: "text", bytes }, { kind: "binary", bytes }),
      ),
  );
}

/** The last types are for JavaScript, and with them the table's rows. */
const columnKind = fc.tuple(
  fc.oneof({ weight: 30, arbitrary: fc.nat({ max: 10 }) }, fc.constantFrom(11, 12, 13)),
  fc.boolean(),
);
const name = fc.oneof(letters, fc.constantFrom("id", "größe")).map((each) => each.slice(0, 20));

/** A table that is announced, then rows of it. */
const table = fc
  .tuple(fc.constantFrom(16_385, 16_641, 16_897), fc.array(columnKind, { maxLength: 4 }))
  .chain(([oid, kinds]): Arbitrary<WireMessage[]> => {
    const tuple: Arbitrary<WireTuple> = fc.tuple(...kinds.map((kind) => valueOf(...kind)));
    const row = fc.constantFrom("NEW", "U", "UK", "UO", "K", "O").chain((kind) =>
      fc.tuple(tuple, tuple).map(([one, other]): WireMessage => {
        const common = { oid, xid: null };
        const key = kind.endsWith("K") ? other : null;
        const old = kind.endsWith("O") ? other : null;
        if (kind === "NEW") return { kind: "insert", ...common, new: one };
        if (kind.startsWith("U")) return { kind: "update", ...common, key, old, new: one };
        return { kind: "delete", ...common, key, old };
      }),
    );
    const relation = fc.record({
      schema: name,
      table: name,
      keys: fc.array(fc.boolean(), { minLength: kinds.length, maxLength: kinds.length }),
      names: fc.uniqueArray(name, { minLength: kinds.length, maxLength: kinds.length }),
    });
    return fc.tuple(relation, fc.array(row, { maxLength: 25, size: "max" })).map(([like, rows]) => [
      {
        kind: "relation",
        oid,
        schema: like.schema,
        table: like.table,
        xid: null,
        replicaIdentity: "default",
        columns: kinds.map(([index, isArray], at) => ({
          name: like.names[at] ?? "",
          key: like.keys[at] ?? false,
          typeOid: TYPES[index]![isArray ? 1 : 0],
          typeModifier: -1,
        })),
      },
      ...rows,
    ]);
  });

const transaction = fc
  .tuple(fc.nat(), fc.array(table, { maxLength: 4 }), fc.boolean())
  .map(([xid, tables, whole]): WireMessage[] => [
    ...(whole ? [{ kind: "begin", finalLsn: 256n, commitTime: 9n, xid } as const] : []),
    ...tables.flat(),
    { kind: "type", oid: 77_777, schema: "", name: xid % 2 === 0 ? "int4" : "json", xid: null },
    // Rows once more, of tables that were announced above.
    ...tables.flat().filter((each) => each.kind === "insert"),
    ...(whole ? [{ kind: "commit", commitLsn: 256n, endLsn: 304n, commitTime: 9n } as const] : []),
  ]);

const capture = fc.oneof(
  { weight: 5, arbitrary: fc.array(transaction, { minLength: 1, maxLength: 4 }) },
  session.map((all) => [all]),
);

describe("rows by the kernel are those of JavaScript", () => {
  for (const format of FORMATS) {
    it(format, () => {
      let [byKernel, all] = [0, 0];
      fc.assert(
        fc.property(capture, fc.integer(), fc.boolean(), (transactions, seed, keepGoing) => {
          const random = seeded(seed);
          const sound = encodeCapture(format, transactions.flat().map(encodeMessage));
          const bytes = random() < 0.7 ? sound : damage(sound, random);
          const options = { keepGoing, values: random() < 0.9 ? "json" : "text" } as const;
          const chunks = [...cut(bytes, random() < 0.5 ? "whole" : random)];
          const expected = print(format, chunks, { ...options, kernel: false });
          const printed = print(format, chunks, { ...options, kernel: true });
          assert.equal(printed.output, expected.output);
          assert.deepEqual(printed.faults, expected.faults);
          all += expected.rowMessages;
          byKernel += expected.rowMessages - printed.rowMessages;
        }),
        { numRuns: Number(process.env["KERNEL_RUNS"] ?? 60), seed: 20_261_129 },
      );
      // The others are a table's first, or hold what only JavaScript prints.
      assert.ok(byKernel > all / 4, `${byKernel} of ${all} rows`);
    });
  }
});
