import assert from "node:assert/strict";
import { it } from "node:test";
import { escapeIn } from "../../../src/postgres/types/escape.ts";

it("escapes a text longer than a piece as it does a short one", () => {
  const [text, escaped] = [`"é\\`, `\\"é\\\\`].map((each) => each.repeat(6_000_000));
  assert.ok(escapeIn(text!, /["\\]/g, "\\$&") === escaped);
});
