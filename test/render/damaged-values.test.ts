import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PgoutputDecoder } from "../../src/postgres/messages/decoder.ts";
import { TypeRegistry } from "../../src/postgres/messages/type-registry.ts";
import { NdjsonRenderer } from "../../src/render/ndjson/ndjson.ts";
import type { ValueOptions } from "../../src/render/values/values.ts";
import { type Exact, parseExact } from "../matrix/support/exact-json.ts";
import { damage, pick } from "../support/wire/damage.ts";
import { LineSchema } from "../support/program/line-schema.ts";
import { encodeMessage, type WireValue } from "../support/wire/pgoutput-encoder.ts";
import { seededRandom } from "../support/tools/random.ts";
import { assertSaid } from "../support/program/said.ts";
import { OWN_TYPES, SAMPLES } from "../support/golden/typed-samples.ts";

/** WALCTL_TEST_FUZZ=N: as many times more rows. A failure names its seed. */
const ROWS = 3000 * Number(process.env["WALCTL_TEST_FUZZ"] ?? 1);

const types = new TypeRegistry();
types.catalogue([], OWN_TYPES);
const lines = new LineSchema();

/** Of a row: its columns' types, what was sent of them, and the line. */
function rowOf(random: () => number, options: ValueOptions) {
  const width = 1 + Math.floor(random() * 4);
  const chosen = Array.from({ length: width }, () => pick(random, SAMPLES));
  const values = chosen.map(({ values: texts }): WireValue => {
    const text = Buffer.from(pick(random, texts));
    if (random() < 0.05) return { kind: random() < 0.5 ? "null" : "unchanged" };
    return {
      kind: random() < 0.15 ? "binary" : "text",
      bytes: random() < 0.9 ? damage(text, random) : text,
    };
  });
  const columns = chosen.map(({ oid }, index) => ({
    name: `c${index}`,
    key: index === 0,
    typeOid: oid,
    typeModifier: -1,
  }));
  const relation = {
    kind: "relation",
    oid: 1,
    schema: "s",
    table: "t",
    replicaIdentity: "default",
    columns,
    xid: null,
  } as const;
  const decoder = new PgoutputDecoder();
  const renderer = new NdjsonRenderer({ types, ...options });
  decoder.decode(encodeMessage(relation));
  renderer.render(
    decoder.decode(encodeMessage({ kind: "insert", oid: 1, new: values, xid: null })),
  );
  return { columns, values, line: Buffer.from(renderer.take()) };
}

function memberOf(value: Exact | undefined, key: string): Exact | undefined {
  return value?.kind === "object" ? value.members.find(([name]) => name === key)?.[1] : undefined;
}

function assertRow(seed: number, options: ValueOptions): void {
  const { columns, values, line } = rowOf(seededRandom(seed), options);
  const text = line.toString();
  assert.ok(Buffer.compare(Buffer.from(text), line) === 0, "not UTF-8");
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(text.slice(0, -1), /[\u0000-\u001f\u007f-\u009f]/);
  lines.assertAll(text, `seed ${seed}`);
  const row = memberOf(parseExact(text), "new");
  const sent = values.flatMap(({ kind }, index) => (kind === "unchanged" ? [] : [`c${index}`]));
  assert.deepEqual(row?.kind === "object" ? row.members.map(([key]) => key) : [], sent);
  for (const [index, value] of values.entries()) {
    const printed = memberOf(row, `c${index}`);
    if (value.kind !== "text" || printed === undefined) continue;
    const oid = options.values === "text" ? 25 : columns[index]!.typeOid;
    assertSaid(printed, oid, Buffer.from(value.bytes), { types, safeNumbers: options.safeNumbers });
  }
}

describe("a damaged value is printed as one valid line that says what its bytes say", () => {
  for (const options of [
    { values: "json", safeNumbers: false },
    { values: "json", safeNumbers: true },
    { values: "text", safeNumbers: false },
  ] as const) {
    it(JSON.stringify(options), () => {
      const rows = options.values === "json" && !options.safeNumbers ? ROWS : ROWS / 3;
      for (let seed = 1; seed <= rows; seed++) {
        try {
          assertRow(seed, options);
        } catch (error) {
          const { line, values } = rowOf(seededRandom(seed), options);
          const sent = values.map((value) =>
            "bytes" in value ? Buffer.from(value.bytes).toString("latin1") : value.kind,
          );
          throw new Error(
            `seed ${seed}: ${JSON.stringify(sent)} became ${line.toString()}: ${String(error)}`,
            { cause: error },
          );
        }
      }
    });
  }
});
