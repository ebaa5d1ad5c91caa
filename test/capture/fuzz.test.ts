import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CAPTURE_FORMATS, type PgoutputFormat } from "../../src/capture/formats/capture-reader.ts";
import { createCaptureReader } from "../../src/capture/readers.ts";
import { CaptureWriter } from "../../src/capture/writer.ts";
import { applyMetadata } from "../../src/commands/decode-file/capture-metadata.ts";
import { WalctlError } from "../../src/errors.ts";
import { TypeRegistry } from "../../src/postgres/messages/type-registry.ts";
import { DebeziumRenderer } from "../../src/render/formats/debezium.ts";
import { NdjsonRenderer } from "../../src/render/ndjson/ndjson.ts";
import type { Renderer } from "../../src/render/renderer.ts";
import { TableRenderer } from "../../src/render/table/table.ts";
import { WHOLE_VIEW } from "../../src/render/table/view.ts";
import { Wal2jsonRenderer } from "../../src/render/formats/wal2json.ts";
import { type Exact, parseExact } from "../matrix/support/exact-json.ts";
import { encodeCapture, finish } from "../support/wire/captures.ts";
import { damage, pick } from "../support/wire/damage.ts";
import { LineSchema } from "../support/program/line-schema.ts";
import { session } from "../support/wire/pgoutput-arbitraries.ts";
import {
  encodeMessage,
  type WireMessage,
  type WireTuple,
} from "../support/wire/pgoutput-encoder.ts";
import { seededRandom } from "../support/tools/random.ts";
import { OWN_TYPES, SAMPLES, type Sample } from "../support/golden/typed-samples.ts";

/** WALCTL_TEST_FUZZ=N: as many times more captures. A failure names its seed. */
const CAPTURES = 60 * Number(process.env["WALCTL_TEST_FUZZ"] ?? 1);

const RENDERERS: Readonly<Record<string, (types: TypeRegistry) => Renderer>> = {
  ndjson: (types) => new NdjsonRenderer({ types, values: "json", safeNumbers: false }),
  text: (types) => new NdjsonRenderer({ types, values: "text", safeNumbers: false }),
  wal2json: (types) => new Wal2jsonRenderer(types),
  debezium: (types) =>
    new DebeziumRenderer({ types, database: null, version: "0", now: () => 1_000_000 }),
  table: (types) =>
    new TableRenderer({ types, width: () => 80, look: { color: false }, view: WHOLE_VIEW }),
};
const lines = new LineSchema();

/** Rows of all types, of relations announced and not, as wide as these and not, with values left out anywhere. */
function rowsOf(random: () => number): readonly WireMessage[] {
  const oid = 16_384 + Math.floor(random() * 3);
  const chosen = Array.from({ length: Math.floor(random() * 5) }, () => pick(random, SAMPLES));
  const name = (): string => pick(random, ["a", "a", "b", "é", 'q"', "\u0085", "\\xff", ""]);
  const columns = chosen.map((sample, index) => ({
    name: random() < 0.9 ? `c${index}` : name(),
    key: random() < 0.5,
    typeOid: sample.oid,
    typeModifier: random() < 0.7 ? -1 : Math.floor(random() * 9),
  }));
  const row = (): WireTuple => tupleOf(random() < 0.9 ? chosen : chosen.slice(1), random);
  const announced: WireMessage = {
    kind: "relation",
    oid,
    schema: name(),
    table: name(),
    columns,
    xid: null,
    replicaIdentity: pick(random, ["default", "full"] as const),
  };
  const rows: readonly WireMessage[] = [
    { kind: "insert", oid, new: row(), xid: null },
    { kind: "update", oid, key: row(), old: null, new: row(), xid: null },
    { kind: "update", oid, key: null, old: row(), new: row(), xid: null },
    { kind: "delete", oid, key: row(), old: null, xid: null },
  ];
  return random() < 0.8 ? [announced, ...rows] : rows;
}

function tupleOf(samples: readonly Sample[], random: () => number): WireTuple {
  return samples.map(({ values }) => {
    if (random() < 0.1) return { kind: pick(random, ["null", "unchanged"] as const) };
    const text = Buffer.from(pick(random, values));
    const bytes = random() < 0.5 ? text : damage(text, random);
    return { kind: random() < 0.2 ? "binary" : "text", bytes };
  });
}

function captureOf(format: PgoutputFormat, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const sessions = fc.sample(session, { seed, numRuns: 1 }).flat();
  const messages = [...rowsOf(random), ...sessions, ...rowsOf(random)].map((message) =>
    random() < 0.97 ? encodeMessage(message) : damage(encodeMessage(message), random),
  );
  let bytes = encodeCapture(format, messages);
  if (format === "walctl") {
    const writer = new CaptureWriter();
    writer.metadata({ asked: OWN_TYPES.map(({ oid }) => oid), types: OWN_TYPES });
    bytes = Buffer.concat([writer.take(), bytes.subarray(8)]);
  }
  return random() < 0.5 ? bytes : damage(bytes, random);
}

/** What decode-file --keep-going prints of it, but for messages that the format has no form for, which end that. */
function printed(format: PgoutputFormat, bytes: Uint8Array, renderer: string): Buffer {
  const types = new TypeRegistry();
  const rendering = RENDERERS[renderer]!(types);
  const reader = createCaptureReader(format, {
    keepGoing: true,
    listener: {
      message: (message) => {
        if (message.kind === "type") types.announce(message.oid, message.schema, message.name);
        try {
          rendering.render(message);
        } catch (error) {
          if (!(error instanceof WalctlError)) throw error;
        }
      },
      metadata: (json) => applyMetadata(json, types),
      skipped: () => {},
    },
  });
  finish(reader.push(bytes));
  finish(reader.end());
  return Buffer.from(rendering.take());
}

function assertPrintable(output: Buffer): string {
  const text = output.toString();
  assert.equal(Buffer.compare(Buffer.from(text), output), 0, "not UTF-8");
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  return text;
}

/** The keys of a line, of its rows, and of what lists of objects it has: a value of type json may well have two alike. */
function assertKeys(value: Exact, depth: number): void {
  if (value.kind === "array") for (const item of value.items) assertKeys(item, depth);
  if (value.kind !== "object") return;
  const keys = value.members.map(([key]) => key);
  assert.equal(new Set(keys).size, keys.length, `a key comes twice: ${keys.join()}`);
  for (const [key, each] of value.members) {
    if (depth > 0 && key !== "value") assertKeys(each, depth - 1);
  }
}

for (const format of CAPTURE_FORMATS) {
  describe(`${format}, damaged, is printed as valid lines`, () => {
    // To make one takes longer than to print it.
    const captures = Array.from({ length: CAPTURES }, (_, index) => captureOf(format, index + 1));
    for (const renderer of Object.keys(RENDERERS)) {
      it(renderer, () => {
        for (let seed = 1; seed <= CAPTURES; seed++) {
          try {
            const text = assertPrintable(printed(format, captures[seed - 1]!, renderer));
            if (renderer === "table") continue;
            for (const line of text.split("\n").slice(0, -1)) assertKeys(parseExact(line), 1);
            if (renderer === "ndjson" || renderer === "text") lines.assertAll(text, "");
          } catch (error) {
            throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
          }
        }
      });
    }
  });
}
