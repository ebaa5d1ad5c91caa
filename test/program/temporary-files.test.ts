/** What memory has no room for: bounded, and the error names what the command has. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { TemporaryFiles } from "../../src/program/temporary-files.ts";
import { WalctlError } from "../../src/errors.ts";

for (const [hasFlag, hint] of [
  [true, /^To allow more: --temp-file-limit\. TMPDIR/],
  [false, /^TMPDIR names another folder/],
] as const) {
  it(`temporary files beyond their bound name ${hasFlag ? "--temp-file-limit" : "no flag that there is not"}`, () => {
    const files = new TemporaryFiles(100, hasFlag);
    try {
      const [one, other] = [files.spill(), files.spill()];
      one.write(Buffer.alloc(60));
      one.write(Buffer.alloc(60), 0);
      other.write(Buffer.alloc(40));
      assert.throws(
        () => other.write(Buffer.alloc(1)),
        (error) => error instanceof WalctlError && hint.test(error.hint ?? ""),
      );
    } finally {
      files.close();
    }
  });
}
