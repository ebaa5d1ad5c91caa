/** Values of the contrib modules' types, read from pages, are those of row_to_json. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { newestOrNamed } from "../../matrix/support/versions.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { seededRandom } from "../../support/tools/random.ts";
import { oddFloat4s, randomFloats } from "../../support/tools/random-numbers.ts";
import { typesOf } from "../stored/support/server-types.ts";
import { rowsOnPages } from "../stored/support/table-rows.ts";

const EXTENSIONS = ["citext", "cube", "hstore", "intarray", "ltree", "seg"];
const COUNT = 400;

const random = seededRandom(24);
const below = (limit: number): number => Math.floor(random() * limit);
const pick = <T>(some: readonly T[]): T => some[below(some.length)]!;
const many = <T>(least: number, most: number, one: () => T): readonly T[] =>
  Array.from({ length: least + below(most - least + 1) }, one);
const label = (): string => many(1, 20, () => pick(Array.from("abzAZ019_"))).join("");
const marks = (): string => pick(["", "", "%", "@", "*", "%@*"]);

function lqueryLevel(): string {
  const count = pick(["", "", "{2}", "{,5}", "{3,}", "{0,9}", "{,}", "{0}"]);
  if (random() < 0.3) return `*${count}`;
  return `${pick(["", "!"])}${many(1, 3, () => label() + marks()).join("|")}${count}`;
}

function boolean(operand: () => string, depth = 0): string {
  if (depth > 5 || random() < 0.25) return operand();
  const one = boolean(operand, depth + 1);
  if (random() < 0.25) return `!(${one})`;
  const both = `${one} ${pick(["&", "|"])} ${boolean(operand, depth + 1)}`;
  return random() < 0.6 ? `(${both})` : both;
}

const FLOATS = [...oddFloat4s(), ...randomFloats(random, 4, 500)].filter((each) => each !== 0);
const float = (): string => String(random() < 0.5 ? pick(FLOATS) : below(2_000_000) / 1000);

/** Of a seg's bounds: the digits count. */
function segNumber(): string {
  const digits = many(1, 9, () => below(10)).join("");
  const at = below(digits.length + 1);
  const plain =
    at === 0 || at === digits.length ? digits : `${digits.slice(0, at)}.${digits.slice(at)}`;
  return `${pick(["", "-"])}${plain}${pick(["", "", `e${below(60) - 30}`])}`;
}

function segValue(): string {
  const mark = pick(["", "<", ">"]);
  const [one, other] = [segNumber(), segNumber()];
  const [low, high] = Number(one) <= Number(other) ? [one, other] : [other, one];
  return pick([
    `${pick([mark, "~"])}${one}`,
    `${mark}${low} .. ${pick(["", "<", ">"])}${high}`,
    `.. ${mark}${high}`,
    `${mark}${low} ..`,
  ]);
}

const corner = (dimensions: number): string => `(${many(dimensions, dimensions, float).join(",")})`;

const VALUES: Readonly<Record<string, () => string>> = {
  ltree: () => many(0, 12, label).join("."),
  lquery: () => many(1, 8, lqueryLevel).join("."),
  ltxtquery: () => boolean(() => label() + marks()),
  query_int: () => boolean(() => String(below(2 ** 32) - 2 ** 31)),
  cube: () => {
    const dimensions = below(5);
    const one = corner(dimensions);
    return pick([one, `${one},${corner(dimensions)}`, `${one},${one}`]);
  },
  seg: segValue,
  citext: () => label(),
  hstore: () => many(0, 5, () => `"${label()}"=>${pick(["NULL", `"${label()}"`])}`).join(","),
};

for (const version of newestOrNamed()) {
  describe(`a contrib module's type of PostgreSQL ${version}`, () => {
    let server: TestServer;
    before(async () => {
      server = await startServer({ version, settings: { autovacuum: "off" } });
      for (const each of EXTENSIONS) await server.sql(`CREATE EXTENSION ${each}`);
    });
    after(async () => await server.dispose());

    /** Each row as it is printed, and as the server prints it. */
    async function bothOf(table: string): Promise<readonly (readonly [string, string])[]> {
      await server.sql("CHECKPOINT");
      const types = await typesOf(server);
      await server.sql("RESET search_path");
      const options = { values: "json", safeNumbers: false } as const;
      const rows = await rowsOnPages(server, table, types, [options]);
      const printed = await server.sql<{ json: string }>(
        `SELECT row_to_json(t)::text AS json FROM ${table} t ORDER BY ctid`,
      );
      const same = (json: string): string => JSON.stringify(JSON.parse(json));
      return rows.map(([row], index) => [same(row ?? ""), same(printed[index]?.json ?? "")]);
    }

    for (const [type, valueOf] of Object.entries(VALUES)) {
      it(`is printed as the server prints it: ${type}`, async () => {
        const values = Array.from({ length: COUNT }, () => `('${valueOf()}'::${type})`);
        await server.sql(
          `CREATE TABLE t_${type} AS SELECT v, ARRAY[v, NULL, v] AS a FROM (VALUES ${values.join(", ")}) value(v)`,
        );
        const both = await bothOf(`t_${type}`);
        assert.equal(both.length, COUNT);
        for (const [own, expected] of both) assert.equal(own, expected);
      });
    }

    it("is not taken for the module's where it only has its name", async () => {
      await server.sql("CREATE SCHEMA own; SET check_function_bodies = off");
      const names = Object.keys(VALUES);
      for (const name of names) {
        await server.sql(
          `CREATE TYPE own.${name};
           CREATE FUNCTION own.${name}_in(cstring) RETURNS own.${name} AS 'textin' LANGUAGE internal IMMUTABLE STRICT;
           CREATE FUNCTION own.${name}_out(own.${name}) RETURNS cstring AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
           CREATE TYPE own.${name} (INPUT = own.${name}_in, OUTPUT = own.${name}_out)`,
        );
      }
      const columns = names.map((name) => `own_${name} own.${name}`);
      await server.sql(`CREATE TABLE own.t (${columns.join(", ")})`);
      const text = "\\x01 looks like one";
      await server.sql(`INSERT INTO own.t VALUES (${names.map(() => `'${text}'`).join(", ")})`);
      const [[row] = []] = await bothOf("own.t");
      const bytes = { disk_base64: Buffer.from(text).toString("base64") };
      assert.deepEqual(
        JSON.parse(row ?? ""),
        Object.fromEntries(names.map((name) => [`own_${name}`, bytes])),
      );
    });
  });
}
