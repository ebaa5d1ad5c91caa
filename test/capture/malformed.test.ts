import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { CaptureFormat } from "../../src/capture/formats/capture-reader.ts";
import { cut, decodeChunks, seeded } from "../support/wire/captures.ts";
import { fixture, matchGolden } from "../support/golden/golden.ts";

const FOLDER = fileURLToPath(new URL("../../../fixtures/malformed/", import.meta.url));

/** What comes out of the capture, without and with --keep-going. */
function outcomeOf(format: CaptureFormat, chunks: () => Iterable<Uint8Array>): string {
  const stopped = decodeChunks(format, chunks());
  const resumed = decodeChunks(format, chunks(), { keepGoing: true });
  const kinds = (messages: readonly { kind: string }[]): string =>
    messages.map(({ kind }) => kind).join(" ");
  return [
    `messages: ${kinds(stopped.messages)}`,
    `fault: ${stopped.fault ?? "none"}`,
    "",
    "--keep-going",
    `messages: ${kinds(resumed.messages)}`,
    ...resumed.skipped.map((text) => `skipped: ${text}`),
    "",
  ].join("\n");
}

describe("malformed captures, named by what is wrong", () => {
  for (const name of readdirSync(FOLDER).filter((entry) => !entry.endsWith(".txt"))) {
    it(name, () => {
      const bytes = fixture(`fixtures/malformed/${name}`);
      const format = name.split(".").at(-1) as CaptureFormat;
      const whole = outcomeOf(format, () => cut(bytes, "whole"));
      matchGolden(`fixtures/malformed/${name}.txt`, whole);
      assert.equal(
        outcomeOf(format, () => cut(bytes, "bytewise")),
        whole,
      );
      assert.equal(
        outcomeOf(format, () => cut(bytes, seeded(5))),
        whole,
      );
    });
  }
});
