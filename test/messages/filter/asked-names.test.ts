import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { walctlInside } from "../../support/program/inside.ts";

const CAPTURE = "fixtures/captures/pg18-orders.hex";

async function warningsOf(...args: readonly string[]): Promise<string> {
  const flags = ["-F", "table", ...args.flatMap((names) => ["--columns", names])];
  const { status, stderr } = await walctlInside(["decode-file", ...flags, CAPTURE]);
  assert.equal(status, 0, stderr);
  return stderr;
}

async function tableWarnings(...patterns: readonly string[]): Promise<string> {
  const flags = patterns.flatMap((pattern) => ["--only-table", pattern]);
  const { status, stderr } = await walctlInside(["decode-file", ...flags, CAPTURE]);
  assert.equal(status, 0, stderr);
  return stderr;
}

describe("--columns", () => {
  it("tells of a name that no printed table has, and what may be meant", async () => {
    assert.equal(
      await warningsOf("id,noet", "elsewhere"),
      `walctl: warning: no printed table has a column named "noet" (--columns)
HINT: Did you mean note?
walctl: warning: no printed table has a column named "elsewhere" (--columns)
`,
    );
  });

  it("has nothing to say of names that some table has", async () => {
    assert.equal(await warningsOf("id"), "");
    assert.equal(await warningsOf("id,Note"), "");
  });

  it("has nothing to say where no table was printed", async () => {
    const flags = ["-F", "table", "--columns", "noet", "--only-table", "none"];
    const { stderr } = await walctlInside(["decode-file", ...flags, CAPTURE]);
    assert.equal(stderr, await tableWarnings("none"));
  });
});

describe("--only-table", () => {
  it("tells that no table matched, and which may be meant", async () => {
    assert.equal(
      await tableWarnings("ordres"),
      `walctl: warning: no table matched "ordres" (--only-table)
HINT: Did you mean public.orders?
`,
    );
    assert.match(await tableWarnings('public."Orders"'), /\nHINT: Did you mean public.orders\?\n$/);
    assert.match(
      await tableWarnings("shop.*", "x"),
      /matched "shop\.\*", "x" .*\nHINT: These came: public\.orders, public\.log\n$/,
    );
  });

  it("has nothing to say where one of the patterns matched", async () => {
    assert.equal(await tableWarnings("ordres", "ord*"), "");
  });

  it("tells it once, of all captures together, and with --summary", async () => {
    const misc = "fixtures/captures/pg18-misc-p1.recvlogical";
    const run = (pattern: string) =>
      walctlInside(["decode-file", "--summary", "--only-table", pattern, CAPTURE, misc]);
    const { stderr } = await run("nothing");
    assert.match(
      stderr,
      /^walctl: warning: no table matched "nothing" .*\nHINT: These came: public\.orders, public\.log, public\.misc, …\n$/,
    );
    assert.equal((await run("misc")).stderr, "");
  });

  it("names a table that has to be quoted as it has to be typed", async () => {
    const misc = "fixtures/captures/pg18-misc-p1.recvlogical";
    const { stderr } = await walctlInside(["decode-file", "--only-table", `"We""ird Name"`, misc]);
    assert.match(stderr, /\nHINT: Did you mean 'public\."We""ird Näme"'\?\n$/);
  });
});
