/** Binary values as real servers send them are printed as their text is. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PgoutputDecoder } from "../../src/postgres/messages/decoder.ts";
import { TypeRegistry } from "../../src/postgres/messages/type-registry.ts";
import { binaryToText } from "../../src/render/values/binary-to-text.ts";
import { formatFloat4, formatFloat8 } from "../../src/postgres/types/floats.ts";
import { NdjsonRenderer } from "../../src/render/ndjson/ndjson.ts";
import type { Renderer } from "../../src/render/renderer.ts";
import { TableRenderer } from "../../src/render/table/table.ts";
import { WHOLE_VIEW } from "../../src/render/table/view.ts";
import type { ValueOptions } from "../../src/render/values/values.ts";
import { resolveTarget } from "../../src/server/target/resolve.ts";
import { NO_HORIZON } from "../../src/server/start/horizon.ts";
import { TypeCatalogue } from "../../src/server/types/catalogue.ts";
import { NASTY_VALUES } from "../support/golden/nasty-values.ts";
import {
  oddFloat4s,
  oddFloat8s,
  randomFloats,
  randomNumeric,
} from "../support/tools/random-numbers.ts";
import { seededRandom } from "../support/tools/random.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { newestOrBoth } from "../matrix/support/versions.ts";

/** As the replication session pins them. */
const SETTINGS = `SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC';
  SET extra_float_digits = 3; SET bytea_output = 'hex'; SET lc_monetary = 'C'`;
const RANDOM_VALUES = 10_000;

const DATE = 1082;
const INTERVAL = 1186;
const NUMERIC = 1700;

/** Of types that the test makes. */
const CATALOGUED_VALUES = [
  "1.5::positive",
  `'{a,"b c"}'::names`,
  "ARRAY[1.5, NULL, 2]::positive[]",
  String.raw`ROW(1, 2.50, '{a,"b\"c"}', NULL)::inner_row`,
  "ROW(NULL, NULL, '{}', NULL)::inner_row",
  String.raw`ROW(ROW(NULL, 1, '{" (\ "}', NULL), 'a"=>NULL, "c\"d"=>"é\\", ""=>""', now())::outer_row`,
  "ROW(NULL, '', NULL)::outer_row",
  "ARRAY[ROW(1, 2, '{x}', NULL), ROW(2, 3, NULL, NULL), NULL]::inner_row[]",
  `'"a"=>"1", b=>NULL'::hstore`,
  "''::hstore",
  "ARRAY['a=>1', NULL]::hstore[]",
];

const types = new TypeRegistry();

interface Sample {
  readonly oid: number;
  /** The binary form, in hexadecimal digits. */
  readonly wire: string;
  readonly text: string;
}

for (const version of newestOrBoth()) {
  describe(`binary values of PostgreSQL ${version}`, () => {
    let server: TestServer;

    before(async () => {
      server = await startServer({ version, settings: { wal_level: "logical" } });
      await server.sql(SETTINGS);
    });
    after(async () => {
      await server.dispose();
    });

    for (const [type, literals] of Object.entries(NASTY_VALUES)) {
      test(type, async (t) => {
        const send = await sendCall(server, type);
        if (type.startsWith("xml") && !(await hasXml(server))) return t.skip("no libxml");
        const values = literals.map((literal) => `(${quote(literal)}::${type})`).join(", ");
        const samples = await server.sql<Sample>(
          `SELECT pg_typeof(v)::oid::int8::int AS oid, encode(${send}, 'hex') AS wire, format('%s', v) AS text
           FROM (VALUES ${values}) AS samples (v)`,
        );
        assert.equal(samples.length, literals.length);
        for (const { oid, wire, text } of samples) assert.equal(textOf(oid, wire), text);
      });
    }

    if (version >= 17) {
      test("infinite intervals", async () => {
        for (const text of ["infinity", "-infinity"]) {
          const [row] = await server.sql<Sample>(
            `SELECT encode(interval_send('${text}'), 'hex') AS wire`,
          );
          assert.equal(textOf(INTERVAL, row!.wire), text);
        }
      });
    }

    test("floats of any bits", async () => {
      const random = seededRandom(version);
      const float8s = [...oddFloat8s(), ...randomFloats(random, 8, RANDOM_VALUES)];
      const float4s = [...oddFloat4s(), ...randomFloats(random, 4, RANDOM_VALUES)];
      await compareFloats(server, "float8", float8s, formatFloat8);
      await compareFloats(server, "float4", float4s, formatFloat4);
    });

    test("numerics of any digits", async () => {
      const random = seededRandom(version + 100);
      const values = Array.from({ length: RANDOM_VALUES }, () => randomNumeric(random));
      const samples = await server.sql<Sample>(
        `SELECT encode(numeric_send(v), 'hex') AS wire, v::text AS text
         FROM unnest('{${values.join(",")}}'::numeric[]) AS v`,
      );
      for (const { wire, text } of samples) assert.equal(textOf(NUMERIC, wire), text);
    });

    test("days and moments of all times", async () => {
      const samples = await server.sql<Sample>(
        `SELECT encode(date_send(d), 'hex') AS wire, d::text AS text
         FROM generate_series(-2451545, 2145031948, 214751) AS n, LATERAL (SELECT date '2000-01-01' + n) AS s (d)
         UNION ALL
         SELECT encode(date_send(d), 'hex'), d::text
         FROM generate_series(-800000, 800000, 97) AS n, LATERAL (SELECT date '2000-01-01' + n) AS s (d)`,
      );
      for (const { wire, text } of samples) assert.equal(textOf(DATE, wire), text);
    });

    test("domains, composites, hstore and arrays of them, as the catalogue tells", async () => {
      await server.sql(`CREATE EXTENSION hstore; CREATE DOMAIN positive AS numeric(9,2) CHECK (VALUE > 0);
        CREATE DOMAIN names AS text[]; CREATE TYPE mood AS ENUM ('sad', 'Très "happy"');
        CREATE TYPE inner_row AS (a int, "b c" positive, dropped int, d text[], m mood);
        ALTER TYPE inner_row DROP ATTRIBUTE dropped;
        CREATE TYPE outer_row AS (i inner_row, h hstore, t timestamptz)`);
      const registry = await catalogue(server);
      for (const value of CATALOGUED_VALUES) {
        const [type] = await server.sql<{ name: string }>(
          `SELECT pg_typeof(${value})::text AS name`,
        );
        const call = (await sendCall(server, type!.name)).replace(/\(v.*/, `(${value})`);
        const [sample] = await server.sql<Sample>(
          `SELECT pg_typeof(${value})::oid::int8::int AS oid, encode(${call}, 'hex') AS wire, format('%s', ${value}) AS text`,
        );
        assert.equal(textOf(sample!.oid, sample!.wire, registry), sample!.text, value);
      }
      // An enum's label is text in both forms.
      const [row] = await server.sql<Sample>(
        `SELECT 'inner_row'::regtype::oid::int8::int AS oid,
           encode(record_send(ROW(1, 2, '{}', 'sad')::inner_row), 'hex') AS wire`,
      );
      assert.equal(textOf(row!.oid, row!.wire, registry), "(1,2.00,{},sad)");
    });

    test("a row that was sent in binary gives the line that it gives as text", async () => {
      const columns = Object.keys(NASTY_VALUES).filter((type) => !type.startsWith("xml"));
      await server.sql(
        `CREATE TABLE nasty (${columns.map((type, c) => `c${c} ${type}`).join(", ")})`,
      );
      await server.sql("CREATE PUBLICATION nasty FOR TABLE nasty");
      await server.sql("SELECT pg_create_logical_replication_slot('nasty', 'pgoutput')");
      const rows = Math.max(...columns.map((type) => NASTY_VALUES[type]!.length));
      for (let row = 0; row < rows; row++) {
        const values = columns.map((type) => {
          const literal = NASTY_VALUES[type]![row];
          return literal === undefined ? "NULL" : quote(literal);
        });
        await server.sql(`INSERT INTO nasty VALUES (${values.join(", ")})`);
      }
      const [binary, text] = [await messages(server, true), await messages(server, false)];
      assert.notDeepEqual(binary, text);
      for (const options of [
        { values: "json", safeNumbers: false },
        { values: "json", safeNumbers: true },
        { values: "text", safeNumbers: false },
      ] as const) {
        const lines = ndjson(binary, options);
        assert.ok(!lines.includes("base64"));
        assert.equal(lines, ndjson(text, options));
      }
      assert.equal(tables(binary), tables(text));
    });
  });
}

/** What walctl asks the catalogue for, of all types that are not built in. */
async function catalogue(server: TestServer): Promise<TypeRegistry> {
  const oids = await server.sql<{ oid: string }>(
    "SELECT oid::int8::text FROM pg_type WHERE oid >= 16384",
  );
  const asked = oids.map(({ oid }) => Number(oid));
  const registry = new TypeRegistry();
  const asking = new TypeCatalogue(resolveTarget({}, server.env));
  registry.catalogue(asked, (await asking.lookUp(asked, "", NO_HORIZON)).types);
  asking.close();
  return registry;
}

function textOf(oid: number, wire: string, registry = types): string {
  // Somewhere inside of a chunk, as in life.
  const chunk = Buffer.from(`ffff${wire}ffff`, "hex");
  const text = binaryToText(oid, registry)(chunk.subarray(2, -2));
  return text === undefined ? "(undefined)" : Buffer.from(text).toString("utf8");
}

function quote(literal: string): string {
  return `'${literal.replaceAll("'", "''")}'`;
}

/** The type's send function, called on `v`. */
async function sendCall(server: TestServer, type: string): Promise<string> {
  const [row] = await server.sql<{ send: string }>(
    `SELECT typsend::text AS send FROM pg_type WHERE oid = ${quote(type)}::regtype`,
  );
  // There is no cast that would happen by itself.
  return type === "refcursor" ? `${row!.send}(v::text)` : `${row!.send}(v)`;
}

async function hasXml(server: TestServer): Promise<boolean> {
  return await server.sql("SELECT xml '<a/>'").then(
    () => true,
    () => false,
  );
}

async function compareFloats(
  server: TestServer,
  type: "float4" | "float8",
  values: readonly number[],
  format: (value: number) => string,
): Promise<void> {
  const samples = await server.sql<{ text: string }>(
    `SELECT v::text AS text FROM unnest('{${values.join(",")}}'::${type}[]) AS v`,
  );
  assert.equal(samples.length, values.length);
  for (const [index, value] of values.entries()) assert.equal(format(value), samples[index]!.text);
}

async function messages(server: TestServer, binary: boolean): Promise<readonly Buffer[]> {
  const rows = await server.sql<{ data: Buffer }>(
    `SELECT data FROM pg_logical_slot_peek_binary_changes('nasty', NULL, NULL,
       'proto_version', '1', 'publication_names', 'nasty', 'binary', '${binary}')`,
  );
  return rows.map(({ data }) => data);
}

function ndjson(payloads: readonly Buffer[], options: ValueOptions): string {
  return rendered(payloads, new NdjsonRenderer({ ...options, types: new TypeRegistry() }));
}

function tables(payloads: readonly Buffer[]): string {
  return rendered(
    payloads,
    new TableRenderer({
      width: () => 200,
      look: { color: false },
      view: WHOLE_VIEW,
      types: new TypeRegistry(),
    }),
  );
}

function rendered(payloads: readonly Buffer[], renderer: Renderer): string {
  const decoder = new PgoutputDecoder();
  let text = "";
  for (const payload of payloads) {
    renderer.render(decoder.decode(payload));
    text += Buffer.from(renderer.take()).toString("utf8");
  }
  return text;
}
