import assert from "node:assert/strict";
import { walctl } from "../support/program/cli.ts";
import { deflateRawSync } from "node:zlib";
import { describe, it } from "node:test";
import { CAPTURE_FORMATS } from "../../src/capture/formats/capture-reader.ts";
import { NotACapture } from "../../src/capture/sniffing-reader.ts";
import { sniff } from "../../src/capture/sniff.ts";
import { cut, decodeChunks, encodeCapture, messagesOf, seeded } from "../support/wire/captures.ts";
import { fixture } from "../support/golden/golden.ts";

const messages = messagesOf(fixture("fixtures/captures/pg18-misc-p1.recvlogical"));

describe("the format is told from the first bytes", () => {
  for (const format of CAPTURE_FORMATS) {
    it(format, () => {
      const bytes = encodeCapture(format, messages.slice(0, 8));
      assert.deepEqual(sniff(bytes, false), { kind: "capture", format });
      const outcome = decodeChunks("auto", cut(bytes, "bytewise"));
      assert.deepEqual(outcome, decodeChunks(format, [bytes]));
      assert.equal(outcome.messages.length, 8);
    });
  }

  it("needs no more than the first message and the byte behind it", () => {
    const first = messages[0]?.length ?? 0;
    for (const format of ["recvlogical", "raw"] as const) {
      const bytes = encodeCapture(format, messages.slice(0, 2));
      assert.equal(sniff(bytes.subarray(0, first), false).kind, "undecided");
      assert.deepEqual(sniff(bytes.subarray(0, first + 2), false), { kind: "capture", format });
    }
  });

  it("tells what is damaged or cut in its first message from a message", () => {
    const bytes = encodeCapture("recvlogical", messages.slice(1, 2)).slice(0, 20);
    assert.deepEqual(sniff(bytes, true), { kind: "capture", format: "recvlogical" });
  });

  it("an empty capture is one", () => {
    assert.deepEqual(decodeChunks("auto", []).messages, []);
  });
});

/** As psql prints rows by default; a test below holds it against psql's own. */
function aligned(names: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = names.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const last = names.length - 1;
  const lines = [
    names.map((name, column) => {
      const gap = (widths[column] ?? 0) - name.length;
      return " ".repeat(Math.floor(gap / 2)) + name + " ".repeat(Math.ceil(gap / 2));
    }),
    ...rows.map((row) =>
      row.map((value, column) => (column === last ? value : value.padStart(widths[column] ?? 0))),
    ),
  ].map((cells, line) => ` ${cells.join(" | ")}${line === 0 ? " " : ""}`);
  const rule = widths.map((width) => "-".repeat(width + 2)).join("+");
  return `${[lines[0], rule, ...lines.slice(1)].join("\n")}\n(${rows.length} rows)\n\n`;
}

describe("psql's aligned output", () => {
  const hex = (bytes: Uint8Array): string => `\\x${Buffer.from(bytes).toString("hex")}`;
  const escape = (bytes: Uint8Array): string =>
    Array.from(bytes, (byte) =>
      byte === 0x5c
        ? String.raw`\\`
        : byte >= 0x20 && byte < 0x7f
          ? String.fromCharCode(byte)
          : `\\${byte.toString(8).padStart(3, "0")}`,
    ).join("");
  const message = (content: string): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(content.length);
    return Buffer.concat([
      Buffer.from("M\0"),
      Buffer.alloc(8),
      Buffer.from("p\0"),
      length,
      Buffer.from(content),
    ]);
  };
  const wide = message("wide".repeat(1500));
  const all = [...messages.slice(0, 8), wide];

  it("is what the tests take it for", () => {
    const rows = Buffer.from(fixture("fixtures/captures/pg18-orders.hex")).toString().trimEnd();
    const cells = rows.split("\n").map((line) => line.split("|"));
    const psql = Buffer.from(fixture("fixtures/captures/pg18-orders-aligned.hex")).toString();
    assert.equal(aligned(["lsn", "xid", "data"], cells).trimEnd(), psql.trimEnd());
  });

  it("has the same positions where PostgreSQL 19 pads them", async () => {
    const text = Buffer.from(fixture("fixtures/captures/pg18-orders.hex")).toString();
    const padded = text.replaceAll(/^(\w+)\/(\w+)/gm, (_, high: string, low: string) => {
      return `${high}/${low.padStart(8, "0")}`;
    });
    assert.notEqual(padded, text);
    const [own, other] = await Promise.all(
      [text, padded].map((stdin) => walctl(["decode-file", "-"], { stdin })),
    );
    assert.deepEqual(other, own);
  });

  it("is read as psql's expanded output too, with the positions where they are", async () => {
    const rows = Buffer.from(fixture("fixtures/captures/pg18-orders.hex")).toString().trimEnd();
    const expanded = (names: readonly string[], width: number): string =>
      rows
        .split("\n")
        .map((row, index) => {
          const [lsn = "", xid = "", data = ""] = row.split("|");
          const fields = { lsn, xid, data } as Readonly<Record<string, string>>;
          const lines = names.map(
            (name) => `${name.padEnd(width)}${width > 0 ? " | " : "|"}${fields[name]}\n`,
          );
          return `-[ RECORD ${index + 1} ]${"-".repeat(width)}\n${lines.join("")}`;
        })
        .join("");
    const decode = async (stdin: string): Promise<string> => {
      const { status, stdout, stderr } = await walctl(["decode-file", "-"], { stdin });
      assert.equal(status, 0, stderr);
      return stdout;
    };
    const expected = await decode(rows);
    for (const width of [0, 4]) {
      assert.equal(await decode(expanded(["lsn", "xid", "data"], width)), expected);
      assert.equal(
        await decode(expanded(["data"], width)),
        expected.replace(/"lsn":"[^"]*"/g, '"lsn":null'),
      );
    }
  });

  for (const [story, form] of [
    ["hex", hex],
    ["escape", escape],
  ] as const) {
    for (const [rows, sent] of [
      ["narrow", messages.slice(0, 8)],
      ["of 6 kB", all],
    ] as const) {
      const three = aligned(
        ["lsn", "xid", "data"],
        sent.map((bytes) => ["0/1780198", "756", form(bytes)]),
      );
      const one = aligned(
        ["data"],
        sent.map((bytes) => [form(bytes)]),
      );
      for (const [columns, text] of [
        ["lsn, xid, data", three],
        ["data", one],
        ["data, after carriage returns", one.replaceAll("\n", "\r\n")],
      ] as const) {
        it(`of ${columns}, as ${story}, ${rows}`, () => {
          const bytes = Buffer.from(text);
          for (const format of ["auto", "hex"] as const) {
            for (const how of ["whole", seeded(1)] as const) {
              const outcome = decodeChunks(format, cut(bytes, how));
              assert.equal(outcome.fault, null);
              const kinds = outcome.messages.map(({ kind }) => kind);
              assert.deepEqual(
                kinds,
                decodeChunks("raw", [encodeCapture("raw", sent)]).messages.map(({ kind }) => kind),
              );
            }
          }
        });
      }
    }
  }

  it("of a message of a megabyte", () => {
    const sent = [...messages.slice(0, 8), message("w".repeat(1 << 20))];
    const text = aligned(
      ["data"],
      sent.map((bytes) => [hex(bytes)]),
    );
    const bytes = Buffer.from(text);
    const chunks = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, index) =>
      bytes.subarray(index * 65_536, (index + 1) * 65_536),
    );
    const outcome = decodeChunks("auto", chunks);
    assert.equal(outcome.fault, null);
    assert.equal(outcome.messages.length, 9);
  });
});

/** The first page of a segment, as PostgreSQL 18 writes it on x86: XLogLongPageHeaderData and a record. */
function walPage(magic: number): Uint8Array {
  const page = Buffer.alloc(8192);
  page.writeUInt16LE(magic, 0);
  page.writeUInt16LE(2, 2);
  page.writeUInt32LE(1, 4);
  page.writeBigUInt64LE(0x1000000n, 8);
  page.writeBigUInt64LE(7_381_204_930_112_233_445n, 24);
  page.writeUInt32LE(16_777_216, 32);
  page.writeUInt32LE(8192, 36);
  return page;
}

const FOREIGN: readonly (readonly [story: string, bytes: Uint8Array | string, what: RegExp])[] = [
  ["a segment of PostgreSQL 18", walPage(0xd118), /physical write-ahead log/],
  ["a segment of PostgreSQL 11", walPage(0xd098), /physical write-ahead log/],
  ["bzip2", Uint8Array.from(Buffer.from("BZh91AY&SY\u0001\u0002", "latin1")), /bzip2/],
  ["a dump", Uint8Array.of(...Buffer.from("PGDMP"), 1, 15, 0), /pg_dump/],
  ["a catalogue file", `{"kind":"catalog","format":1,"lsn":"0/1"}\n`, /catalogue/],
  ["records that inspect printed", `{"kind":"record","lsn":"0/1"}\n`, /walctl inspect printed/],
  ["NDJSON of another plugin", `{"action":"B"}\n`, /wal2json/],
  ["JSON with an indent", '[\n  {"change": []}\n]\n', /JSON/],
  ["SQL", "BEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT;\n", /text/],
  ["test_decoding's lines", "BEGIN 740\ntable public.t: INSERT: id[integer]:1\n", /test_decoding/],
  ["a line of text without a line feed", "hello", /text/],
  ["noise", deflateRawSync("noise, compressed, and not known"), /no|not/],
];

describe("what is no capture is named", () => {
  for (const [story, bytes, what] of FOREIGN) {
    it(story, () => {
      for (const how of ["whole", seeded(1)] as const) {
        assert.throws(
          () => decodeChunks("auto", cut(Buffer.from(bytes), how)),
          (error: unknown) =>
            error instanceof NotACapture && what.test(error.message) && error.foreign.hint !== "",
        );
      }
    });
  }
});
