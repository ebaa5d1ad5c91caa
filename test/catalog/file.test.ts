/** The catalogue file: what is written is read again, and nothing that is not one is believed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { attributeColumns } from "../../src/capture/data-dir/layouts.ts";
import {
  type CatalogFile,
  type CatalogHeader,
  FOLLOWED_CATALOGS,
  type PgAttribute,
} from "../../src/catalog/model.ts";
import { CATALOGS, COLUMNS } from "../../src/catalog/columns.ts";
import { readCatalog } from "../../src/catalog/read.ts";
import { endLine, headerLine, rowLine } from "../../src/catalog/write.ts";
import { WalctlError } from "../../src/errors.ts";

const ctid = { block: 3, item: 7 };

const HEADER: CatalogHeader = {
  format: 1,
  server_version_num: 180004,
  system_identifier: "18446744073709551615",
  timeline: 1,
  database: 'my "db"',
  database_oid: 5,
  tablespace: 1663,
  encoding: "UTF8",
  lc_monetary: "C",
  lsn: 2 ** 33 + 40,
  time: "2026-11-25T01:49:07.069234Z",
  snapshot: { xmin: 4294968066n, xmax: 4294968070n, xip: [4294968066n, 4294968068n] },
  running: { lsn: 2 ** 33, xids: [7, 8] },
  array_handler: 6179,
  filenodes: FOLLOWED_CATALOGS,
};

/** Columns of the followed tables, as far as a reader looks at them. */
function layouts(): readonly PgAttribute[] {
  const LENGTHS: Readonly<Record<string, number>> = {
    oid: 4,
    int2: 2,
    int4: 4,
    name: 64,
    label: 64,
    char: 1,
    bool: 1,
    int2s: -1,
    missing: -1,
    align: 1,
    length: 2,
  };
  return Object.entries(FOLLOWED_CATALOGS).flatMap(([catalog, attrelid]) =>
    Object.entries(COLUMNS[catalog as keyof typeof FOLLOWED_CATALOGS]).map(
      ([attname, kind], index): PgAttribute => ({
        ctid,
        attrelid,
        attname,
        atttypid: 26,
        attlen: LENGTHS[kind] ?? 0,
        attnum: index + 1,
        atttypmod: -1,
        attalign: "i",
        attisdropped: false,
        attgenerated: "",
        atthasmissing: true,
        attmissingval: "2026-01-01",
      }),
    ),
  );
}

const FILE: CatalogFile = {
  header: HEADER,
  rows: {
    pg_class: [
      {
        ctid,
        oid: 4294967295,
        relname: "naïve\n\u009b",
        relnamespace: 2200,
        relfilenode: 0,
        reltablespace: 0,
        relkind: "r",
        relreplident: "d",
        reltoastrelid: 0,
        relpersistence: "p",
        relrewrite: 0,
      },
    ],
    pg_attribute: layouts(),
    pg_type: [
      {
        ctid,
        oid: 1,
        typname: "t",
        typnamespace: 11,
        typlen: -2,
        typtype: "b",
        typcategory: "Z",
        typelem: 0,
        typdelim: ",",
        typrelid: 0,
        typbasetype: 0,
        typalign: "d",
        typsubscript: 0,
      },
    ],
    pg_namespace: [{ ctid, oid: 2200, nspname: "public" }],
    pg_index: [
      {
        ctid,
        indexrelid: 2,
        indrelid: 1,
        indkey: [-2, 0, 32767],
        indnkeyatts: 2,
        indisreplident: false,
        indisprimary: true,
        indimmediate: true,
        indisvalid: true,
      },
    ],
    pg_enum: [
      { ctid, oid: 9, enumlabel: "it's" },
      { ctid, oid: 10, enumlabel: "" },
    ],
    pg_range: [{ ctid, rngtypid: 3904, rngsubtype: 23, rngmultitypid: 4451 }],
    pg_replication_origin: [{ roident: 1, roname: "o" }],
    reg_names: [{ type: "regproc", oid: 1242, name: "boolin" }],
    extension_types: [{ oid: 1, extension: "ltree" }],
  },
};

function linesOf({ header, rows }: CatalogFile): string[] {
  const lines = CATALOGS.flatMap((catalog) => rows[catalog].map((row) => rowLine(catalog, row)));
  return [headerLine(header), ...lines, endLine(lines.length)].map((line) => JSON.stringify(line));
}

async function read(text: string | Uint8Array, piece = 1 << 20): Promise<CatalogFile> {
  const bytes = Buffer.from(text);
  // As openCapture() does: one buffer for all pieces.
  const buffer = new Uint8Array(piece);
  function* pieces(): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += piece) {
      const part = bytes.subarray(at, at + piece);
      buffer.set(part);
      yield buffer.subarray(0, part.length);
    }
  }
  return await readCatalog(pieces(), "x.catalog");
}

async function refusal(text: string | Uint8Array): Promise<string> {
  const error: unknown = await read(text).then(
    () => assert.fail("it was read"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof WalctlError, String(error));
  assert.equal(error.exitCode, 2);
  return error.message;
}

describe("a catalogue file", () => {
  const LINES = linesOf(FILE);
  const TEXT = `${LINES.join("\n")}\n`;

  it("is read as it was written, however it is cut into chunks", async () => {
    for (const piece of [1, 7, 1000, 1 << 20]) assert.deepEqual(await read(TEXT, piece), FILE);
    assert.deepEqual(await read(TEXT.trimEnd()), FILE);
    assert.deepEqual(await read(TEXT.replaceAll("\n", "\r\n")), FILE);
  });

  it("is the same with padded LSNs", async () => {
    const padded = TEXT.replace('"2/28"', '"2/00000028"').replace(
      '"lsn":"2/0"',
      '"lsn":"2/00000000"',
    );
    assert.equal(padded.length, TEXT.length + 13);
    assert.deepEqual(await read(padded), FILE);
  });

  it("has the head that WAL.md shows", () => {
    const head = LINES[0] ?? "";
    assert.match(head, /^\{"kind":"catalog","format":1,"server_version_num":180004,"system_id/);
    assert.match(head, /"lsn":"2\/28","snapshot":"4294968066:4294968070:4294968066,4294968068"/);
  });

  it("may have keys and lines that are not known", async () => {
    const more = [
      LINES[0]?.replace("{", '{"later":{"a":[1]},'),
      '{"kind":"remark","text":"x"}',
      ...LINES.slice(1, -1).map((line) => line.replace("{", '{"__proto__":1,"later":null,')),
      '{"kind":"catalog_row","catalog":"pg_later","x":1}',
      JSON.stringify(endLine(LINES.length - 1)),
    ];
    assert.deepEqual(await read(more.join("\n")), FILE);
  });

  const row = (change: string): string => TEXT.replace(/"oid":4294967295.*/, change);
  const BAD: ReadonlyArray<readonly [story: string, text: string | Uint8Array, message: RegExp]> = [
    ["nothing", "", /^"x\.catalog" is no catalogue file$/],
    ["a binary file", Buffer.from([0x18, 0xd1, 0x0a, 0xff]), /is no catalogue file/],
    ["another program's JSON", '{"kind":"begin","lsn":"0/1"}\n', /is no catalogue file/],
    ["a list", "[1]\n", /is no catalogue file/],
    ["a header that is not the first", LINES.toReversed().join("\n"), /is no catalogue file/],
    ["a newer format", TEXT.replace('"format":1', '"format":2'), /file of format 2: .* format 1/],
    ["a format of 0", TEXT.replace('"format":1', '"format":0'), /line 1: format is wrong/],
    ["another version", TEXT.replace("180004", "130022"), /is of PostgreSQL 13: .* 14 to 19/],
    ["a huge number", TEXT.replace("180004", "1e308"), /line 1: server_version_num is wrong/],
    [
      "an identifier of 65 bits",
      TEXT.replace("18446744073709551615", "18446744073709551616"),
      /line 1: system_identifier/,
    ],
    ["an LSN beyond 2⁵⁶", TEXT.replace("2/28", "1000000/0"), /line 1: lsn is 1000000\/0, above/],
    ["a snapshot of words", TEXT.replace(/"4294968066:[^"]*"/, '"x:y:"'), /line 1: snapshot/],
    ["a list of 33 bits", TEXT.replace("[7,8]", "[4294967296]"), /line 1: running is wrong/],
    ["a filenode of 0", TEXT.replace('"pg_class":1259', '"pg_class":0'), /line 1: filenodes/],
    ["an oid of 33 bits", TEXT.replace("4294967295", "4294967296"), /line 2: oid is not an oid/],
    ["an oid with a fraction", TEXT.replace("4294967295", "1.5"), /line 2: oid is not an oid/],
    ["a negative oid", TEXT.replace("4294967295", "-1"), /line 2: oid is not an oid/],
    ["an oid as text", TEXT.replace("4294967295", '"1"'), /line 2: oid is not an oid/],
    ["a missing key", TEXT.replace('"relname"', '"name"'), /line 2: relname is missing/],
    ["a name with a NUL", TEXT.replace("naïve", "a\\u0000b"), /line 2: relname is not a name/],
    ["an empty name", TEXT.replace(/"relname":"[^"]*"/, '"relname":""'), /line 2: relname/],
    [
      "two characters",
      TEXT.replace('"relkind":"r"', '"relkind":"rr"'),
      /line 2: relkind is not one/,
    ],
    [
      "a place that is none",
      TEXT.replace('"ctid":"(3,7)"', '"ctid":"(3,0)"'),
      /line 2: ctid is not/,
    ],
    ["no place", TEXT.replace('"ctid":"(3,7)",', ""), /line 2: ctid is missing/],
    [
      "a length below -2",
      TEXT.replace('"attlen":4', '"attlen":-3'),
      /line 3: attlen is not a length/,
    ],
    ["an alignment of q", TEXT.replace('"attalign":"i"', '"attalign":"q"'), /line 3: attalign/],
    ["a list of words", TEXT.replace("[-2,0,32767]", '["a"]'), /indkey is not a list of int2/],
    ["broken JSON", row('"oid":'), /line 2: it is no JSON object/],
    [
      "not UTF-8",
      Buffer.from(TEXT.replace("naïve", "na\u00efve"), "latin1"),
      /line 2: it is no JSON/,
    ],
    [
      "a file that was cut between lines",
      LINES.slice(0, 5).join("\n"),
      /line 5: the lines after it/,
    ],
    ["a file that was cut in a line", TEXT.slice(0, -3), /: it is no JSON object/],
    ["a line too few", [...LINES.slice(0, 4), ...LINES.slice(5)].join("\n"), /does not count/],
    ["two catalogues", TEXT + TEXT, /line \d+: it follows the last line/],
    ["two heads", `${LINES[0]}\n${TEXT}`, /line 2: it begins another catalogue/],
    [
      "a catalogue without its own columns",
      TEXT.replaceAll('"attrelid":1259', '"attrelid":1'),
      /columns of pg_class in it: /,
    ],
    [
      "its columns of other types",
      TEXT.replace(
        '"attrelid":1259,"attname":"oid","atttypid":26,"attlen":4',
        '"attrelid":1259,"attname":"oid","atttypid":26,"attlen":8',
      ),
      /columns of pg_class in it: oid/,
    ],
  ];
  for (const [story, text, message] of BAD) {
    it(`is refused: ${story}`, async () => assert.match(await refusal(text), message));
  }

  it("is refused where a line has no end", async () => {
    const long = Buffer.alloc(65 * 1024 * 1024, "x");
    assert.match(await refusal(long), /line 1: it is longer than 64 MB/);
  });

  it("is refused or read whatever is in it, and never crashes", async () => {
    const nasty = ["null", "1e999", "-0", '""', "[]", "{}", '"\\u0000"', "[[[[]]]]", "true"];
    const values = /:("(?:[^"\\]|\\.)*"|-?\d+|true|false|null|\[[^\]]*\])(?=[,}])/g;
    for (const line of [0, 1, 2, LINES.length - 2, LINES.length - 1]) {
      const places = Array.from((LINES[line] ?? "").matchAll(values), ({ index }) => index);
      for (const [place] of places.entries()) {
        for (const value of nasty) {
          let seen = -1;
          const changed = LINES.with(
            line,
            (LINES[line] ?? "").replace(values, (all) => (++seen === place ? `:${value}` : all)),
          );
          await read(changed.join("\n")).catch((error: unknown) => {
            assert.ok(error instanceof WalctlError, String(error));
          });
        }
      }
    }
  });
});

it("the columns of pg_attribute are those of each version", () => {
  assert.deepEqual(
    ([14, 15, 16, 17, 18] as const).map((version) => attributeColumns(version).length),
    [26, 26, 26, 26, 25],
  );
});
