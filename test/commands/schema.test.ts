import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { walctl } from "../support/program/cli.ts";
import { LineSchema } from "../support/program/line-schema.ts";

const CAPTURES = new URL("../../../fixtures/captures/", import.meta.url);

async function printed(): Promise<object> {
  const { status, stdout, stderr } = await walctl(["schema"]);
  assert.equal(stderr, "");
  assert.equal(status, 0);
  const schema: unknown = JSON.parse(stdout);
  assert.ok(typeof schema === "object" && schema !== null);
  return schema;
}

describe("walctl schema", () => {
  const lines = new LineSchema();

  it("prints a JSON Schema of draft 2020-12", async () => {
    const schema = await printed();
    assert.doesNotThrow(() => new Ajv2020({ strict: true }).compile(schema));
  });

  it("fits every line of the fixtures' captures, keys in its order", () => {
    const goldens = readdirSync(CAPTURES).filter((name) => name.endsWith(".ndjson"));
    assert.ok(goldens.length > 5);
    for (const name of goldens)
      lines.assertAll(readFileSync(new URL(name, CAPTURES), "utf8"), name);
  });

  const LSN = '"lsn":"0/1","xid":1';
  const ROW = `${LSN},"commit_time":null,"schema":"s","table":"t"`;
  const record = (rest: string): string =>
    `{"kind":"record","lsn":"0/28","end_lsn":"0/50","prev_lsn":"0/0","xid":0,"rmgr":"Heap","type":"INSERT","length":30,"total_length":30,"blocks":[],${rest}}`;
  const BAD: ReadonlyArray<readonly [story: string, line: string]> = [
    ["a kind that there is not", `{"kind":"merge",${LSN}}`],
    ["a key too many", `{"kind":"stream_stop",${LSN},"more":1}`],
    ["a key missing", '{"kind":"stream_stop","lsn":"0/1"}'],
    ["keys in another order", '{"kind":"stream_stop","xid":1,"lsn":"0/1"}'],
    ["an LSN with zeros before it", '{"kind":"stream_stop","lsn":"0/00000001","xid":1}'],
    ["a signed xid", '{"kind":"stream_stop","lsn":"0/1","xid":-1}'],
    ["an xid as a string", '{"kind":"stream_stop","lsn":"0/1","xid":"1"}'],
    ["a key and an old row", `{"kind":"delete",${ROW},"key":{},"old":{}}`],
    ["a row of nowhere", `{"kind":"insert",${LSN},"commit_time":null,"new":{}}`],
    ["unchanged without columns", `{"kind":"update",${ROW},"new":{},"unchanged":[]}`],
    ["a record with a detail that there is not", record('"detail":{"tuple":"secret"}')],
    ["a record with an empty detail", record('"detail":{}')],
    ["statistics of nothing", '{"kind":"wal_stats","records":1,"record_bytes":1,"image_bytes":0}'],
    [
      "a time of another form",
      `{"kind":"commit",${LSN},"commit_lsn":"0/1","end_lsn":"0/2","commit_time":"2026-01-01"}`,
    ],
  ];
  for (const [story, line] of BAD) {
    it(`refuses ${story}`, () => {
      assert.throws(() => lines.assertAll(`${line}\n`, story), /does not fit/);
    });
  }
});
