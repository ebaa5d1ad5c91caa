import assert from "node:assert/strict";
import { test } from "node:test";
import { type WalctlError, usageError } from "../../../src/errors.ts";
import { renderError } from "../../../src/render/reports/diagnostics.ts";
import { parseConninfo } from "../../../src/server/target/conninfo.ts";
import { findPassword } from "../../../src/server/target/passfile.ts";
import { hostOf, portOf, shellQuote } from "../../../src/server/target/target.ts";
import { type ConnectionFlags, resolveTarget } from "../../../src/server/target/resolve.ts";

const parsed = (text: string): Record<string, string> => Object.fromEntries(parseConninfo(text));

test("-d takes a name, a URI or a connection string", () => {
  for (const [text, parameters] of [
    ["shop", { dbname: "shop" }],
    ["postgresql://", {}],
    ["postgres://localhost", { host: "localhost" }],
    [
      "postgresql://ann:s%3Acret@db.example:5433/shop?sslmode=require&application_name=my%20app",
      {
        user: "ann",
        password: "s:cret",
        host: "db.example",
        port: "5433",
        dbname: "shop",
        sslmode: "require",
        application_name: "my app",
      },
    ],
    ["postgresql://[::1]:5433/shop", { host: "::1", port: "5433", dbname: "shop" }],
    ["postgresql://%2Ftmp%2Fsockets/shop", { host: "/tmp/sockets", dbname: "shop" }],
    ["postgresql:///shop?host=/tmp&port=5433", { dbname: "shop", host: "/tmp", port: "5433" }],
    [
      String.raw`host=localhost  port = 5433 password='a b\'c\\d' dbname=''`,
      { host: "localhost", port: "5433", password: String.raw`a b'c\d`, dbname: "" },
    ],
  ] as const) {
    assert.deepEqual(parsed(text), parameters, text);
  }
});

test("a malformed connection string is refused without showing it: it may hold the password", () => {
  for (const text of [
    "postgresql://u:se%cret@h/d",
    "postgresql://u:secret/d",
    "postgresql://u:12/secret@h/d",
    "postgresql://u:x@secret@h/d",
    "postgresql://u:x/y?secret=1@h/d",
    "password=my secret=1",
    "password=my secret",
    "host='secret",
    "host secret=1 =",
    "postgresql://h/d?secret",
  ]) {
    assert.throws(
      () => parseConninfo(text),
      (error: Error) => !error.message.includes("secret") && !error.message.includes("se%cret"),
      text,
    );
  }
});

const MISSPELLED = [
  "postgress://u:secret@h/d",
  "psql://u:secret@h/d",
  "//u:secret@h/d",
  "postgres:/u:secret@h",
  "Postgresql://u:secret@h/d?sslmode=require",
  "postgresql+psycopg2://u:secret@h/d",
  " postgresql://u:secret@h/d",
  "jdbc:postgresql://h/d?user=u&password=secret",
  "u:secret@h/d",
];

test("a URI with another scheme is refused with the right one, wherever it stands, and not shown", () => {
  const attempts: ReadonlyArray<readonly [flags: ConnectionFlags, env: Record<string, string>]> = [
    ...MISSPELLED.flatMap((text) => [
      [{ dbname: text }, {}] as const,
      [{ host: text }, {}] as const,
      [{ port: text }, {}] as const,
      [{ username: text }, {}] as const,
      [{ dbname: `user=u dbname='${text}'` }, {}] as const,
      ...["PGDATABASE", "PGHOST", "PGPORT", "PGUSER", "PGSERVICE"].map(
        (variable) => [{}, { [variable]: text }] as const,
      ),
    ]),
    ...[
      "host=h;password=secret",
      "dbname=d;password=secret",
      "sslmode=require;password=secret",
      "host=h,password=secret",
      "Server=h;Database=d;User Id=u;Password=secret;",
      "password='secret",
      "postgresql://u@h/d?password=a&secret=b",
    ].map((dbname) => [{ dbname }, {}] as const),
  ];
  for (const [flags, env] of attempts) {
    assert.throws(
      () => resolveTarget(flags, env),
      (error: WalctlError) => error.exitCode === 2 && !renderError(error, true).includes("secret"),
      JSON.stringify([flags, env]),
    );
  }
  for (const dbname of MISSPELLED)
    assert.throws(() => resolveTarget({ dbname }, {}), {
      message: "the connection URI does not begin with postgresql:// or postgres://",
      hint: "The form is postgresql://user@host:port/dbname?sslmode=require.",
    });
  // A database of such a name can be had all the same.
  assert.equal(resolveTarget({ dbname: "postgresql://h/a%3A%2F%2Fb" }, {}).database, "a://b");
});

test("no message shows a password that was typed in any wrong place", () => {
  for (const text of MISSPELLED) {
    const shown = renderError(usageError(`unknown command '${text}'`, `Not ${text}.`), true);
    assert.ok(!shown.includes("secret"), shown);
  }
});

test("a connection string counts most, then the flags, then the environment", () => {
  const env = {
    PGHOST: "env",
    PGPORT: "1",
    PGUSER: "env",
    PGDATABASE: "env",
    PGSSLMODE: "require",
  };
  const target = resolveTarget({ dbname: "host=string", host: "flag", port: "2" }, env);
  assert.deepEqual(
    [hostOf(target), portOf(target), target.user, target.database, target.sslMode],
    ["string", "2", "env", "env", "require"],
  );
  // An empty host is the default one, as in libpq.
  assert.notEqual(hostOf(resolveTarget({ dbname: "host=" }, env)), "env");
  assert.equal(resolveTarget({ username: "ann" }, {}).database, "ann");
  assert.equal(resolveTarget({}, {}).applicationName, "walctl");
  for (const flags of [{ port: "0" }, { port: "65536" }, { port: "x" }, { dbname: "sslmode=no" }]) {
    assert.throws(() => resolveTarget(flags, {}), JSON.stringify(flags));
  }
});

test("the first line of the password file that fits gives the password", () => {
  const file = [
    "# host:port:database:user:password",
    "db:5432:shop:ann:first",
    String.raw`*:*:we\:ird:ann:pass\:wo\\rd`,
    "db:*:*:*:last",
  ].join("\n");
  const key = { host: "db", port: 5432, database: "shop", user: "ann" };
  assert.equal(findPassword(file, key), "first");
  assert.equal(findPassword(file, { ...key, port: 5433 }), "last");
  assert.equal(
    findPassword(file, { ...key, host: "x", database: "we:ird" }),
    String.raw`pass:wo\rd`,
  );
  assert.equal(findPassword(file, { ...key, host: "x" }), undefined);
});

test("a word for a shell line is quoted where it must be", () => {
  assert.equal(shellQuote("db.example"), "db.example");
  assert.equal(shellQuote("it's $HOME"), String.raw`'it'\''s $HOME'`);
  assert.equal(shellQuote(""), "''");
});
