import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { walctl } from "../../support/program/cli.ts";
import {
  daysOfDate,
  isoInterval,
  microsOfTimestamp,
  zonedTime,
  zonedTimestamp,
} from "../../../src/render/formats/debezium-times.ts";
import { TypeRegistry } from "../../../src/postgres/messages/type-registry.ts";
import { ByteWriter } from "../../../src/render/bytes/byte-writer.ts";
import { debeziumEncoder } from "../../../src/render/formats/debezium-values.ts";
import { matchGolden } from "../../support/golden/golden.ts";

const CAPTURE = fixturePath("wal2json/pg17.walctl");

function fixturePath(name: string): string {
  return fileURLToPath(new URL(`../../../../fixtures/${name}`, import.meta.url));
}

interface ChangeEvent {
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
  readonly op: string;
  readonly ts_ms: number;
  readonly source: Readonly<Record<string, unknown>>;
}

async function decode(path: string): Promise<string> {
  const { stdout, stderr, status } = await walctl(["decode-file", path, "-F", "debezium"]);
  assert.equal(status, 0, stderr);
  return stdout;
}

async function eventsOf(path: string, table: string): Promise<readonly ChangeEvent[]> {
  const lines = (await decode(path)).trimEnd().split("\n");
  const events = lines.map((line) => JSON.parse(line) as ChangeEvent);
  return events.filter(({ source }) => source["table"] === table);
}

/** When it ran and which walctl it was is not the golden's affair. */
function steady(events: string): string {
  return events
    .replace(/"version":"[^"]*"/g, '"version":"0.0.0"')
    .replace(
      /("op":"[a-z]","ts_ms":)\d+,"ts_us":\d+,"ts_ns":\d+/g,
      '$11,"ts_us":1000,"ts_ns":1000000',
    )
    .replace(
      /"ts_ms":\d+,"ts_us":\d+,"ts_ns":\d+(?=[^\n]*"txId":null)/g,
      '"ts_ms":1,"ts_us":1000,"ts_ns":1000000',
    );
}

describe("--format debezium", () => {
  it("prints a change event for each row, truncated table and message", async () => {
    matchGolden("fixtures/debezium/pg17.ndjson", steady(await decode(CAPTURE)));
  });

  it("tells its version and when the event was made", async () => {
    const manifest: unknown = JSON.parse(
      readFileSync(new URL("../../../../package.json", import.meta.url), "utf8"),
    );
    const start = Date.now();
    const [event] = await eventsOf(CAPTURE, "numbers");
    assert.equal(event?.source["version"], (manifest as { version: string }).version);
    assert.ok(event.ts_ms >= start - 1 && event.ts_ms <= Date.now());
  });

  it("makes two events of an update of the key, under the old one and under the new", async () => {
    const events = await eventsOf(CAPTURE, "two_keys");
    const told = events.map(({ op, before, after }) => [op, before, after?.["a"] ?? null]);
    assert.deepEqual(told.slice(0, 4), [
      ["c", null, 1],
      ["u", null, 1],
      ["d", { a: 1, b: "b" }, null],
      ["c", null, 2],
    ]);
  });

  it("names a value that was not sent, unless the old row has it", async () => {
    const events = await eventsOf(CAPTURE, "toast");
    const kept = events.map(({ after }) => after?.["kept"]);
    const long = "x".repeat(2500);
    const unavailable = "__debezium_unavailable_value";
    assert.deepEqual(kept, [long, unavailable, unavailable, long, undefined]);
  });

  it("refuses transactions that may still be rolled back", async () => {
    const path = fixturePath("captures/pg18-stream-abort-p2.recvlogical");
    const { status, stderr } = await walctl(["decode-file", path, "-F", "debezium"]);
    assert.equal(status, 1);
    assert.match(stderr, /error: debezium has no form for streamed transactions/);
  });
});

describe("times as Debezium has them", () => {
  const DATES: ReadonlyArray<readonly [text: string, days: number | undefined]> = [
    ["1970-01-01", 0],
    ["1969-12-31", -1],
    ["2000-03-01", 11_017],
    ["0001-01-01", -719_162],
    ["0001-12-31 BC", -719_163],
    ["4713-01-01 BC", -2_440_550],
    ["5874897-12-31", 2_145_042_905],
    ["infinity", undefined],
  ];
  for (const [text, days] of DATES) {
    it(`${text} is the day ${days}`, () => assert.equal(daysOfDate(text), days));
  }

  it("timestamps are microseconds, before 1970 too", () => {
    assert.equal(microsOfTimestamp("1969-12-31 23:59:59.9"), -100_000n);
    assert.equal(microsOfTimestamp("294276-12-31 23:59:59.999999"), 9_224_318_015_999_999_999n);
  });

  const ZONED: ReadonlyArray<readonly [text: string, utc: string | undefined]> = [
    ["2026-11-24 10:57:43.120+05:30", "2026-11-24T05:27:43.120000Z"],
    ["2026-12-31 23:30:00-01", "2027-01-01T00:30:00.000000Z"],
    ["1969-12-31 23:59:59.5+00", "1969-12-31T23:59:59.500000Z"],
    ["0001-01-01 00:00:00+01", "0000-12-31T23:00:00.000000Z"],
    ["0044-03-15 12:00:00+00 BC", "-0043-03-15T12:00:00.000000Z"],
    ["21016-11-04 13:51:30+07", "+21016-11-04T06:51:30.000000Z"],
    ["infinity", undefined],
    ["2026-02-30 00:00:00+00", undefined],
    ["2026-11-24 10:60:43+00", undefined],
    ["2026-11-24 10:57:43+99", undefined],
    ["2026-11-24 10:57:43", undefined],
  ];
  for (const [text, utc] of ZONED) {
    it(`${text} is ${utc}`, () => assert.equal(zonedTimestamp(text, 6), utc));
  }

  it("timestamps with a zone have as many digits as the column keeps", () => {
    assert.equal(zonedTimestamp("2026-11-24 10:57:43.12+00", 3), "2026-11-24T10:57:43.120Z");
    assert.equal(zonedTimestamp("2026-11-24 10:57:43+00", 0), "2026-11-24T10:57:43Z");
  });

  it("times of day with a zone go round midnight", () => {
    assert.equal(zonedTime("00:30:00.25+01"), "23:30:00.25Z");
    assert.equal(zonedTime("23:30:00-01:00:30"), "00:30:30Z");
    assert.equal(zonedTime("24:00:00+00"), "24:00:00Z");
    assert.equal(zonedTime("24:00:00-01"), "01:00:00Z");
  });

  const INTERVALS: ReadonlyArray<readonly [text: string, iso: string | undefined]> = [
    ["1 year 2 mons 3 days 04:05:06.78", "P1Y2M3DT4H5M6.78S"],
    ["-1 years -2 mons +3 days -04:05:06.78", "P-1Y-2M3DT-4H-5M-6.78S"],
    ["00:00:00", "P0Y0M0DT0H0M0S"],
    ["-00:00:00.001", "P0Y0M0DT0H0M-0.001S"],
    ["infinity", undefined],
    ["about 1 day", undefined],
    ["1 day or so", undefined],
    ["1 day ", undefined],
    ["", undefined],
  ];
  for (const [text, iso] of INTERVALS) {
    it(`the interval ${text} is ${iso}`, () => assert.equal(isoInterval(text), iso));
  }
});

describe("values as the connector prints them", () => {
  const types = new TypeRegistry();
  const HSTORE = 70_000;
  types.catalogue([], [{ oid: HSTORE, name: "hstore", shape: { kind: "hstore" } }]);
  const VALUES: ReadonlyArray<
    readonly [oid: number, modifier: number, text: string, json: string]
  > = [
    [1184, -1, "2026-11-24 12:00:00+00", '"2026-11-24T12:00:00.000000Z"'],
    [1184, 3, "2026-11-24 12:00:00.5+00", '"2026-11-24T12:00:00.500Z"'],
    [1185, -1, '{"2026-11-24 12:00:00+00"}', '["2026-11-24T12:00:00.000000Z"]'],
    [1266, -1, "24:00:00+00", '"24:00:00Z"'],
    [1700, -1, "NaN", '"NAN"'],
    [1700, -1, "Infinity", '"POSITIVE_INFINITY"'],
    [1700, -1, "-Infinity", '"NEGATIVE_INFINITY"'],
    [1231, -1, "{1.50,NaN}", '["1.50","NAN"]'],
    [790, -1, "$1,234.11", '"1234.11"'],
    [790, -1, "-$1,234,567.00", '"-1234567.00"'],
    [790, -1, "(£0.50)", '"-0.50"'],
    [790, -1, "1.234,11 €", '"1.234,11 €"'],
    [790, -1, "€1.234,11", '"€1.234,11"'],
    [790, -1, "$1,23.00", '"$1,23.00"'],
    [1562, 1, "1", "true"],
    [1562, 1, "0", "false"],
    [1562, -1, "000000101", '"BQ=="'],
    [1562, -1, "000", '""'],
    [1560, 9, "100000000", '"AAE="'],
    [1560, 1, "x", '"x"'],
    [26, -1, "4294967295", "4294967295"],
    [26, -1, "12x", '"12x"'],
    [1082, -1, "2026-13-01", '"2026-13-01"'],
    [HSTORE, -1, '"k"=>"v", "n"=>NULL', JSON.stringify('{"k":"v","n":null}')],
    [HSTORE, -1, '"k"=>"v", "k"=>"w"', JSON.stringify('"k"=>"v", "k"=>"w"')],
    [HSTORE, -1, '"k"=>"v"x', JSON.stringify('"k"=>"v"x')],
  ];
  for (const [oid, modifier, text, json] of VALUES) {
    it(`${types.nameOf(oid)} ${text}`, () => {
      const out = new ByteWriter();
      const bytes = Buffer.from(text);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      debeziumEncoder(oid, modifier, types)(out, bytes, view, 0, bytes.length);
      assert.equal(Buffer.from(out.take()).toString(), json);
    });
  }
});
