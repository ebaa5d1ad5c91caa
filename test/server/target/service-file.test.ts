/** What libpq 19 adds: servicefile names the file that PGSERVICEFILE named, and oauth_ca_file is of OAuth. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { WalctlError } from "../../../src/errors.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";
import { hostOf } from "../../../src/server/target/target.ts";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "walctl-services-"));
  writeFileSync(join(folder, "one"), "[s]\nhost=/one\n");
  writeFileSync(join(folder, "two"), "[s]\nhost=/two\n");
  writeFileSync(join(folder, "nested"), "[s]\nservicefile=/one\n");
  writeFileSync(join(folder, "oauth"), "[s]\noauth_ca_file=/ca\n");
});
after(() => rmSync(folder, { recursive: true }));

function errorOf(dbname: string): WalctlError {
  try {
    resolveTarget({ dbname }, {});
  } catch (error) {
    if (error instanceof WalctlError) return error;
  }
  return assert.fail(dbname);
}

test("servicefile names the file, before PGSERVICEFILE", () => {
  const env = { PGSERVICEFILE: join(folder, "one") };
  assert.equal(hostOf(resolveTarget({ dbname: "service=s" }, env)), "/one");
  const named = `service=s servicefile=${join(folder, "two")}`;
  const target = resolveTarget({ dbname: named }, env);
  assert.equal(hostOf(target), "/two");
  // The flags of a command to paste say what the service does.
  assert.equal(target.more.has("servicefile"), false);
  assert.equal(
    hostOf(resolveTarget({ dbname: `postgresql:///?${named.replace(" ", "&")}` }, env)),
    "/two",
  );
});

test("a file that is not there, or that names another one, is an error", () => {
  const gone = errorOf("service=s servicefile=/nonexistent/f");
  assert.match(gone.message, /^could not read the service file "\/nonexistent\/f" \(ENOENT\)/);
  assert.equal(gone.hint, "servicefile names that file.");
  const nested = errorOf(`service=s servicefile=${join(folder, "nested")}`);
  assert.match(nested.message, /^a service cannot name another service file in service file /);
});

test("oauth_ca_file is refused as the other names of OAuth are; the variable may be another program's", () => {
  assert.match(errorOf("oauth_ca_file=/ca").message, /^oauth_ca_file is not supported$/);
  assert.match(
    errorOf(`service=s servicefile=${join(folder, "oauth")}`).message,
    /^oauth_ca_file is not supported$/,
  );
  assert.ok(resolveTarget({ host: "/h" }, { PGOAUTHCAFILE: "/ca" }));
});
