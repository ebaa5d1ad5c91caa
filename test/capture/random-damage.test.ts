/** Captures damaged at random, read with --keep-going: rows that have names have their own. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CAPTURE_FORMATS } from "../../src/capture/formats/capture-reader.ts";
import { createCaptureReader } from "../../src/capture/readers.ts";
import { cut, encodeCapture, seeded } from "../support/wire/captures.ts";
import { encodeMessage, type WireMessage } from "../support/wire/pgoutput-encoder.ts";
import { type Line, begin, commit, decode, insert, linesOf, ndjson, relation } from "./support.ts";

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
    name,
    sent: /^(t\d) (v\d+[ab]) (\d+)$/.exec(String(value)),
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
  const messages = Array.from({ length: 1000 }, () =>
    Uint8Array.from({ length: 150 }, (_, at) => (at === 0 ? 0x52 : random() * 256)),
  );
  for (const format of CAPTURE_FORMATS) {
    const bytes = encodeCapture(format, messages);
    const reader = createCaptureReader(format, {
      keepGoing: true,
      listener: { message: () => {}, metadata: () => {}, skipped: () => {} },
    });
    let pieces = 0;
    for (const _ of reader.push(bytes)) pieces++;
    assert.ok(pieces > bytes.length / (1 << 17), `${format}: ${pieces} pieces`);
  }
});
