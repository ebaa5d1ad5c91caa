/** What tests of tables have in common. */
import assert from "node:assert/strict";
import { PgoutputDecoder } from "../../../src/postgres/messages/decoder.ts";
import type { PgoutputMessage } from "../../../src/postgres/messages/messages.ts";
import { ByteReader } from "../../../src/postgres/bytes/reader.ts";
import { textWidth } from "../../../src/render/terminal/text-width.ts";
import { fixture } from "../golden/golden.ts";

const NEWLINE = 0x0a;
const STREAM_ABORT = 0x41;
const SHORT_STREAM_ABORT_BYTES = 9;

/** The messages of a file that pg_recvlogical wrote: each with a line end behind it. */
export function* decodeCapture(name: string): Generator<PgoutputMessage, void, undefined> {
  const bytes = fixture(`fixtures/captures/${name}.recvlogical`);
  const decoder = new PgoutputDecoder();
  const reader = new ByteReader(bytes);
  while (reader.offset < bytes.length) {
    const shortEnd = reader.offset + SHORT_STREAM_ABORT_BYTES;
    const short = bytes[reader.offset] === STREAM_ABORT && bytes[shortEnd] === NEWLINE;
    reader.end = short ? shortEnd : bytes.length;
    yield decoder.decodeNext(reader);
    reader.end = bytes.length;
    reader.advance(1);
  }
}

/** Without the third and further rows of each transaction or stream block: nobody reads a golden of thousands. */
export function* firstRows(messages: Iterable<PgoutputMessage>): Generator<PgoutputMessage> {
  let rows = 0;
  for (const message of messages) {
    if (message.kind === "insert") {
      rows += 1;
      if (rows > 2) continue;
    } else if (message.kind === "commit" || message.kind === "stream_stop") rows = 0;
    yield message;
  }
}

/** No line is too wide. */
export function assertFits(text: string, width: number): void {
  for (const line of text.split("\n")) {
    assert.ok(textWidth(line) <= width, `wider than ${width}: ${line}`);
  }
}
