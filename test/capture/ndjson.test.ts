/** walctl reads its own lines back: they mean the same as the capture that they were printed of. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { FIRST_NORMAL_OID } from "../../src/postgres/types/table.ts";
import { SAMPLES } from "../support/golden/typed-samples.ts";
import { type RunResult, walctl } from "../support/program/cli.ts";
import { walctlInside } from "../support/program/inside.ts";
import { toolPath } from "../support/tools/tools.ts";
import { encodeCapture } from "../support/wire/captures.ts";
import { encodeMessage, type WireMessage } from "../support/wire/pgoutput-encoder.ts";

const FIXTURES = "fixtures/captures";
const FORMATS = [
  ["-F", "ndjson"],
  ["-F", "table"],
  ["-F", "table", "-x"],
  ["--summary", "-F", "ndjson"],
  ["-F", "ndjson", "--values", "text"],
];

describe("walctl's own lines", () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), "walctl-lines-"))));
  after(() => rmSync(folder, { recursive: true }));

  const decode = async (...args: readonly string[]): Promise<string> => {
    const { status, stdout, stderr } = await walctlInside(["decode-file", ...args]);
    assert.equal(status, 0, stderr);
    return stdout;
  };
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };

  for (const name of readdirSync(FIXTURES).filter((each) => each.endsWith(".ndjson"))) {
    it(`of ${name} are printed as they are`, async () => {
      const path = join(FIXTURES, name);
      assert.equal(await decode(path), readFileSync(path, "utf8"));
    });
  }

  for (const [capture, formats] of [
    [
      "pg18-orders.hex",
      [...FORMATS, ["-F", "sql"], ["-F", "sql", "--checked"], ["-F", "wal2json"]],
    ],
    ["pg18-misc-p1.recvlogical", [["-F", "ndjson"]]],
    ["pg18-stream-abort-p2.recvlogical", FORMATS],
    ["pg18-twophase-p3-stream.recvlogical", FORMATS],
  ] as const) {
    it(`of ${capture} mean what the capture does, in every format`, async () => {
      const source = join(FIXTURES, capture);
      const lines = file("lines.ndjson", await decode(source));
      const texts = file("texts.ndjson", await decode(source, "--values", "text"));
      for (const args of formats) {
        const expected = await decode(...args, source);
        assert.notEqual(expected, "");
        for (const path of [lines, texts])
          assert.equal(await decode(...args, path), expected, `${args.join(" ")} ${path}`);
      }
    });
  }

  it("have every value of the types that come with PostgreSQL as the server sent it", async () => {
    const samples = SAMPLES.filter(({ oid }) => oid < FIRST_NORMAL_OID && oid > 0);
    const messages: WireMessage[] = [{ kind: "begin", finalLsn: 0n, commitTime: 0n, xid: 7 }];
    for (const [index, { oid, values }] of samples.entries()) {
      const columns = [{ name: "v", key: false, typeOid: oid, typeModifier: -1 }];
      const of = { oid: 20_000 + index, schema: "public", table: `t${index}`, xid: null };
      messages.push({ kind: "relation", ...of, replicaIdentity: "nothing", columns });
      for (const value of values) {
        // jsonb_out escapes no such letter.
        const bytes = Buffer.from(oid === 3802 ? value.replaceAll("\\u00e9", "é") : value);
        messages.push({ kind: "insert", oid: of.oid, xid: null, new: [{ kind: "text", bytes }] });
      }
    }
    messages.push({ kind: "commit", commitLsn: 0n, endLsn: 0n, commitTime: 0n });
    const capture = file("typed.walctl", encodeCapture("walctl", messages.map(encodeMessage)));
    const lines = file("typed.ndjson", await decode(capture));
    assert.deepEqual((await decode(lines)).split("\n"), (await decode(capture)).split("\n"));
    const [expected, actual] = await Promise.all(
      [capture, lines].map(async (path) => (await decode("--values", "text", path)).split("\n")),
    );
    assert.ok(expected !== undefined && actual !== undefined);
    // Elements of arrays may be quoted otherwise, and JSON does not tell JSON's null from NULL.
    const isExact = (line: string): boolean =>
      !/"v":"(?:\[-?\d+:|\{|null"|.*\\n)/.test(line) && line.includes('"kind":"insert"');
    for (const [index, line] of expected.entries())
      if (isExact(line)) assert.equal(actual[index], line);
    assert.ok(expected.length > 200);
  });

  const filtered = async (kinds: RegExp, ...args: readonly string[]): Promise<RunResult> => {
    const all = await decode(join(FIXTURES, "pg18-orders.hex"));
    const lines = all.split("\n").filter((line) => !kinds.test(line));
    return (await walctlInside([
      "decode-file",
      file("some.ndjson", lines.join("\n")),
      ...args,
    ])) as RunResult;
  };

  it("that a filter left only a part of are tables all the same, and refused by name as SQL", async () => {
    const only = /"kind":"(?:begin|commit|relation)"/;
    assert.match((await filtered(only, "-F", "table")).stdout, /\+ orders {2,}id=1 {2}note=/);
    for (const format of ["sql", "wal2json"]) {
      const { status, stderr } = await filtered(/"kind":"relation"/, "-F", format);
      assert.equal(status, 3);
      assert.match(
        stderr,
        /error: the relation line of public\.orders is not in the input, and this format needs it\nHINT:/,
      );
      assert.match(
        (await filtered(/"kind":"begin"/, "-F", format)).stderr,
        /the begin line of transaction \d+ is not/,
      );
    }
  });

  it("without those that begin and end transactions are summed and left out by transaction too", async () => {
    const source = join(FIXTURES, "pg18-orders.hex");
    const only = /"kind":"(?:begin|commit)"/;
    for (const kinds of [only, /"kind":"commit"/, /"kind":"begin"/]) {
      const { stdout } = await filtered(kinds, "--summary", "-F", "ndjson");
      assert.equal(stdout, await decode("--summary", "-F", "ndjson", source));
    }
    const kept = (await decode(source)).split("\n").filter((line) => !only.test(line));
    const times = kept.flatMap((line) => /"commit_time":"([^"]+)"/.exec(line)?.[1] ?? []);
    const middle = times[Math.floor(times.length / 2)] ?? "";
    const changes = (await filtered(only)).stdout.split("\n").filter((line) => /_time"/.test(line));
    for (const [option, holds] of [
      ["--since", (time = "") => time >= middle],
      ["--until", (time = "") => time <= middle],
    ] as const) {
      const expected = changes.filter((line) => holds(/"commit_time":"([^"]+)"/.exec(line)?.[1]));
      assert.ok(expected.length > 0 && expected.length < changes.length);
      const { stdout } = await filtered(only, option, middle);
      const rows = stdout.split("\n").filter((line) => line.includes('"commit_time"'));
      assert.deepEqual(rows, expected);
    }
    const { stderr } = await filtered(only, "-q", "--since", "2099-01-01");
    assert.match(stderr, /warning: no transaction committed in the time/);
  });

  it("of more transactions than are kept open are summed without those that end them", async () => {
    const lines = Array.from({ length: 10_100 }, (_, index) => {
      const change = insert(
        `{"id":${index},"j":{"a":"${"x".repeat(index < 10 ? 99 : 1)}"},"a":null}`,
      );
      const [, , row = ""] = transaction(1000 + index, "10", change).split("\n");
      return `${row}\n`;
    });
    const summary = await decode(
      file("many.ndjson", `${RELATION}\n${lines.join("")}`),
      "--summary",
    );
    assert.equal(summary.match(/"xid":100\d,/g)?.length, 10);
  });

  it("are undone where they hold the old rows, and refused where they do not", async () => {
    const lines = file("undo.ndjson", await decode(join(FIXTURES, "pg18-orders.hex")));
    const undo = ["-F", "sql", "--undo"];
    const { status, stderr } = await walctlInside(["decode-file", ...undo, lines]);
    const theirs = await walctlInside(["decode-file", ...undo, join(FIXTURES, "pg18-orders.hex")]);
    assert.deepEqual([status, stderr], [theirs.status, theirs.stderr]);
  });

  it("that are damaged are a fault with its byte; --keep-going goes on after it", async () => {
    const all = await decode(join(FIXTURES, "pg18-orders.hex"));
    const [first = "", second = "", ...rest] = all.split("\n");
    const path = file("damaged.ndjson", [first, second.slice(0, 50), ...rest].join("\n"));
    const { status, stderr } = await walctlInside(["decode-file", path]);
    assert.equal(status, 3);
    assert.match(stderr, new RegExp(`byte ${first.length + 51}: line: ends within`));
    const went = await walctlInside(["decode-file", "--keep-going", path]);
    assert.equal(went.status, 3);
    assert.ok(went.stdout.split("\n").length > rest.length - 2);
    const cut = await walctlInside(["decode-file", file("cut.ndjson", all.slice(0, -30))]);
    assert.match(cut.stderr, /truncated capture/);
  });

  it("of another kind are known by it: a catalogue, wal2json", async () => {
    const catalog = file("a.catalog", '{"kind":"catalog","format":1}\n');
    assert.match(
      (await walctlInside(["decode-file", catalog])).stderr,
      /a catalogue file.*\nHINT: .*--catalog/,
    );
    const other = file("other.ndjson", '{"action":"B"}\n');
    assert.match((await walctlInside(["decode-file", other])).stderr, /the plugin wal2json/);
    const third = file("third.ndjson", '{"a":1}\n');
    assert.match((await walctlInside(["decode-file", third])).stderr, /JSON, not pgoutput/);
  });

  it("that test_decoding or wal2json printed, as a file or beside LSN and xid, are those plugins' output", async () => {
    const change = "table public.t: INSERT: id[integer]:1 name[text]:'BEGIN'";
    const v1 = '{"change":[{"kind":"insert","schema":"public","table":"t"}]}';
    for (const [plugin, text] of [
      ["test_decoding", `BEGIN 731\n${change}\nCOMMIT 731\n`],
      ["test_decoding", "BEGIN\nCOMMIT\n"],
      ["test_decoding", `${change}\n`],
      ["test_decoding", `0/1634D00|731|BEGIN 731\n0/1634D00|731|${change}\n`],
      ["test_decoding", `0/1634D00\t731\tBEGIN 731\n`],
      [
        "test_decoding",
        `    lsn    | xid | data \n-----------+-----+------\n 0/1634D00 | 731 | BEGIN 731\n`,
      ],
      ["wal2json", `${v1}\n`],
      ["wal2json", '{"action":"I","schema":"public"}\n'],
      ["wal2json", `0/1634D00|731|${v1}\n`],
      ["wal2json", '0/1634D00,731,"{""change"":[]}"\n'],
    ] as const) {
      const { status, stderr } = await walctlInside(["decode-file", file("plugin.out", text)]);
      assert.equal(status, 3);
      assert.match(
        stderr,
        new RegExp(
          `the output of the plugin ${plugin}, not of pgoutput\\nHINT: .*captures of pgoutput, the NDJSON of walctl, and WAL`,
        ),
        text,
      );
    }
  });

  /** A table of three columns, and what was done to it. */
  const RELATION = `{"kind":"relation","lsn":null,"xid":7,"oid":20000,"schema":"public","table":"t","replica_identity":"full","columns":[{"name":"id","key":true,"type":"int4","type_oid":23,"type_modifier":-1},{"name":"j","key":true,"type":"jsonb","type_oid":3802,"type_modifier":-1},{"name":"a","key":true,"type":"_int4","type_oid":1007,"type_modifier":-1}]}`;
  const transaction = (xid: number, at: string, change: string, end = ""): string => {
    const time = `"commit_time":"2026-12-02T10:00:00.000000Z"`;
    return [
      `{"kind":"begin","lsn":"0/${at}0","xid":${xid},"commit_lsn":"0/${at}8",${time}}`,
      RELATION,
      `{"kind":${change.replace("{", `"lsn":"0/${at}0","xid":${xid},${time},"schema":"public","table":"t",`)}`,
      `{"kind":"commit","lsn":"0/${at}8","xid":${xid},"commit_lsn":"0/${at}8","end_lsn":"0/${at}F",${time}${end}}`,
      "",
    ].join("\n");
  };
  const insert = (row: string): string => `"insert",{"new":${row}}`;
  const DELETE = `"delete",{"old":{"id":1,"j":null,"a":[1,2]}}`;
  const run = async (...args: readonly string[]): Promise<RunResult> =>
    (await walctlInside(["decode-file", ...args])) as RunResult;

  it("of a transaction that is not whole say so, and are not one as SQL", async () => {
    const row = insert('{"id":1,"j":{},"a":null}');
    const lost = file("lost.ndjson", transaction(7, "10", row, ',"lost":2'));
    assert.match(await decode(lost), /"kind":"commit".*"lost":2\}/);
    const replayed = await run(lost, "-F", "sql");
    assert.match(replayed.stdout, /is not whole.*\nROLLBACK; -- not whole\n$/);
    assert.equal(replayed.status, 3);
    const undone = await run(lost, "-F", "sql", "--undo");
    assert.match(undone.stderr, /some of its changes could not be rebuilt/);
    assert.deepEqual([undone.status, undone.stdout], [3, ""]);
  });

  it("whose values were taken out or do not belong to the table are refused as SQL", async () => {
    for (const [row, what] of [
      ['{"id":1,"a":null}', 'a value of column "j" of public.t'],
      ['{"id":1,"j":1,"a":null,"x":2}', 'column "x" in the relation line of public.t'],
    ] as const) {
      const lines = file("part.ndjson", transaction(7, "10", insert(row)));
      const { status, stderr, stdout } = await run(lines, "-F", "sql");
      assert.match(stderr, new RegExp(`error: .*${what} is not in the input`));
      assert.equal(status, 3);
      assert.doesNotMatch(stdout, /INSERT/);
    }
    const lines = file("part.ndjson", transaction(7, "10", insert('{"id":1,"a":null}')));
    assert.match(await decode(lines), /"new":\{"id":1,"a":null\},"unchanged":\["j"\]/);
  });

  it("that do not tell a value's all are taken for SQL with a warning that names the column", async () => {
    const lines = file("vague.ndjson", transaction(7, "10", DELETE));
    const { stderr, stdout, status } = await run(lines, "-F", "sql", "--undo");
    assert.equal(status, 0);
    assert.match(stderr, /warning: j of public\.t: null is taken for NULL/);
    assert.match(stderr, /warning: a of public\.t: arrays are taken to begin at 1/);
    assert.match(stdout, /^-- j of public\.t: null is taken for NULL.*$/m);
    assert.doesNotMatch((await run(lines, "-F", "table")).stderr, /taken/);
    const json = file("json.ndjson", transaction(7, "10", DELETE).replace('"jsonb"', '"json"'));
    writeFileSync(json, readFileSync(json, "utf8").replace("3802", "114"));
    assert.doesNotMatch((await run(json, "-F", "sql")).stderr, /white space/);
    writeFileSync(json, readFileSync(json, "utf8").replace('"j":null', '"j":{ "b" :  1 }'));
    assert.match(
      (await run(json, "-F", "sql")).stderr,
      /warning: j of public\.t: json is taken as it stands .* white space\nHINT: A statement that compares/,
    );
  });

  it("have jsonb as the server prints it, whoever printed the line", async () => {
    const row = String.raw`{"id":1,"j":{"a" : [1,{"\u0062":"x,\u007f:\n"}],"c":"\u00e9"},"a":null}`;
    const lines = file("jsonb.ndjson", transaction(7, "10", insert(row)));
    const texts = (await decode(lines, "--values", "text")).split("\n");
    const { new: values } = JSON.parse(texts[2] ?? "") as { new: { j: string } };
    assert.equal(values.j, '{"a": [1, {"b": "x,\u007f:\\n"}], "c": "é"}');
  });

  it("with keys that another program sorted have those of jsonb in the server's order, and a warning for json", async () => {
    const sorted = (value: unknown): unknown =>
      value === null || typeof value !== "object" || Array.isArray(value)
        ? value
        : Object.fromEntries(
            Object.entries(value)
              .toSorted(([a], [b]) => (a < b ? -1 : 1))
              .map(([key, each]) => [key, sorted(each)]),
          );
    const row = String.raw`{"id":1,"j":{"a": 3, "z": 1, "é": 0, "bb": {"b": 2, "aa": 1}},"a":null}`;
    const whole = transaction(7, "10", insert(row));
    const lines = whole.trimEnd().split("\n");
    const again = lines.map((line) => `${JSON.stringify(sorted(JSON.parse(line)))}\n`).join("");
    assert.ok(again.includes('"j":{"a":3,"bb":{"aa":1,"b":2},"z":1,"é":0}'), again);
    const texts = (await decode(file("sorted.ndjson", again), "--values", "text")).split("\n");
    const { new: values } = JSON.parse(texts[2] ?? "") as { new: { j: string } };
    assert.equal(values.j, '{"a": 3, "z": 1, "bb": {"b": 2, "aa": 1}, "é": 0}');
    const json = file(
      "sorted-json.ndjson",
      again.replace('"jsonb"', '"json"').replace("3802", "114"),
    );
    assert.match(
      (await run(json, "-F", "sql")).stderr,
      /warning: j of public\.t: json is taken as it stands .* white space and the order of its keys\nHINT/,
    );
  });

  it("with --values text are known by any value of a row", async () => {
    const columns = /\{"name":"id".*?\},(\{"name":"j".*?\}),/;
    const row = insert(String.raw`{"j":"{\"b\":  1}","id":"1","a":null}`);
    const text = transaction(7, "10", row).replace(columns, (all, j: string) => {
      return `${j},${all.slice(0, all.indexOf(",{") + 1)}`;
    });
    const { stdout } = await run(file("texts.ndjson", text), "-F", "sql");
    assert.match(stdout, /\(j, id, a\) .*VALUES \('\{"b": {2}1\}', 1, NULL\)/);
  });

  it("of files in the wrong order are told from those in order, and are no script", async () => {
    const first = file("1.ndjson", transaction(7, "10", DELETE));
    const second = file("2.ndjson", transaction(8, "20", insert('{"id":1,"j":{},"a":null}')));
    for (const undo of [[], ["--undo"]]) {
      const { stderr, status } = await run(second, first, "-F", "sql", ...undo);
      assert.match(stderr, /it committed before one that came earlier/);
      assert.match(stderr, /HINT: .*in the order in which they were written/);
      assert.equal(status, 3);
      assert.equal((await run(first, second, "-F", "sql", ...undo)).status, 0);
    }
    const table = await run(second, first, "-F", "table");
    assert.match(table.stderr, /warning: .*1\.ndjson begins before the end of a file/);
    assert.equal((await run(first, second, "-F", "table")).stderr, "");
  });

  it("may be given with the file that tail writes beside them", async () => {
    const lines = file("state.ndjson", transaction(7, "10", DELETE));
    const state = file("state.ndjson.walctl", '{"walctl":1}\n');
    assert.equal(await decode(lines, state), await decode(lines));
  });

  it("with text that is none are damaged, in every format", async () => {
    for (const [text, what] of [
      [String.raw`"\ud800"`, "half of a surrogate pair"],
      [String.raw`"x\udc00\ud800"`, "half of a surrogate pair"],
      [Buffer.from([0x22, 0xc3, 0x22]).toString("latin1"), "not UTF-8"],
    ] as const) {
      const all = transaction(7, "10", insert(`{"id":1,"j":{},"a":${text}}`));
      const lines = file("text.ndjson", Buffer.from(all, "latin1"));
      const at = all.indexOf('{"kind":"insert"');
      for (const format of ["sql", "ndjson", "table"]) {
        const { stderr, status, stdout } = await run(lines, "-F", format);
        assert.match(stderr, new RegExp(`error: .*byte ${at}: line: ${what}`));
        assert.equal(status, 3);
        assert.doesNotMatch(stdout, /\ufffd/);
      }
    }
    const pair = insert(String.raw`{"id":1,"j":{},"a":"\ud83d\ude00"}`);
    assert.match(await decode(file("pair.ndjson", transaction(7, "10", pair))), /"a":"😀"/);
  });

  it("with base64 that is none are damaged, in every format", async () => {
    for (const base64 of ["QUI", "QUJ=", "QU!C", "QUI=QUJD", "QUI=\\n", "====", "_-8="]) {
      for (const change of [
        insert(`{"id":1,"j":{},"a":{"bytes_base64":"${base64}"}}`),
        insert(`{"id":1,"j":{},"a":{"binary_base64":"${base64}"}}`),
        `"message",{"transactional":true,"message_lsn":"0/1","prefix":"p","content_base64":"${base64}"}`,
        `"unknown",{"tag":"Z","bytes_base64":"${base64}"}`,
      ]) {
        const all = transaction(7, "10", change);
        for (const format of ["sql", "ndjson"]) {
          const { stderr, status } = await run(file("base64.ndjson", all), "-F", format);
          assert.match(
            stderr,
            new RegExp(`error: .*byte ${all.indexOf(change.slice(0, 9)) - 8}: line: not base64`),
          );
          assert.equal(status, 3);
        }
      }
    }
    const bytes = insert('{"id":1,"j":{"bytes_base64":"QU!C"},"a":{"bytes_base64":"/w=="}}');
    assert.match(
      await decode(file("bytes.ndjson", transaction(7, "10", bytes))),
      /"QU!C".*"\/w=="/,
    );
  });

  it("with a column or a key twice are damaged, in every format", async () => {
    const row = insert('{"id":1,"j":{"a":1,"a":2},"a":null}');
    const all = transaction(7, "10", row);
    assert.match(await decode(file("twice.ndjson", all)), /"j":\{"a": 1, "a": 2\}/);
    for (const [text, at, what] of [
      [all.replace('"name":"j"', '"name":"id"'), '{"kind":"relation"', "a column twice"],
      [all.replace('"new":{', '"new":{"id":2,'), '{"kind":"insert"', "a key twice"],
      [all.replace('"kind":"insert"', '$&,"xid":8'), '{"kind":"insert"', "a key twice"],
    ] as const) {
      for (const format of ["sql", "ndjson"]) {
        const { stderr, status } = await run(file("twice.ndjson", text), "-F", format);
        assert.match(stderr, new RegExp(`error: .*byte \\d+: line: ${what}`));
        assert.ok(Number(/byte (\d+)/.exec(stderr)?.[1]) >= text.indexOf(at), stderr);
        assert.equal(status, 3);
      }
    }
  });

  it("that another program printed again are read", async () => {
    const source = join(FIXTURES, "pg18-orders.hex");
    const lines = file("jq.ndjson", await decode(source));
    const jq = (...args: string[]): string =>
      execFileSync(toolPath("jq"), [...args, lines], { encoding: "utf8" });
    const python = (text: string): string =>
      text.replaceAll(/"(?:[^"\\]|\\.)*"|[:,]/g, (token) =>
        token.length > 1 ? token : `${token} `,
      );
    const shown = [["-F", "ndjson"], ["-F", "sql"], ["--summary"]];
    for (const text of [jq("-c", "."), jq("-cS", "."), python(jq("-c", "."))]) {
      for (const args of shown)
        assert.equal(
          await decode(file("again.ndjson", text), ...args),
          await decode(source, ...args),
        );
    }
    for (const [args, hint] of [
      [["."], "jq -c . "],
      [["-s", "."], "jq -c '\\.\\[\\]' "],
      [["-sc", "."], "jq -c '\\.\\[\\]' "],
    ] as const) {
      const { stderr, status } = await run(file("spread.json", jq(...args)));
      assert.match(
        stderr,
        new RegExp(`not one JSON object a line\nHINT: .*: ${hint}.*spread.json \\|`),
      );
      assert.equal(status, 3);
    }
    // Nothing there is called "standard input".
    const piped = await walctl(["decode-file", "-"], { stdin: jq(".") });
    assert.match(piped.stderr, /HINT: .*: jq -c \. FILE \| walctl decode-file -\n/);
    const wal2json = file(
      "v2.json",
      '{"action":"I","xid":1,"lsn":"0/1","columns":[{"name":"kind"}]}\n',
    );
    assert.match((await run(wal2json)).stderr, /the plugin wal2json/);
  });

  it("with an xid that is none are damaged", async () => {
    for (const xid of ['"x"', "-1", "1e30"]) {
      const lines = file("xid.ndjson", `{"kind":"begin","lsn":"0/10","xid":${xid}}\n`);
      const { stderr, status, stdout } = await run(lines, "-F", "ndjson");
      assert.match(stderr, /byte 0: line: "xid" is missing or wrong/);
      assert.deepEqual([status, stdout], [3, ""]);
    }
  });
});
