/** A pg_lsn in binary form has the text that the server prints, as far as the capture says which server it was. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CaptureWriter } from "../../src/capture/writer.ts";
import { fixture } from "../support/golden/golden.ts";
import { walctlInside } from "../support/program/inside.ts";
import { parseLines } from "../support/program/lines.ts";
import { messagesOf, xLogData } from "../support/wire/captures.ts";

const messages = messagesOf(fixture("fixtures/captures/pg19-types-p1-binary.recvlogical"));

async function printedLsns(capture: Uint8Array): Promise<readonly string[]> {
  const { status, stdout, stderr } = await walctlInside(["decode-file", "-"], { stdin: [capture] });
  assert.equal(status, 0, stderr);
  return parseLines(stdout).flatMap((line) => {
    const { new: row } = line as unknown as { new?: { l: string } };
    return row === undefined ? [] : [row.l];
  });
}

function captureOf(metadata: Readonly<Record<string, unknown>>): Uint8Array {
  const writer = new CaptureWriter();
  writer.metadata(metadata);
  for (const message of messages) writer.frame(xLogData(message));
  return Uint8Array.from(writer.take());
}

test("pg_lsn in binary form is padded where the server was PostgreSQL 19", async () => {
  const text = await printedLsns(fixture("fixtures/captures/pg19-types-p1.recvlogical"));
  assert.ok(text.length > 30 && text.some((lsn) => /^0\/0[0-9A-F]{7}$/.test(lsn)));
  assert.deepEqual(await printedLsns(captureOf({ server_version: 190_000 })), text);
  assert.deepEqual(await printedLsns(captureOf({ server_version: 200_001 })), text);
  const unpadded = text.map((lsn) => lsn.replace(/\/0+(?=.)/, "/"));
  for (const metadata of [{ server_version: 180_004 }, {}, { server_version: "19" }]) {
    assert.deepEqual(await printedLsns(captureOf(metadata)), unpadded);
  }
});
