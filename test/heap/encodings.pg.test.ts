/** Text in each encoding of a database is converted as the server converts it. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { toUtf8 } from "../../src/heap/values/encodings.ts";
import { type TestServer, startServer } from "../support/server/server.ts";

const LATINS = Array.from({ length: 10 }, (_, index) => `LATIN${index + 1}`);
const ISO = [5, 6, 7, 8].map((part) => `ISO_8859_${part}`);
const WINDOWS = [866, 874, ...Array.from({ length: 9 }, (_, index) => 1250 + index)];
const SINGLE_BYTE = [...LATINS, ...ISO, ...WINDOWS.map((page) => `WIN${page}`), "KOI8R", "KOI8U"];
const MULTI_BYTE = ["EUC_JP", "EUC_KR", "EUC_CN", "EUC_TW", "EUC_JIS_2004"];

/** No upper byte. */
const NONE = "generate_series(0, 0)";
/** SS3: of EUC_JP's codes of three bytes. */
const THREE_BYTES = 0x8f;

interface Pair {
  readonly hex: string;
  /** Null: the server has none. */
  readonly text: string | null;
}

/** What walctl makes of it, null where it makes nothing. */
function own(encoding: string, { hex }: Pair): string | null {
  const text = toUtf8(encoding)?.(Buffer.from(hex, "hex"));
  return text === undefined ? null : Buffer.from(text).toString();
}

describe("text of a database that is not UTF-8", () => {
  let server: TestServer;

  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql(`CREATE FUNCTION converted(hex text, encoding name) RETURNS text LANGUAGE plpgsql AS
      $$ BEGIN RETURN convert_from(decode(hex, 'hex'), encoding); EXCEPTION WHEN OTHERS THEN RETURN NULL; END $$`);
  });
  after(async () => await server.dispose());

  /** Of the codes prefix × 256² + upper × 256 + lower; 0: fewer bytes. */
  async function pairs(encoding: string, prefix: number, uppers: string): Promise<readonly Pair[]> {
    return await server.sql<Pair & Record<string, unknown>>(`
      SELECT hex, converted(hex, '${encoding}') AS text
      FROM ${uppers} upper, generate_series(${uppers === NONE ? 128 : 161}, ${uppers === NONE ? 255 : 254}) lower,
        to_hex(${prefix * 65_536} + upper * 256 + lower) hex`);
  }

  it("is the server's, of one byte a character", async () => {
    for (const encoding of SINGLE_BYTE) {
      const all = await pairs(encoding, 0, NONE);
      assert.deepEqual(
        all.map((pair) => own(encoding, pair)),
        all.map(({ text }) => text),
        encoding,
      );
    }
  });

  it("is the server's or none, of more", async () => {
    const known = new Map<string, number>();
    for (const encoding of MULTI_BYTE) {
      const prefixes = encoding.startsWith("EUC_J") ? [0, THREE_BYTES] : [0];
      const all = await Promise.all(
        prefixes.map((prefix) => pairs(encoding, prefix, "generate_series(161, 254)")),
      );
      for (const pair of all.flat()) {
        const text = own(encoding, pair);
        if (text === null || pair.text === null) continue;
        assert.equal(text, pair.text, `${encoding} ${pair.hex}`);
        known.set(encoding, (known.get(encoding) ?? 0) + 1);
      }
    }
    const least = { EUC_JP: 13_000, EUC_KR: 8200, EUC_CN: 7400 };
    assert.deepEqual([...known.keys()], Object.keys(least));
    for (const [encoding, count] of Object.entries(least)) {
      assert.ok((known.get(encoding) ?? 0) > count, `${encoding}: ${known.get(encoding)}`);
    }
  });
});
