/** Text in each encoding of a database is converted as the server converts it. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { toUtf8 } from "../../../src/postgres/stored/encodings.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

const LATINS = Array.from({ length: 10 }, (_, index) => `LATIN${index + 1}`);
const ISO = [5, 6, 7, 8].map((part) => `ISO_8859_${part}`);
const WINDOWS = [866, 874, ...Array.from({ length: 9 }, (_, index) => 1250 + index)];
const SINGLE_BYTE = [...LATINS, ...ISO, ...WINDOWS.map((page) => `WIN${page}`), "KOI8R", "KOI8U"];
const MULTI_BYTE = ["EUC_JP", "EUC_KR", "EUC_CN"];

/** Of EUC_JP's codes of three bytes. */
const THREE_BYTES = "8f";

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

  /** All codes of one upper byte, and of two behind `prefix` where there are such. */
  async function pairs(encoding: string, prefix = ""): Promise<readonly Pair[]> {
    const isDouble = MULTI_BYTE.includes(encoding);
    return await server.sql<Pair & Record<string, unknown>>(`
      WITH upper AS (SELECT to_hex(byte) AS hex FROM generate_series(128, 255) byte)
      SELECT hex, converted(hex, '${encoding}') AS text FROM (
        SELECT '${prefix}' || hex FROM upper
        UNION ALL SELECT '${prefix}' || a.hex || b.hex FROM upper a, upper b WHERE ${isDouble}) code(hex)`);
  }

  it("is the server's, or none where the encoding is not known", async () => {
    for (const encoding of [...SINGLE_BYTE, ...MULTI_BYTE]) {
      const three = encoding === "EUC_JP" ? await pairs(encoding, THREE_BYTES) : [];
      const all = [...(await pairs(encoding)), ...three];
      assert.deepEqual(
        all.map((pair) => `${pair.hex} ${own(encoding, pair)}`),
        all.map(({ hex, text }) => `${hex} ${text}`),
        encoding,
      );
    }
    for (const encoding of ["EUC_TW", "EUC_JIS_2004"]) {
      assert.equal(own(encoding, { hex: "a4a2", text: null }), null);
    }
  });

  it("is the server's where characters of several lengths follow one another", async () => {
    const texts = { EUC_JP: "7ab1a28fb0a68eb141", EUC_KR: "b0a1a2e641", EUC_CN: "41b0a1a1aa" };
    for (const [encoding, hex] of Object.entries(texts)) {
      const [row] = await server.sql<{ text: string }>(
        `SELECT converted('${hex}b0a1', '${encoding}') AS text`,
      );
      assert.equal(own(encoding, { hex: `${hex}b0a1`, text: null }), row?.text ?? "");
      assert.equal(own(encoding, { hex: `${hex}b0`, text: null }), null);
    }
  });
});
