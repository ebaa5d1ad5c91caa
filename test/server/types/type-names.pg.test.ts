/** Every type's name, as format_type of a real server prints it. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BUILTIN_TYPES, BUILTIN_VECTORS } from "../../../src/postgres/types/table.ts";
import { TypeRegistry } from "../../../src/postgres/messages/type-registry.ts";
import { formatType } from "../../../src/render/values/type-names.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

const INTERVAL_FIELDS = [
  "year",
  "month",
  "day",
  "hour",
  "minute",
  "second",
  "second(2)",
  "year to month",
  "day to hour",
  "day to minute",
  "day to second",
  "day to second(0)",
  "hour to minute",
  "hour to second(6)",
  "minute to second",
];

/** What a column may be declared with. */
const DECLARED = [
  "varchar(1)",
  "varchar(10485760)",
  "char",
  "char(7)",
  "bpchar",
  "bit",
  "bit(83886080)",
  "varbit(1)",
  "numeric(1)",
  "numeric(1000,1000)",
  "numeric(1000,-1000)",
  "numeric(38,10)",
  ...[0, 3, 6].flatMap((digits) =>
    ["time", "timetz", "timestamp", "timestamptz", "interval"].map((name) => `${name}(${digits})`),
  ),
  ...INTERVAL_FIELDS.map((fields) => `interval ${fields}`),
].flatMap((type) => [type, `${type}[]`]);

describe("formatType", () => {
  let server: TestServer;
  const types = new TypeRegistry();
  const nameOf = (oid: number, modifier: number): string | undefined =>
    formatType(oid, modifier, types, () => undefined);

  before(async () => {
    server = await startServer({ version: 18 });
  });
  after(() => server.dispose());

  it("calls every built-in type as the server does", async () => {
    const oids = [...BUILTIN_TYPES, ...BUILTIN_VECTORS].flatMap(({ array, oid }) => [oid, array]);
    const rows = await server.sql<{ oid: number; name: string }>(
      `SELECT oid::int, format_type(oid, -1) AS name FROM pg_type WHERE oid IN (${oids.join(",")})`,
    );
    assert.ok(rows.length > 100);
    const ours = rows.map(({ oid }) => ({ oid, name: nameOf(oid, -1) }));
    assert.deepEqual(
      ours,
      rows.map(({ oid, name }) => ({ oid, name })),
    );
  });

  it("prints every modifier as the server does", async () => {
    const columns = DECLARED.map((type, index) => `c${index} ${type}`);
    await server.sql(`CREATE TABLE modified (${columns.join(", ")})`);
    const rows = await server.sql<{ oid: number; modifier: number; name: string }>(
      `SELECT atttypid::int AS oid, atttypmod AS modifier, format_type(atttypid, atttypmod) AS name
       FROM pg_attribute WHERE attrelid = 'modified'::regclass AND attnum > 0 ORDER BY attnum`,
    );
    for (const { oid, modifier, name } of rows) assert.equal(nameOf(oid, modifier), name);
  });
});
