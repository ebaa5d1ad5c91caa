/** --since, --until, --xid and --no-empty: whole transactions are left out, and nothing else. */
import assert from "node:assert/strict";
import { boundaryOf } from "../../../src/postgres/messages/boundary.ts";
import { isRowChange } from "../../../src/postgres/messages/changes.ts";
import { describe, it } from "node:test";
import { AskedXids, TransactionGate } from "../../../src/messages/gate/gate.ts";
import type { PgTime } from "../../../src/pg-time.ts";
import type { PgoutputMessage } from "../../../src/postgres/messages/messages.ts";
import { fixture } from "../../support/golden/golden.ts";
import { walctl } from "../../support/program/cli.ts";
import {
  begin,
  commit,
  insert,
  logicalMessage,
  streamAbort,
  streamCommit,
  streamStart,
  streamStop,
} from "../../support/wire/messages.ts";

const CAPTURE = "fixtures/captures/pg18-misc-p1.recvlogical";
const LINES = Buffer.from(fixture("fixtures/captures/pg18-misc-p1.ndjson"))
  .toString("utf8")
  .trimEnd()
  .split("\n");

const OPEN = { since: undefined, until: undefined, xids: undefined, noEmpty: false };

interface Line {
  readonly kind: string;
  readonly xid?: number;
  readonly commit_time?: string;
}

/** The lines of each transaction, and its commit time. */
function transactions(): ReadonlyArray<{ readonly time: string; readonly lines: string[] }> {
  const all: Array<{ time: string; lines: string[] }> = [];
  for (const text of LINES) {
    const { kind, commit_time: time = "" } = JSON.parse(text) as Line;
    if (kind === "begin") all.push({ time, lines: [] });
    all.at(-1)?.lines.push(text);
  }
  return all;
}

async function decode(...args: readonly string[]): Promise<string[]> {
  const { status, stdout, stderr } = await walctl(["decode-file", ...args, CAPTURE]);
  assert.deepEqual([status, stderr], [0, ""]);
  return stdout === "" ? [] : stdout.trimEnd().split("\n");
}

describe("--since and --until of decode-file", () => {
  const all = transactions();
  const middle = all[Math.floor(all.length / 2)]?.time ?? "";
  const linesOf = (fits: (time: string) => boolean): string[] =>
    all.filter(({ time }) => fits(time)).flatMap(({ lines }) => lines);

  it("are by commit time, both ends within", async () => {
    assert.ok(all.length > 3);
    assert.deepEqual(
      await decode("--since", middle),
      linesOf((time) => time >= middle),
    );
    // The log's order decides where it ends: one behind has an earlier time, of another server's clock.
    const end = all.findIndex(({ time }) => time > middle);
    const upTo = all.slice(0, end).flatMap(({ lines }) => lines);
    assert.ok(linesOf((time) => time <= middle).length > upTo.length);
    assert.deepEqual(await decode("--until", middle), upTo);
    assert.deepEqual(
      await decode("--since", middle, "--until", middle),
      linesOf((time) => time === middle),
    );
    const none = await walctl(["decode-file", "-q", CAPTURE, "--since", "2099-01-01"]);
    assert.equal(none.stdout, "");
    assert.match(
      none.stderr,
      /^walctl: warning: no transaction committed in the time .*\nDETAIL: What was read committed from \S+Z to \S+Z\.\nHINT: .* UTC, .*\n$/,
    );
  });

  it("what stands behind the end is not read", async () => {
    const bytes = Buffer.from(fixture(CAPTURE));
    const stdin = Buffer.concat([bytes, Buffer.from("rubbish")]);
    const args = ["decode-file", "--input", "recvlogical", "-"];
    assert.equal((await walctl(args, { stdin })).status, 3);
    const { status } = await walctl([...args, "--until", middle], { stdin });
    assert.equal(status, 0);
  });
});

describe("--xid of decode-file", () => {
  it("prints these transactions, and names those that do not come", async () => {
    const xids = transactions().map(({ lines }) => (JSON.parse(lines[0] ?? "") as Line).xid);
    const [first, last] = [xids[1], xids.at(-1)];
    const lines = LINES.filter((line) => [first, last].includes((JSON.parse(line) as Line).xid));
    assert.deepEqual(await decode("--xid", `${first}`, "--xid", `${last}`), lines);
    // The first capture has one of them, the second one the other.
    const streamed = "fixtures/captures/pg18-stream-abort-p2.recvlogical";
    const both = ["decode-file", "-q", CAPTURE, streamed, "--only", "begin"];
    const found = await walctl([...both, "--xid", `${first}`, "--xid", "3787"]);
    assert.deepEqual([found.status, found.stderr], [0, ""]);
    assert.equal(found.stdout.split("\n").length, 3);
    const none = await walctl([...both, "--xid", "4000000000"]);
    assert.deepEqual([none.status, none.stdout], [0, ""]);
    assert.match(
      none.stderr,
      /nothing of transaction 4000000000 was found \(--xid\)\nHINT: .*SAVE/,
    );
    const wrong = await walctl([...both, "--xid", "4294967296"]);
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /--xid takes a number of up to 4294967295, not "4294967296"/);
  });

  it("takes subtransactions along, which have xids of their own in stream blocks", async () => {
    const capture = "fixtures/captures/pg18-stream-abort-p2";
    const all = Buffer.from(fixture(`${capture}.ndjson`))
      .toString("utf8")
      .trimEnd()
      .split("\n");
    let block: number | undefined;
    const topLevel = all.map((text) => {
      const { kind, xid } = JSON.parse(text) as Line;
      if (kind === "stream_start") block = xid;
      const top = block ?? xid;
      if (kind === "stream_stop") block = undefined;
      return { text, xid, top };
    });
    const { xid, top } = topLevel.find((line) => line.xid !== line.top) ?? {};
    const of = async (asked: number | undefined): Promise<string[]> => {
      const args = ["decode-file", "-q", `${capture}.recvlogical`, "--xid", `${asked}`];
      return (await walctl(args)).stdout.split("\n").slice(0, -1);
    };
    const expected = topLevel.filter((line) => line.top === top).map(({ text }) => text);
    assert.deepEqual(await of(top), expected);
    assert.deepEqual(await of(xid), []);
  });
});

/** What comes out, message by message, of those that `leave` does not name. */
const admit = (
  gate: TransactionGate | undefined,
  message: PgoutputMessage,
  accepts: (message: PgoutputMessage) => boolean = () => true,
): readonly PgoutputMessage[] =>
  gate?.admit(message, isRowChange(message) ? undefined : boundaryOf(message), accepts) ?? [];

function printed(
  messages: readonly PgoutputMessage[],
  leave: ReadonlySet<PgoutputMessage> = new Set(),
): readonly PgoutputMessage[] {
  const gate = TransactionGate.of({ ...OPEN, noEmpty: true });
  assert.ok(gate !== undefined);
  return messages.flatMap((message) => admit(gate, message, (each) => !leave.has(each)));
}

describe("--no-empty", () => {
  it("leaves out a transaction with its beginning and its end, and no other", () => {
    const [first, second] = [insert(1), insert(2)];
    const messages = [begin(100), first, commit(100, 140), begin(200), second, commit(200, 240)];
    assert.deepEqual(printed(messages), messages);
    assert.deepEqual(printed(messages, new Set([first])), messages.slice(3));
    assert.deepEqual(printed(messages, new Set([first, second])), []);
  });

  it("takes the description of a table for nothing that is printed, and prints it before the first row", () => {
    const row = insert(1);
    const { position, relation, transaction } = row;
    const description = { kind: "relation", position, relation, transaction } as const;
    const messages = [begin(100), description, row, commit(100, 140)];
    assert.deepEqual(printed(messages), messages);
    assert.deepEqual(printed(messages, new Set([row])), []);
  });

  it("on a capture: a row that --row asks for comes with its table's description, and no other transaction", async () => {
    const capture = "fixtures/captures/pg18-orders.hex";
    const { stdout } = await walctl(["decode-file", "--row", "orders 2", "--no-empty", capture]);
    const kinds = stdout
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { kind: string }).kind);
    const changes = new Set(["insert", "update", "delete"]);
    assert.ok(
      kinds.some((kind) => changes.has(kind)),
      stdout,
    );
    assert.ok(kinds.indexOf("relation") < kinds.findIndex((kind) => changes.has(kind)), stdout);
    assert.doesNotMatch(kinds.join(" "), /begin(?: type| relation)* commit/);
  });

  it("is no affair of a message outside of transactions", () => {
    const outside = logicalMessage(1, false);
    const messages = [begin(100), outside, commit(100, 140)];
    assert.deepEqual(printed(messages), [outside]);
  });

  it("leaves out blocks, and calls the first that is printed the first", () => {
    const [first, second] = [insert(1, 7), insert(2, 7)];
    const blocks = [
      { ...streamStart(7), firstSegment: true },
      first,
      streamStop(),
      { ...streamStart(7), firstSegment: false },
      second,
      streamStop(),
      streamCommit(7, 300),
    ];
    assert.deepEqual(printed(blocks), blocks);
    assert.deepEqual(printed(blocks, new Set([first])), [
      { ...streamStart(7), firstSegment: true },
      second,
      streamStop(),
      streamCommit(7, 300),
    ]);
    assert.deepEqual(printed(blocks, new Set([second])), [...blocks.slice(0, 3), blocks.at(-1)]);
    assert.deepEqual(printed(blocks, new Set([first, second])), []);
    const aborted = [...blocks.slice(0, 3), streamAbort(7, 7)];
    assert.deepEqual(printed(aborted, new Set([first])), []);
    assert.deepEqual(printed(aborted), aborted);
  });

  it("on a capture: only what --only-table leaves something of", async () => {
    const table = "log";
    const capture = "fixtures/captures/pg18-orders.hex";
    const run = async (...more: string[]): Promise<string[]> => {
      const args = ["decode-file", "--only-table", table, ...more, capture];
      return (await walctl(args)).stdout.trimEnd().split("\n");
    };
    const lines = await run();
    const kept = await run("--no-empty");
    const empty = (text: string): string =>
      text.replaceAll(/\{"kind":"begin".*\n\{"kind":"commit".*(\n|$)/g, "");
    assert.deepEqual(kept.join("\n"), empty(lines.join("\n")).trimEnd());
    assert.ok(kept.length < lines.length && kept.length > 2);
  });

  it("xid: a message outside of transactions is of none, and so is what follows damage in a block", () => {
    const gate = TransactionGate.of({ ...OPEN, xids: new AskedXids([7]) });
    const admitted = (...messages: readonly PgoutputMessage[]): readonly PgoutputMessage[] =>
      messages.flatMap((message) => admit(gate, message));
    const own = [streamStart(7), insert(1, 8), insert(2, 7)];
    const other = [streamStart(9), insert(3, 10)];
    assert.deepEqual(admitted(...own, streamStop(), ...other), [...own, streamStop()]);
    gate?.skipped();
    const ends = [streamAbort(7, 8), streamCommit(7, 300)];
    const rest = [insert(4, 10), logicalMessage(1, false), streamAbort(9, 9), streamCommit(9, 400)];
    assert.deepEqual(admitted(...rest, ...ends), ends);
  });

  it("since: a time that is not known lets pass", () => {
    const gate = TransactionGate.of({ ...OPEN, since: 5n as PgTime });
    const stream = [streamStart(7), insert(1, 7), streamStop()];
    assert.deepEqual(
      stream.flatMap((message) => admit(gate, message)),
      stream,
    );
    assert.equal(gate?.uncommitted, true);
    assert.deepEqual(admit(gate, begin(1)), []);
  });
});
