/** What is printed of a damaged capture with --keep-going is true, or it is not said. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CAPTURE_FORMATS, type CaptureFormat } from "../../src/capture/formats/capture-reader.ts";
import { createCaptureReader } from "../../src/capture/readers.ts";
import { CaptureWriter } from "../../src/capture/writer.ts";
import { applyMetadata, forgetTypes } from "../../src/commands/decode-file/capture-metadata.ts";
import { TypeRegistry } from "../../src/pgoutput/type-registry.ts";
import { DebeziumRenderer } from "../../src/render/formats/debezium.ts";
import { NdjsonRenderer } from "../../src/render/ndjson/ndjson.ts";
import type { Renderer } from "../../src/render/renderer.ts";
import { renderSummaryNdjson, SummaryRenderer } from "../../src/render/reports/summary.ts";
import { cut, encodeCapture, finish, seeded } from "../support/wire/captures.ts";
import { encodeMessage, type WireMessage } from "../support/wire/pgoutput-encoder.ts";

const text = (value: string) => ({ kind: "text", bytes: Buffer.from(value) }) as const;
const begin = (xid: number): WireMessage => ({
  ...{ kind: "begin", finalLsn: 256n, commitTime: 9n, xid },
});
const commit: WireMessage = { kind: "commit", commitLsn: 256n, endLsn: 304n, commitTime: 9n };
const FIRST_OID = 16_384;

/** Both columns are text: rows fit any of the table's announcements. */
function relation(table: number, columns: readonly string[], xid: number | null): WireMessage {
  return {
    ...{ kind: "relation", xid, oid: FIRST_OID + table, schema: "public", table: `t${table}` },
    replicaIdentity: "default",
    columns: columns.map((name) => ({ key: false, name, typeOid: 25, typeModifier: -1 })),
  };
}

function insert(table: number, values: readonly string[], xid: number | null): WireMessage {
  return { kind: "insert", oid: FIRST_OID + table, xid, new: values.map(text) };
}

interface Line {
  readonly kind: string;
  readonly xid: number | null;
  readonly oid?: number;
  readonly table?: string;
  readonly new: Readonly<Record<string, unknown>>;
}

interface Printed {
  readonly output: string;
  readonly skips: number;
}

function decode(
  format: CaptureFormat,
  chunks: Iterable<Uint8Array>,
  createRenderer: (types: TypeRegistry) => Renderer,
): Printed {
  const types = new TypeRegistry();
  const renderer = createRenderer(types);
  let skips = 0;
  const reader = createCaptureReader(format, {
    keepGoing: true,
    listener: {
      message: (message) => {
        if (message.kind === "type") types.announce(message.oid, message.schema, message.name);
        renderer.render(message);
      },
      metadata: (json) => applyMetadata(json, types),
      lost: (...piece) => forgetTypes(types, ...piece),
      skipped: () => {
        skips++;
        renderer.skipped?.();
      },
    },
  });
  for (const chunk of chunks) finish(reader.push(Uint8Array.from(chunk)));
  finish(reader.end());
  return { output: Buffer.from(renderer.take()).toString(), skips };
}

const ndjson = (types: TypeRegistry): Renderer =>
  new NdjsonRenderer({ types, values: "json", safeNumbers: false });

function linesOf({ output }: Printed): readonly Line[] {
  return output
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

const SESSION: readonly WireMessage[] = [
  ...[begin(7), relation(0, ["a", "b"], null), insert(0, ["1", "2"], null), commit],
  ...[begin(8), relation(0, ["b", "a"], null), insert(0, ["3", "4"], null), commit],
];
const SECOND_RELATION = 5;

/** The capture with the replica identity of its second Relation damaged. */
function withoutRelation(format: CaptureFormat): Uint8Array {
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
      ...{ kind: "stream_start", xid, firstSegment: true },
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
      ...{ kind: "type", xid: null, oid: 20_000, schema: "pg_catalog", name: "int4" },
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

/** Tables whose columns are renamed again and again; each value says which table, column and transaction it is of. */
function session(random: () => number): readonly WireMessage[] {
  const versions = [0, 0, 0];
  return Array.from({ length: 12 }, (_, index): readonly WireMessage[] => {
    const xid = 100 + index;
    const streamed = random() < 0.4;
    const own = streamed ? xid : null;
    const changes = Array.from({ length: 4 }, (): readonly WireMessage[] => {
      const table = Math.floor(random() * 3);
      const altered = versions[table] === 0 || random() < 0.3;
      if (altered) versions[table]!++;
      const names = ["a", "b"].map((name) => `v${versions[table]}${name}`);
      const row = insert(
        table,
        names.map((name) => `t${table} ${name} ${xid}`),
        own,
      );
      return altered ? [relation(table, names, own), row] : [row];
    }).flat();
    if (!streamed) return [begin(xid), ...changes, commit];
    return [{ kind: "stream_start", xid, firstSegment: true }, ...changes, { kind: "stream_stop" }];
  }).flat();
}

/** One bit turned, one byte of any kind, or up to four bytes lost. */
function damagedOnce(capture: Uint8Array, random: () => number): Buffer {
  const bytes = Buffer.from(capture);
  const at = Math.floor(random() * bytes.length);
  const how = random();
  if (how < 0.6) bytes[at]! ^= 1 << Math.floor(random() * 8);
  else if (how < 0.8) bytes[at] = random() * 256;
  else
    return Buffer.concat([
      bytes.subarray(0, at),
      bytes.subarray(at + 1 + Math.floor(random() * 4)),
    ]);
  return bytes;
}

/** A row that is whole and names its columns names them as it was sent. */
function assertTrue(line: Line): void {
  const values = Object.entries(line.new).map(([name, value]) => ({
    ...{ name, sent: /^(t\d) (v\d+[ab]) (\d+)$/.exec(String(value)) },
  }));
  if (values.some(({ sent }) => sent === null)) return;
  const xids = new Set(values.map(({ sent }) => Number(sent![3])));
  if (line.xid !== null && xids.size === 1) assert.ok(xids.has(line.xid), JSON.stringify(line));
  if (line.table === undefined) return;
  for (const { name, sent } of values) {
    assert.deepEqual([line.table, name], [sent![1], sent![2]], JSON.stringify(line));
  }
}

const CAPTURES = 150;

describe("where damage was noticed, every row that has names has its own", () => {
  // Messages end to end have nothing but themselves that tells where one ends: there a Relation may be lost unnoticed.
  for (const format of CAPTURE_FORMATS.filter((each) => each !== "raw")) {
    it(format, () => {
      let named = 0;
      for (let seed = 1; seed <= CAPTURES; seed++) {
        const random = seeded(seed);
        const capture = encodeCapture(format, session(random).map(encodeMessage));
        const how = random() < 0.5 ? "whole" : seeded(seed);
        const printed = decode(format, cut(damagedOnce(capture, random), how), ndjson);
        if (printed.skips === 0) continue;
        const rows = linesOf(printed).filter(({ kind }) => kind === "insert");
        named += rows.filter(({ table }) => table !== undefined).length;
        try {
          for (const row of rows) assertTrue(row);
        } catch (error) {
          throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
        }
      }
      // What is good is not lost: most rows are far from the damage.
      assert.ok(named > CAPTURES * 10, `${named}`);
    });
  }
});

it("rubbish is worked through in short pieces", () => {
  const random = seeded(4);
  const messages = Array.from({ length: 2000 }, () =>
    Uint8Array.from({ length: 150 }, (_, at) => (at === 0 ? 0x52 : random() * 256)),
  );
  for (const format of CAPTURE_FORMATS) {
    const bytes = encodeCapture(format, messages);
    const reader = createCaptureReader(format, {
      ...{ keepGoing: true },
      listener: { message: () => {}, metadata: () => {}, skipped: () => {} },
    });
    let pieces = 0;
    for (const _ of reader.push(bytes)) pieces++;
    assert.ok(pieces > bytes.length / (1 << 17), `${format}: ${pieces} pieces`);
  }
});
