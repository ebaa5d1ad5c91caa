/** What is printed of a damaged capture with --keep-going is true, or it is not said. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CAPTURE_FORMATS, type PgoutputFormat } from "../../src/capture/formats/capture-reader.ts";
import { CaptureWriter } from "../../src/capture/writer.ts";
import type { TypeRegistry } from "../../src/postgres/messages/type-registry.ts";
import { DebeziumRenderer } from "../../src/render/formats/debezium.ts";
import type { Renderer } from "../../src/render/renderer.ts";
import { renderSummaryNdjson, SummaryRenderer } from "../../src/render/reports/summary.ts";
import { cut, encodeCapture, seeded } from "../support/wire/captures.ts";
import { encodeMessage, type WireMessage } from "../support/wire/pgoutput-encoder.ts";
import { FIRST_OID, begin, commit, decode, insert, linesOf, ndjson, relation } from "./support.ts";

const SESSION: readonly WireMessage[] = [
  begin(7),
  relation(0, ["a", "b"], null),
  insert(0, ["1", "2"], null),
  commit,
  begin(8),
  relation(0, ["b", "a"], null),
  insert(0, ["3", "4"], null),
  commit,
];
const SECOND_RELATION = 5;

/** The capture with the replica identity of its second Relation damaged. */
function withoutRelation(format: PgoutputFormat): Uint8Array {
  const messages = SESSION.map(encodeMessage);
  const damaged = Buffer.from(messages[SECOND_RELATION]!);
  damaged[damaged.indexOf("t0\0d") + 3] = 0;
  return encodeCapture(format, messages.with(SECOND_RELATION, damaged));
}

describe("rows behind a Relation that was skipped have numbered columns", () => {
  for (const format of CAPTURE_FORMATS) {
    it(format, () => {
      for (const how of ["whole", "bytewise", seeded(3)] as const) {
        const printed = decode(format, cut(withoutRelation(format), how), ndjson);
        assert.equal(printed.skips, 1);
        const [before, after] = linesOf(printed).filter(({ kind }) => kind === "insert");
        assert.deepEqual([before?.table, before?.new], ["t0", { a: "1", b: "2" }]);
        assert.deepEqual([after?.oid, after?.new], [FIRST_OID, { 1: "3", 2: "4" }]);
      }
    });
  }

  it("also when only what follows it is damaged", () => {
    const messages = SESSION.map(encodeMessage);
    const bytes = Buffer.from(encodeCapture("recvlogical", messages));
    const end = Buffer.from(encodeCapture("recvlogical", messages.slice(0, 6))).length;
    bytes[end - 1] = 0x58;
    const lines = linesOf(decode("recvlogical", [bytes], ndjson));
    assert.deepEqual(lines.at(-2)?.new, { 1: "3", 2: "4" });
  });
});

describe("a skipped message leaves no transaction that is not known", () => {
  for (const format of ["walctl", "copy-binary", "hex", "recvlogical"] as const) {
    it(`a Commit and the Begin behind it, ${format}`, () => {
      const messages = SESSION.map(encodeMessage);
      const both = [messages[3]!.subarray(0, 9), messages[4]!.subarray(0, 9)];
      const bytes = encodeCapture(format, messages.toSpliced(3, 2, ...both));
      const rows = linesOf(decode(format, [bytes], ndjson)).filter(({ kind }) => kind === "insert");
      assert.deepEqual(
        rows.map(({ xid }) => xid),
        [7, null],
      );
    });
  }

  it("one row that is skipped, in a frame, does not end it", () => {
    const messages = SESSION.map(encodeMessage);
    const bytes = encodeCapture("walctl", messages.toSpliced(6, 0, messages[6]!.subarray(0, 12)));
    assert.equal(linesOf(decode("walctl", [bytes], ndjson)).at(-2)?.xid, 8);
  });

  it("a streamed transaction's rows are not those of the one before, in the summary either", () => {
    const rows = (xid: number): WireMessage[] => [insert(0, ["1", "2"], xid)];
    const [first, second] = [101, 102].map((xid) => ({
      kind: "stream_start",
      xid,
      firstSegment: true,
    })) as WireMessage[];
    const stop: WireMessage = { kind: "stream_stop" };
    const messages = [first!, ...rows(101), stop, second!, ...rows(102), stop].map(encodeMessage);
    const bytes = encodeCapture("walctl", messages.toSpliced(2, 2, messages[3]!.subarray(0, 3)));
    const inserts = linesOf(decode("walctl", [bytes], ndjson)).slice(1, 3);
    assert.deepEqual(
      inserts.map(({ xid }) => xid),
      [101, 102],
    );
    const summary = new SummaryRenderer(renderSummaryNdjson);
    decode("walctl", [bytes], () => summary);
    const lines = Buffer.from(summary.finish()).toString();
    assert.match(lines, /"transaction_summary","xid":101,"changes":1,/);
  });

  it("Debezium's sequence does not name the commit before", () => {
    const debezium = (types: TypeRegistry): Renderer =>
      new DebeziumRenderer({ types, database: null, version: "0", now: () => 0 });
    const events = decode("walctl", [withoutRelation("walctl")], debezium)
      .output.trim()
      .split("\n");
    assert.match(events[1]!, /"sequence":"\[null,/);
  });
});

describe("types that were told anew in what is damaged are not known", () => {
  const column = { key: false, name: "a", typeOid: 20_000, typeModifier: -1 };
  const typed: WireMessage = { ...(relation(0, [], null) as object), columns: [column] } as never;
  const row = insert(0, ["5"], null);

  it("a Type message", () => {
    const type: WireMessage = {
      kind: "type",
      xid: null,
      oid: 20_000,
      schema: "pg_catalog",
      name: "int4",
    };
    const bad = encodeMessage(type).subarray(0, -1);
    const whole = [begin(7), type, typed, row, row].map(encodeMessage);
    const rows = linesOf(
      decode("walctl", [encodeCapture("walctl", whole.toSpliced(4, 0, bad))], ndjson),
    ).filter(({ kind }) => kind === "insert");
    assert.deepEqual(
      rows.map((line) => line.new["a"]),
      [5, "5"],
    );
  });

  it("the catalogue's answers", () => {
    const writer = new CaptureWriter();
    const shape = { kind: "domain", base: 23 };
    writer.metadata({ asked: [20_000], types: [{ oid: 20_000, name: "d", shape }] });
    const frame = Buffer.from(writer.take()).subarray(8);
    const damaged = Buffer.from(frame);
    damaged[damaged.length - 1] = 0x21;
    const messages = encodeCapture("walctl", [begin(7), typed, row].map(encodeMessage));
    const last = encodeCapture("walctl", [encodeMessage(row)]).subarray(8);
    const bytes = Buffer.concat([
      messages.subarray(0, 8),
      frame,
      messages.subarray(8),
      damaged,
      last,
    ]);
    const rows = linesOf(decode("walctl", [bytes], ndjson)).filter(({ kind }) => kind === "insert");
    assert.deepEqual(
      rows.map((line) => line.new["a"]),
      [5, "5"],
    );
  });
});
