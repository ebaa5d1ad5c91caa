import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { walctl } from "../../support/program/cli.ts";

const CAPTURE = "fixtures/captures/pg18-orders.hex";

async function warningsOf(...args: readonly string[]): Promise<string> {
  const flags = ["-F", "table", ...args.flatMap((names) => ["--columns", names])];
  const { status, stderr } = await walctl(["decode-file", ...flags, CAPTURE]);
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
    const args = [
      "decode-file",
      "-F",
      "table",
      "--columns",
      "noet",
      "--only-table",
      "none",
      CAPTURE,
    ];
    assert.equal((await walctl(args)).stderr, "");
  });
});
