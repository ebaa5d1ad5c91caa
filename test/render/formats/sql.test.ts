/** What -F sql prints, without a server; sql.pg.test.ts runs it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Lsn } from "../../../src/lsn.ts";
import { PgoutputDecoder } from "../../../src/postgres/messages/decoder.ts";
import { NONE_RULED, TypeRegistry } from "../../../src/postgres/messages/type-registry.ts";
import { SqlScript } from "../../../src/render/formats/sql-script.ts";
import { SqlRenderer } from "../../../src/render/formats/sql.ts";
import { matchGolden } from "../../support/golden/golden.ts";
import { spawnWalctl, walctl } from "../../support/program/cli.ts";
import { encodeCapture } from "../../support/wire/captures.ts";
import {
  type WireColumn,
  type WireMessage,
  type WireValue,
  encodeMessage,
} from "../../support/wire/pgoutput-encoder.ts";

const [INT, TEXT, JSON_TYPE] = [23, 25, 114];
const time = 0n;
const begin: WireMessage = { kind: "begin", finalLsn: 0x100n, commitTime: time, xid: 7 };
const commit: WireMessage = {
  kind: "commit",
  commitLsn: 0x100n,
  endLsn: 0x130n,
  commitTime: time,
};

type Identity = Extract<WireMessage, { kind: "relation" }>["replicaIdentity"];

/** `id int, v text, j json` */
function relation(
  replicaIdentity: Identity = "default",
  keys: readonly string[] = ["id"],
  names: readonly string[] = ["id", "v", "j"],
): WireMessage {
  const types = [INT, TEXT, JSON_TYPE];
  const columns = names.map((name, index): WireColumn => {
    return { name, key: keys.includes(name), typeOid: types[index] ?? TEXT, typeModifier: -1 };
  });
  const name = { oid: 1, schema: "public", table: "t" };
  return { kind: "relation", xid: null, ...name, replicaIdentity, columns };
}

/** null: NULL; undefined: not sent. */
type Value = string | Uint8Array | null | undefined;

function row(...values: readonly Value[]): WireValue[] {
  return values.map((value): WireValue => {
    if (value === null) return { kind: "null" };
    if (value === undefined) return { kind: "unchanged" };
    return { kind: "text", bytes: typeof value === "string" ? Buffer.from(value) : value };
  });
}

const insert = (...values: readonly Value[]): WireMessage => ({
  kind: "insert",
  xid: null,
  oid: 1,
  new: row(...values),
});
const update = (
  now: WireValue[],
  { key = null, old = null }: { key?: WireValue[] | null; old?: WireValue[] | null } = {},
): WireMessage => ({ kind: "update", xid: null, oid: 1, key, old, new: now });
const remove = ({
  key = null,
  old = null,
}: {
  key?: WireValue[] | null;
  old?: WireValue[] | null;
}): WireMessage => ({ kind: "delete", xid: null, oid: 1, key, old });

interface Options {
  readonly checked?: boolean;
  readonly types?: TypeRegistry;
}

/** Without the lines at the top. */
function sqlOf(
  messages: ReadonlyArray<WireMessage | Uint8Array>,
  options: Options = {},
): readonly string[] {
  const { checked = false, types = new TypeRegistry() } = options;
  const script = new SqlScript("0", checked, undefined);
  const isLost = (): boolean => false;
  const more = { wanted: undefined, tablesChanged: false, isLost };
  const renderer = new SqlRenderer({ types, script, ...more });
  const decoder = new PgoutputDecoder();
  for (const message of messages) {
    renderer.render(
      decoder.decode(message instanceof Uint8Array ? message : encodeMessage(message)),
    );
  }
  renderer.finish();
  const text = Buffer.from(renderer.take()).toString("latin1");
  return text
    .trimEnd()
    .split("\n")
    .filter((line) => !/^(-- Changes|SET )/.test(line));
}

/** Of one transaction, without its BEGIN and COMMIT. */
function statementsOf(messages: readonly WireMessage[], options?: Options): readonly string[] {
  return sqlOf([begin, ...messages, commit], options).slice(1, -1);
}

describe("-F sql", () => {
  it("prints the statements of a workload with all types", async () => {
    const path = fileURLToPath(
      new URL("../../../../fixtures/wal2json/pg17.walctl", import.meta.url),
    );
    const { stdout, stderr, status } = await walctl(["decode-file", path, "-F", "sql"]);
    assert.equal(status, 0, stderr);
    matchGolden("fixtures/sql/pg17.sql", stdout);
  });

  it("brackets each transaction", () => {
    const next = { ...begin, xid: 8 };
    const messages = [begin, relation(), insert("1", "a", null), commit, next, commit];
    assert.deepEqual(sqlOf(messages), [
      "BEGIN; SET CONSTRAINTS ALL DEFERRED; -- xid 7, commit_lsn 0/100, commit_time 2000-01-01T00:00:00.000000Z",
      "INSERT INTO public.t (id, v, j) OVERRIDING SYSTEM VALUE VALUES (1, 'a', NULL);",
      "COMMIT; -- end_lsn 0/130",
      "BEGIN; SET CONSTRAINTS ALL DEFERRED; -- xid 8, commit_lsn 0/100, commit_time 2000-01-01T00:00:00.000000Z",
      "COMMIT; -- end_lsn 0/130",
    ]);
  });

  const FULL = relation("full", ["id", "v", "j"]);
  const CASES: ReadonlyArray<
    readonly [story: string, messages: readonly WireMessage[], statements: readonly string[]]
  > = [
    [
      "sets what was sent, finds the row by its key",
      [relation(), update(row("1", "b", undefined))],
      ["UPDATE public.t SET v = 'b' WHERE id = 1;"],
    ],
    [
      "sets a key that changed",
      [relation(), update(row("2", "b", "{}"), { key: row("1", null, null) })],
      ["UPDATE public.t SET id = 2, v = 'b', j = '{}' WHERE id = 1;"],
    ],
    [
      "sets what differs from the old row, and compares all of it",
      [FULL, update(row("1", "b", undefined), { old: row("1", null, "{}") })],
      [
        "UPDATE public.t SET v = 'b' WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM public.t WHERE id = 1 AND v IS NULL AND j::text = '{}' LIMIT 1);",
      ],
    ],
    [
      "says that nothing changed",
      [FULL, update(row("1", "b", "1"), { old: row("1", "b", "1") })],
      ["-- UPDATE of public.t changed nothing"],
    ],
    [
      "puts rows of one table together, and counts those that are equal",
      [
        FULL,
        insert("1", "a", null),
        insert("1", "a", null),
        remove({ old: row("1", "a", null) }),
        remove({ old: row("1", "a", null) }),
        remove({ old: row("2", "a", null) }),
      ],
      [
        "INSERT INTO public.t (id, v, j) OVERRIDING SYSTEM VALUE VALUES",
        "  (1, 'a', NULL),",
        "  (1, 'a', NULL);",
        "DELETE FROM public.t WHERE (tableoid, ctid) IN (SELECT tableoid, ctid FROM public.t WHERE id = 1 AND v = 'a' AND j IS NULL LIMIT 2) OR (tableoid, ctid) = (SELECT tableoid, ctid FROM public.t WHERE id = 2 AND v = 'a' AND j IS NULL LIMIT 1);",
      ],
    ],
    [
      "finds rows by a list of keys, or by several columns",
      [
        relation(),
        remove({ key: row("1", null, null) }),
        remove({ key: row("2", null, null) }),
        insert("3", "c", null),
        relation("default", ["id", "v"]),
        remove({ key: row("1", "a", null) }),
        remove({ key: row("2", "it's", null) }),
      ],
      [
        "DELETE FROM public.t WHERE id IN (1, 2);",
        "INSERT INTO public.t (id, v, j) OVERRIDING SYSTEM VALUE VALUES (3, 'c', NULL);",
        "DELETE FROM public.t WHERE (id = 1 AND v = 'a') OR (id = 2 AND v = 'it''s');",
      ],
    ],
    [
      "takes for the key what is not null, where a service marks no column",
      [
        relation("default", []),
        remove({ key: row("1", null, null) }),
        update(row("2", null, "{}"), { key: row("1", null, null) }),
      ],
      [
        "DELETE FROM public.t WHERE id = 1;",
        "UPDATE public.t SET id = 2, v = NULL, j = '{}' WHERE id = 1;",
      ],
    ],
    [
      "keeps every value on its line",
      [relation(), insert("1", "a\nCOMMIT;\r\t\u0001'\\.", "\u0085")],
      [
        String.raw`INSERT INTO public.t (id, v, j) OVERRIDING SYSTEM VALUE VALUES (1, E'a\nCOMMIT;\r\t\x01''\\.', '${Buffer.from("\u0085").toString("latin1")}');`,
      ],
    ],
    [
      "escapes bytes that are not UTF-8",
      [relation(), insert("1", Buffer.from([0x61, 0xff, 0xc3, 0xa9, 0xe9]), null)],
      [
        String.raw`INSERT INTO public.t (id, v, j) OVERRIDING SYSTEM VALUE VALUES (1, E'a\xff${Buffer.from("é").toString("latin1")}\xe9', NULL);`,
      ],
    ],
    [
      "quotes names that need it, on one line",
      [relation("default", [], ["select", 'a\n\\"b', "Ü"]), insert("1", null, null)],
      [
        String.raw`INSERT INTO public.t ("select", U&"a\000a\\""b", "${Buffer.from("Ü").toString("latin1")}") OVERRIDING SYSTEM VALUE VALUES (1, NULL, NULL);`,
      ],
    ],
    [
      "empties tables, and not those that refer to them",
      [
        relation(),
        { kind: "truncate", xid: null, oids: [1], cascade: true, restartIdentity: true },
      ],
      ["TRUNCATE TABLE public.t RESTART IDENTITY;"],
    ],
    [
      "says that a table has other columns",
      [relation(), relation(), insert("1", "a", null), relation("default", ["id"], ["id", "w"])],
      [
        "INSERT INTO public.t (id, v, j) OVERRIDING SYSTEM VALUE VALUES (1, 'a', NULL);",
        "-- now altered: public.t (id integer, w text)",
      ],
    ],
  ];
  for (const [story, messages, statements] of CASES) {
    it(story, () => {
      assert.deepEqual(statementsOf(messages), statements);
    });
  }

  it("leaves generated columns out", () => {
    const types = new TypeRegistry();
    types.ruled(1, { ...NONE_RULED, generated: ["v"] });
    const messages = [
      relation("full", ["id", "v", "j"]),
      insert("1", "a", null),
      update(row("2", "b", null), { old: row("1", "a", null) }),
    ];
    assert.deepEqual(statementsOf(messages, { types }), [
      "INSERT INTO public.t (id, j) OVERRIDING SYSTEM VALUE VALUES (1, NULL);",
      "UPDATE public.t SET id = 2 WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM public.t WHERE id = 1 AND j IS NULL LIMIT 1);",
    ]);
  });

  it("sets no identity column that is GENERATED ALWAYS, and says where one was set", () => {
    const types = new TypeRegistry();
    types.ruled(1, { ...NONE_RULED, always: ["v"] });
    const set = (was: string, now: string): readonly string[] => {
      const change = update(row("1", now, "1"), { old: row("1", was, "2") });
      return statementsOf([FULL, change], { types });
    };
    assert.match(set("5", "5").join(), /^UPDATE public\.t SET j = '1' WHERE/);
    assert.match(
      set("5", "6").join(),
      /^-- UPDATE of public\.t: a GENERATED ALWAYS identity column was set,SELECT '.*'::integer;$/,
    );
    assert.deepEqual(statementsOf([relation(), update(row("1", "6", "1"))], { types }), [
      "UPDATE public.t SET j = '1' WHERE id = 1;",
    ]);
  });

  it("writes a name of any characters in all places", () => {
    const name = '"Ģ\\! echo #"';
    const messages = [
      { ...relation("full"), table: name.slice(1, -1) },
      remove({ old: row("1", "Ģ", null) }),
    ] as WireMessage[];
    const [line = ""] = statementsOf(messages);
    assert.equal(
      Buffer.from(line, "latin1").toString(),
      `DELETE FROM public.${name} WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM public.${name} WHERE id = 1 AND v = 'Ģ' AND j IS NULL LIMIT 1);`,
    );
  });

  it("uses another tag with --checked where a value holds it", () => {
    const [line = ""] = statementsOf([relation(), insert("1", "$walctl$", null)], {
      checked: true,
    }).slice(1);
    assert.match(line, /^DO \$walctl1\$ .* \$walctl1\$;$/);
  });

  it("rolls back what is not whole, and makes a comment of what has no beginning", () => {
    const all = (messages: ReadonlyArray<WireMessage | Uint8Array>): string =>
      sqlOf(messages).join("\n");
    assert.match(
      all([begin, relation(), insert("1", "a", null)]),
      /INSERT .*\n-- transaction: it does not end in the input\nROLLBACK; -- not whole$/,
    );
    assert.match(
      all([
        begin,
        relation("nothing", []),
        update(row("1", "b", null)),
        insert("1", "a", null),
        commit,
      ]),
      /\n-- UPDATE of public\.t: its old row was not sent\nINSERT .*\nSELECT 'xid 7, .* is not whole: .*'::integer;\nROLLBACK; -- not whole$/,
    );
    assert.match(
      all([begin, relation(), insert("1", undefined, null), commit]),
      /\n-- INSERT of public\.t: a value of it is not known\nSELECT 'xid 7, .* is not whole: .*'::integer;\nROLLBACK; -- not whole$/,
    );
    // The key is a column that was not sent.
    assert.match(
      all([begin, relation("default", []), remove({ key: row(null, null, null) }), commit]),
      /\n-- DELETE of public\.t: a value of it is not known\nSELECT 'xid 7, .* is not whole: .*'::integer;\nROLLBACK; -- not whole$/,
    );
    assert.match(
      all([begin, relation(), Buffer.from("Zx"), insert("1", "a", null), commit]),
      /\n-- transaction: a message of it is not known\nINSERT .*\nSELECT 'xid 7, .* is not whole: .*'::integer;\nROLLBACK; -- not whole$/,
    );
    // A slot goes back to where it was; a later one comes behind what is lost.
    const cut = [begin, relation(), insert("1", "a", null)];
    const next = { ...begin, finalLsn: 0x110n };
    assert.match(
      all([...cut, begin, insert("2", "a", null), commit]),
      /\n-- transaction: its end is missing\nROLLBACK; -- not whole\nBEGIN; [^]*COMMIT; -- end_lsn 0\/130$/,
    );
    assert.match(
      all([...cut, next, insert("2", "a", null), commit]),
      /\nSELECT 'xid 7, commit_lsn 0\/100 is not whole: transaction: its end is missing'::integer;\nROLLBACK; -- not whole\nBEGIN; /,
    );
    assert.equal(
      all([relation(), insert("1", "a", null), insert("2", "a", null), commit]),
      "-- its beginning is missing\n" +
        "-- INSERT INTO public.t (id, v, j) OVERRIDING SYSTEM VALUE VALUES\n--   (1, 'a', NULL),\n--   (2, 'a', NULL);",
    );
  });

  it("repeats no transaction that a capture holds twice, but one of which only a part came", async () => {
    const one = [begin, relation(), insert("1", "a", null), commit].map(encodeMessage);
    const run = async (messages: readonly Uint8Array[], ...more: string[]): Promise<string> => {
      const stdin = encodeCapture("walctl", messages);
      const result = await walctl(["decode-file", "-", "-F", "sql", ...more], { stdin });
      return `${result.status} ${result.stderr} ${result.stdout}`;
    };
    const twice = await run([...one, ...one]);
    assert.match(twice, /^3 .*: 1 transaction is not whole.*\n.*transaction: it has come before /);
    assert.match(twice, /COMMIT; -- end_lsn .*\n-- xid 7, .*: it has come before\n-- INSERT .*\n$/);
    assert.match(await run([...one, ...one], "--undo"), /^3 .*\n.*it has come before .*\n.*\n $/);
    assert.match(
      await run([...one.slice(0, 3), ...one]),
      /ROLLBACK; -- not whole\nBEGIN.*\nINSERT/,
    );
  });

  it("says of a transaction behind 100,000 later ones only that it may have come before", () => {
    const script = new SqlScript("0", false, undefined);
    for (let lsn = 10; lsn <= 100_010; lsn++) script.came(7, BigInt(lsn) as Lsn);
    const repeated = [9, 10, 11, 100_011].map((lsn) => script.repeated(7, BigInt(lsn) as Lsn));
    const perhaps = "it may have come before";
    assert.deepEqual(repeated, [perhaps, perhaps, "it has come before", undefined]);
  });

  it("says so when a signal cuts an undo, which has no COMMIT then", async () => {
    const rows = Array.from({ length: 20_000 }, (_, id) => insert(`${id}`, "a".repeat(99), null));
    const running = spawnWalctl(["decode-file", "-", "-F", "sql", "--undo"]);
    const messages = [begin, relation(), ...rows, commit].map(encodeMessage);
    running.child.stdin.end(encodeCapture("walctl", messages));
    await running.waitFor((line) => line.startsWith("BEGIN; "));
    running.stall();
    const { status, stderr } = await running.stop("SIGINT");
    assert.equal(status, 3);
    assert.match(stderr, /a signal ended it before the undo was printed/);
    assert.ok(!running.lines.includes("COMMIT;"));
  });

  it("undoes nothing of a table whose columns were renamed behind it", async () => {
    const renamed = relation("full", ["id"], ["id", "j", "v"]);
    const messages = [begin, relation("full"), insert("1", "a", null), renamed];
    const stdin = encodeCapture(
      "walctl",
      [...messages, insert("2", null, "b"), commit].map(encodeMessage),
    );
    const { stdout, stderr } = await walctl(["decode-file", "-", "-F", "sql", "--undo"], { stdin });
    assert.equal(stdout, "");
    assert.match(
      stderr,
      /change of public\.t: it or its columns were renamed, dropped or given another type since \(1, /,
    );
  });

  it("undoes a capture", async () => {
    const messages = [begin, relation(), insert("1", "a", null), commit].map(encodeMessage);
    const stdin = encodeCapture("walctl", messages);
    const { stdout, status } = await walctl(["decode-file", "-", "-F", "sql", "--undo"], { stdin });
    assert.equal(status, 0);
    assert.match(
      stdout,
      /^-- The undo of changes.*\nSET .*\n-- Triggers .*\nBEGIN; .*\nDO \$walctl\$ BEGIN IF NOT EXISTS \(.* nspname = 'public' AND relname = 't' .* \(attname IN \('id'\) AND attcollation = indcollation\[n\]\) .* END \$walctl\$;\n-- undo of xid 7.*\nDELETE FROM public\.t WHERE id = 1 AND v = 'a' AND j IS NULL;\nCOMMIT;\n$/,
    );
  });

  it("undoes nothing of a capture that is damaged", async () => {
    const whole = encodeCapture(
      "walctl",
      [begin, relation(), insert("1", "a", null), commit].map(encodeMessage),
    );
    const args = ["decode-file", "-", "-F", "sql", "--undo", "--keep-going"];
    const { stdout, stderr, status } = await walctl(args, { stdin: whole.subarray(0, -3) });
    assert.equal(`${status} ${stdout}`, "3 ");
    assert.match(stderr, /error: not all changes can be undone, so nothing is printed/);
    const longer = Buffer.concat([encodeMessage(commit), Buffer.from([0])]);
    const damaged = encodeCapture("walctl", [encodeMessage(begin), longer]);
    const stopped = await walctl(args.slice(0, -1), { stdin: damaged });
    assert.equal(`${stopped.status} ${stopped.stdout}`, "3 ");
    assert.match(stopped.stderr, /\nHINT: Give the damaged or missing part whole, /);
  });
});
