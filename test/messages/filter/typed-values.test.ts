/** Values as people type them are those that the server prints. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isReadable, normalized } from "../../../src/messages/filter/typed-values.ts";

const PG_LSN = 3220;

test("a pg_lsn is the same one padded, as PostgreSQL 19 prints it, and in small letters", () => {
  for (const text of ["0/1B87138", "0/01B87138", "0/1b87138", "00000000/01B87138"]) {
    assert.equal(isReadable(text, PG_LSN), true, text);
    assert.equal(normalized(text, PG_LSN), "0/1B87138", text);
  }
  for (const text of ["", "1B87138", "0/123456789", "0/G"]) {
    assert.equal(isReadable(text, PG_LSN), false, text);
  }
});
