import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { ConnectTimeout } from "../../../src/server/connection/dial.ts";
import { WrongSession } from "../../../src/server/connection/session-attrs.ts";
import { NoTls, TlsWanted } from "../../../src/server/connection/tls-errors.ts";
import { WalctlError } from "../../../src/errors.ts";
import { sinkError } from "../../../src/output/sink.ts";
import { ConsumerError } from "../../../src/server/start/consumer.ts";
import { causeOf, passes } from "../../../src/server/query/causes.ts";
import { connectError, serverError } from "../../../src/server/query/server-errors.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";

const target = resolveTarget(
  { host: "db.example", username: 'My "Role"', dbname: "app" },
  { PGPASSWORD: "secret" },
);

function fromServer(code: string, message: string, detail?: string): pg.DatabaseError {
  const error = new pg.DatabaseError(message, message.length, "error");
  return Object.assign(error, { code, detail });
}

function fromSystem(code: string, syscall = "connect"): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}

test("what a pooler does not take, its hint names", () => {
  const hintOf = (parameter: string): string =>
    connectError(fromServer("08P01", `unsupported startup parameter: ${parameter}`), target).hint ??
    "";
  assert.match(hintOf("replication"), /does not let replication through: connect to the server/);
  assert.match(hintOf("options"), /PGOPTIONS, or options in the connection string/);
});

test("a connection error says where, why and what to do, and never the password", () => {
  const errors = [
    ...["ECONNREFUSED", "ENOENT", "EACCES", "ENOTFOUND", "ETIMEDOUT"].map((code) =>
      fromSystem(code),
    ),
    ...["ERR_TLS_CERT_ALTNAME_INVALID", "DEPTH_ZERO_SELF_SIGNED_CERT"].map((code) =>
      fromSystem(code),
    ),
    ...["28P01", "28000", "3D000", "42501", "53300", "57P03"].map((code) =>
      fromServer(code, "why"),
    ),
    new ConnectTimeout(),
    new NoTls(),
    new TlsWanted(fromServer("28000", "why")),
    new WrongSession("session is read-only"),
  ];
  for (const error of errors) {
    const { message, hint, cause } = connectError(error, target);
    assert.match(message, /^could not connect to server at "db\.example", port 5432: \S/);
    assert.ok(hint !== undefined, message);
    assert.ok(!`${message}${hint}`.includes("secret"));
    assert.equal(cause, error);
  }
});

test("a WalctlError passes through unchanged", () => {
  const error = new WalctlError("known");
  assert.equal(connectError(error, target), error);
  assert.equal(serverError(error, "do it"), error);
});

test("a bug is not taken for the server's error", () => {
  const bug = new TypeError("x is not a function");
  assert.throws(
    () => serverError(bug, "do it"),
    (error) => error === bug,
  );
});

test("DETAIL is passed on only where it cannot quote a row", () => {
  const right = serverError(fromServer("42501", "permission denied", "Only superusers."), "do it");
  assert.equal(right.message, "could not do it: permission denied (SQLSTATE 42501)");
  assert.equal(right.detail, "Only superusers.");
  for (const code of ["23505", "22P02", "P0001", "XX000"]) {
    assert.equal(
      serverError(fromServer(code, "bad", "Key (a)=(secret)"), "do it").detail,
      undefined,
    );
  }
});

test("a hint of ours is preferred to the server's", () => {
  const error = Object.assign(fromServer("55P03", "timeout"), { hint: "server's" });
  assert.equal(serverError(error, "do it").hint, "server's");
  assert.equal(serverError(error, "do it", { "55P03": "ours" }).hint, "ours");
});

test("what passes is told from what stays, also behind an error of ours", () => {
  const passing = [
    ...["08006", "57P01", "57P02", "57P03", "53300", "57014", "40P01", "55P03"].map((code) =>
      fromServer(code, "gone"),
    ),
    ...["ECONNRESET", "EPIPE", "ECONNREFUSED", "ENOENT"].map((code) => fromSystem(code)),
    new Error("Connection terminated unexpectedly"),
    new WalctlError("could not connect", { cause: fromSystem("ECONNREFUSED") }),
    serverError(fromServer("40P01", "deadlock detected"), "stream the changes"),
  ];
  const staying = [
    ...["42704", "28P01", "3D000", "22021", "54000"].map((code) => fromServer(code, "no")),
    fromSystem("ENOENT", "open"),
    new WalctlError("certificate", { cause: fromSystem("ENOENT", "open") }),
    new WalctlError("known"),
    // Of a file on another machine: to connect to the server again would lose what was not written.
    new ConsumerError(sinkError(fromSystem("ETIMEDOUT"))),
    new Error("no case for 1"),
    undefined,
  ];
  for (const error of passing) assert.equal(passes(error), true, String(error));
  for (const error of staying) assert.equal(passes(error), false, String(error));
  assert.equal(causeOf(fromServer("XX000", "cache lookup failed")), "doubtful");
});
