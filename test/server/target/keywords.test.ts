import assert from "node:assert/strict";
import { test } from "node:test";
import { WalctlError } from "../../../src/errors.ts";
import { KEYWORDS, type Keyword, nearestKeyword } from "../../../src/server/target/keywords.ts";
import type { ConnectionTarget } from "../../../src/server/target/target.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";

interface Said {
  readonly message: string;
  readonly refused: boolean;
}

/** What is said of `keyword=value`, given in a string and by the variable: an error or warnings. */
function said({ keyword, variable }: Keyword, value: string): readonly Said[] {
  const ways = [
    ...(keyword === undefined ? [] : [[{ dbname: `${keyword}='${value}'` }, {}] as const]),
    ...(variable === undefined ? [] : [[{}, { [variable]: value }] as const]),
  ];
  return ways.flatMap(([flags, env]): readonly Said[] => {
    const warnings: string[] = [];
    try {
      resolveTarget({ host: "/nonexistent", ...flags }, env, ({ message }) => {
        warnings.push(message);
      });
      return warnings.map((message) => ({ message, refused: false }));
    } catch (error) {
      assert.ok(error instanceof WalctlError && error.exitCode === 2, String(error));
      return [{ message: `${error.message} ${error.hint ?? ""}`, refused: true }];
    }
  });
}

test("what is refused is refused by name, and its value is not shown", () => {
  const refused = KEYWORDS.filter(({ treatment }) => treatment === "refused");
  assert.ok(refused.length >= 8);
  for (const entry of refused) {
    const messages = said(entry, "hush-4711");
    assert.ok(messages.length > 0, entry.keyword);
    for (const { message, refused: isRefused } of messages) {
      assert.ok(isRefused && message.startsWith(`${entry.keyword} is not supported`), message);
      assert.ok(!message.includes("4711"));
    }
  }
  for (const entry of KEYWORDS)
    for (const value of entry.refuses ?? [])
      for (const { message, refused: isRefused } of said(entry, value))
        assert.ok(isRefused && message.startsWith(`${entry.keyword}=${value} is not`), message);
});

test("a value that a keyword does not have is refused by the keyword's name", () => {
  for (const entry of KEYWORDS.filter(({ values, integer }) => values !== undefined || integer)) {
    const messages = said(entry, "nonsense");
    assert.ok(messages.length > 0, entry.keyword);
    for (const { message, refused } of messages)
      assert.ok(refused && message.includes(entry.keyword ?? "?"), message);
  }
});

test("what has no effect says so where it would be missed", () => {
  const told = KEYWORDS.filter(({ harmless }) => harmless !== undefined);
  assert.ok(told.length >= 6);
  for (const entry of told) {
    const other = entry.integer === true ? "77" : "LATIN1";
    if (entry.values === undefined)
      for (const { message, refused } of said(entry, other))
        assert.deepEqual([message, refused], [`${entry.keyword} has no effect`, false]);
    for (const value of entry.harmless ?? [])
      if (entry.integer !== true || value !== "") assert.deepEqual(said(entry, value), [], value);
  }
});

/** A value of each keyword that is obeyed, and what it changes. Those that are about files have tests of their own. */
const OBEYED: Readonly<
  Record<
    string,
    readonly [value: string, seen: (target: ConnectionTarget) => unknown, expected: unknown]
  >
> = {
  user: ["ann", ({ user }) => user, "ann"],
  password: ["x", ({ password }) => password, "x"],
  passfile: ["/f", ({ passfile }) => passfile, "/f"],
  require_auth: ["md5,none", ({ requiredAuth }) => [...requiredAuth.allowed], ["md5", "none"]],
  channel_binding: ["require", ({ channelBinding }) => channelBinding, "require"],
  connect_timeout: ["7", ({ connectTimeoutMs }) => connectTimeoutMs, 7000],
  dbname: ["shop", ({ database }) => database, "shop"],
  host: ["/h", ({ places }) => places[0].host, "/h"],
  hostaddr: ["192.0.2.1", ({ places }) => places[0].hostaddr, "192.0.2.1"],
  port: ["7", ({ places }) => places[0].port, 7],
  options: ["-c a=b", ({ options }) => options, "-c a=b"],
  application_name: ["me", ({ applicationName }) => applicationName, "me"],
  fallback_application_name: ["me", ({ applicationName }) => applicationName, "me"],
  keepalives: ["0", ({ keepaliveIdleMs }) => keepaliveIdleMs, undefined],
  keepalives_idle: ["9", ({ keepaliveIdleMs }) => keepaliveIdleMs, 9000],
  sslmode: ["verify-ca", ({ sslMode }) => sslMode, "verify-ca"],
  sslcert: ["/c", ({ tls }) => tls.cert, "/c"],
  sslkey: ["/k", ({ tls }) => tls.key, "/k"],
  sslcertmode: ["disable", ({ tls }) => tls.certMode, "disable"],
  sslpassword: ["x", ({ tls }) => tls.password, "x"],
  sslrootcert: ["system", ({ sslMode, tls }) => [sslMode, tls.rootCert], ["verify-full", "system"]],
  sslcrl: ["/r", ({ tls }) => tls.crl, "/r"],
  sslcrldir: ["/d", ({ tls }) => tls.crlDir, "/d"],
  sslsni: ["0", ({ tls }) => tls.sni, false],
  ssl_min_protocol_version: ["TLSv1.3", ({ tls }) => tls.minVersion, "TLSv1.3"],
  ssl_max_protocol_version: ["TLSv1.2", ({ tls }) => tls.maxVersion, "TLSv1.2"],
  target_session_attrs: ["standby", ({ sessionAttrs }) => sessionAttrs, "standby"],
  load_balance_hosts: ["random", ({ randomOrder }) => randomOrder, true],
  // walctl speaks 3.0.
  min_protocol_version: ["3.0", () => 1, 1],
  max_protocol_version: ["latest", () => 1, 1],
};

test("what is obeyed arrives, by keyword and by variable", () => {
  // Each of these says more than one value can.
  const apart = new Set(["service", "servicefile", "sslnegotiation", "requirepeer"]);
  for (const { keyword, variable, treatment } of KEYWORDS) {
    if (keyword === undefined || treatment !== "obeyed" || apart.has(keyword)) continue;
    const [value, seen, expected] = OBEYED[keyword] ?? assert.fail(keyword);
    const string = keyword === "host" ? "" : "host=/nonexistent ";
    const flags = { dbname: `${string}${keyword}='${value}'` };
    assert.deepEqual(seen(resolveTarget(flags, {})), expected, keyword);
    if (variable !== undefined)
      assert.deepEqual(seen(resolveTarget({}, { [variable]: value })), expected, variable);
  }
  assert.deepEqual(resolveTarget({}, { PGGEQO: "off" }).settings, { geqo: "off" });
  const direct = { dbname: "sslmode=require sslnegotiation=direct" };
  assert.equal(resolveTarget(direct, {}).tls.direct, true);
  // Of TCP it is not asked, of a socket it cannot be.
  assert.ok(resolveTarget({ dbname: "host=db.example requirepeer=postgres" }, {}));
  assert.throws(
    () => resolveTarget({ dbname: "host=/tmp" }, { PGREQUIREPEER: "postgres" }),
    /requirepeer/,
  );
});

test("a typo is told with what was meant", () => {
  assert.equal(nearestKeyword("sslmodee"), "sslmode");
  assert.equal(nearestKeyword("requireauth"), "require_auth");
  assert.equal(nearestKeyword("foo"), undefined);
});
