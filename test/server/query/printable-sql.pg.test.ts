/** SQL that is printed to be pasted means what the SQL means that walctl runs. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { printableSql, quoteIdentifier, quoteLiteral } from "../../../src/server/query/sql.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

describe("printableSql", () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ version: 18 });
  });
  after(() => server.dispose());

  const text = fc.string({
    unit: fc.constantFrom(
      ...Array.from("\n\r\t\x1b\x7f\u202e\u{e0041}\ufe0f'\"\\$-/*eE ab1ö\u0301"),
    ),
    minLength: 1,
    maxLength: 12,
  });

  test("The server reads the same names and values in it, and a terminal gets no control character.", async () => {
    const all = fc.sample(fc.tuple(text, text), 300);
    const dollars = all
      .filter(([value]) => !value.includes("$"))
      .map(([value]) => `$q$${value}$q$`);
    const literals = [...all.map(([value]) => quoteLiteral(value)), ...dollars];
    for (const literal of literals) {
      const [row] = await server.sql(`SELECT ${literal} = ${printableSql(literal)} AS same`);
      assert.equal(row?.["same"], true, printableSql(literal));
    }
    for (const [value, name] of all) {
      const sql = `SELECT ${quoteLiteral(value)} -- \t\n AS ${quoteIdentifier(name)} /* \x1b' */`;
      const printed = printableSql(sql);
      assert.deepEqual(await server.sql(printed), [{ [name]: value }], printed);
      // oxlint-disable-next-line no-control-regex
      assert.match(printed, /^[^\0-\x09\x0b-\x1f\x7f\u202e\u{e0041}]*$/u);
    }
  });
});
