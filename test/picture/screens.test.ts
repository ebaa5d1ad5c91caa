import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fixture, matchGolden } from "../support/golden/golden.ts";
import { screenPictures } from "./screens.ts";

const BYTES_MAX = 60_000;

describe("pictures of the table view", () => {
  const page = Buffer.from(fixture("docs/screen.md")).toString();
  for (const { name, svg } of screenPictures()) {
    it(`${name} is what is drawn today, small, and on the page`, () => {
      matchGolden(`fixtures/picture/${name}.svg`, svg);
      assert.ok(svg.length < BYTES_MAX, `${svg.length} bytes`);
      assert.ok(page.includes(`(../fixtures/picture/${name}.svg)`), name);
    });
  }
});
