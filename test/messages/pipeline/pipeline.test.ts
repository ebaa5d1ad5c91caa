import assert from "node:assert/strict";
import { test } from "node:test";
import { Pipeline } from "../../../src/messages/pipeline/pipeline.ts";
import type { PgoutputMessage } from "../../../src/postgres/messages/messages.ts";
import { TypeRegistry } from "../../../src/postgres/messages/type-registry.ts";
import { begin, commit, insert, streamStart, streamStop } from "../../support/wire/messages.ts";

/** Behind which of the messages, each written by itself, the file is changed that was to be before the second. */
function rotatedBehind(messages: readonly PgoutputMessage[]): string | undefined {
  let rotated = false;
  const pipeline = new Pipeline({
    types: new TypeRegistry(),
    accepts: () => true,
    renderer: { render: () => {}, take: () => new Uint8Array(1) },
    sink: { write: () => undefined, sync: () => undefined },
    warn: () => {},
    typeWatch: undefined,
    capture: undefined,
    journal: undefined,
  });
  for (const [index, message] of messages.entries()) {
    pipeline.message(message);
    if (index === 0) pipeline.rotateBetweenTransactions(() => (rotated = true));
    void pipeline.flush();
    if (rotated) return message.kind;
  }
  return undefined;
}

test("the renderer sees what a filter leaves out", () => {
  const seen: string[] = [];
  const pipeline = new Pipeline({
    types: new TypeRegistry(),
    accepts: ({ kind }) => kind !== "insert",
    renderer: {
      render: ({ kind }) => void seen.push(kind),
      leftOut: ({ kind }) => void seen.push(`not ${kind}`),
      take: () => new Uint8Array(),
    },
    sink: { write: () => undefined, sync: () => undefined },
    warn: () => {},
    typeWatch: undefined,
    capture: undefined,
    journal: undefined,
  });
  for (const message of [begin(100), insert(), commit(100, 140)]) pipeline.message(message);
  assert.deepEqual(seen, ["begin", "not insert", "commit"]);
});

test("a file is not changed in the middle of a transaction, nor of a streamed block", () => {
  assert.equal(rotatedBehind([begin(100), insert(), commit(100, 140), begin(140)]), "commit");
  assert.equal(
    rotatedBehind([streamStart(7), insert(0, 7), streamStop(), begin(140)]),
    "stream_stop",
  );
});
