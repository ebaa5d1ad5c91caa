import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lsn } from "../../../src/lsn.ts";
import type { PgTime } from "../../../src/pg-time.ts";
import type { OtherMessage, PgoutputMessage } from "../../../src/postgres/messages/messages.ts";
import { type PrintedPart, boundaryOf } from "../../../src/postgres/messages/boundary.ts";
import { isRowChange } from "../../../src/postgres/messages/changes.ts";
import { Resume } from "../../../src/server/start/resume.ts";
import type { Repetition } from "../../../src/server/start/transaction.ts";
import {
  announcement,
  begin,
  commit,
  insert,
  logicalMessage,
  streamAbort,
  streamCommit,
  streamStart,
  streamStop,
} from "../../support/wire/messages.ts";

const judge = (resume: Resume, message: PgoutputMessage): Repetition =>
  isRowChange(message)
    ? resume.judgeChange(message.transaction?.xid, message.position)
    : resume.judge(message, boundaryOf(message));

const passed = (resume: Resume, messages: readonly PgoutputMessage[]): readonly string[] =>
  messages.filter((message) => !judge(resume, message).repeated).map((message) => message.kind);

test("a stream without a break repeats nothing", () => {
  const messages = [
    begin(100),
    announcement(),
    insert(),
    commit(100, 140),
    begin(140),
    commit(140, 180),
  ];
  assert.equal(passed(new Resume(), messages).length, messages.length);
});

test("the transaction that was cut goes on where it was cut; Relation comes again", () => {
  const resume = new Resume();
  passed(resume, [begin(100), announcement(), insert(), insert()]);
  resume.disconnect();
  assert.deepEqual(
    passed(resume, [begin(100), announcement(), insert(), insert(), insert(), commit(100, 140)]),
    ["relation", "insert", "commit"],
  );
  assert.deepEqual(passed(resume, [begin(140), insert()]), ["begin", "insert"]);
});

test("cut twice, the second time within what is repeated", () => {
  const resume = new Resume();
  passed(resume, [begin(100), insert(), insert(), insert()]);
  resume.disconnect();
  assert.deepEqual(passed(resume, [begin(100), insert()]), []);
  resume.disconnect();
  assert.deepEqual(
    passed(resume, [begin(100), insert(), insert(), insert(), insert(), commit(100, 140)]),
    ["insert", "commit"],
  );
});

test("cut between commit and the next begin: nothing is skipped", () => {
  const resume = new Resume();
  passed(resume, [begin(100), insert(), commit(100, 140)]);
  resume.disconnect();
  assert.deepEqual(passed(resume, [begin(140), insert(), commit(140, 180)]), [
    "begin",
    "insert",
    "commit",
  ]);
});

test("a transaction that was passed on whole is repeated whole", () => {
  const resume = new Resume();
  passed(resume, [begin(100), insert(), commit(100, 140)]);
  resume.disconnect();
  assert.deepEqual(passed(resume, [begin(100), insert(), commit(100, 140)]), []);
});

test("messages outside of transactions are known by their positions", () => {
  const resume = new Resume();
  const messages = [logicalMessage(100, false), logicalMessage(140, false)];
  assert.equal(passed(resume, messages).length, 2);
  resume.disconnect();
  assert.deepEqual(passed(resume, [...messages, logicalMessage(180, false)]), ["message"]);
});

test("a message outside of transactions that comes within one is not counted for it", () => {
  const resume = new Resume();
  passed(resume, [begin(200), insert(), logicalMessage(100, false)]);
  resume.disconnect();
  assert.deepEqual(passed(resume, [begin(200), insert(), insert()]), ["insert"]);
});

test("a streamed transaction that was cut may come again in other blocks", () => {
  const resume = new Resume();
  passed(resume, [streamStart(7), insert(10), insert(10, 8), streamStop()]);
  passed(resume, [streamStart(7), insert(20)]);
  resume.disconnect();
  assert.deepEqual(
    passed(resume, [
      streamStart(7),
      insert(10),
      streamStop(),
      streamStart(7),
      insert(10, 8),
      insert(20),
      insert(20),
      streamStop(),
      streamCommit(7, 100),
    ]),
    ["stream_start", "stream_stop", "stream_start", "insert", "stream_stop", "stream_commit"],
  );
});

test("a streamed transaction that was cut may come again in one piece", () => {
  const resume = new Resume();
  passed(resume, [streamStart(7), insert(10), insert(20, 8), streamStop(), begin(90, 9)]);
  resume.disconnect();
  assert.deepEqual(passed(resume, [begin(90, 9), insert(50, 9), commit(90, 95, 9)]), [
    "insert",
    "commit",
  ]);
  // What subtransaction 8 did was rolled back meanwhile, and so does not come again.
  assert.deepEqual(passed(resume, [begin(100, 7), insert(10), insert(30), commit(100, 140, 7)]), [
    "begin",
    "insert",
    "commit",
  ]);
});

test("a streamed transaction that was rolled back and comes again tells nothing new", () => {
  const resume = new Resume();
  passed(resume, [streamStart(7), insert(10), streamStop(), streamAbort(7, 7)]);
  resume.disconnect();
  const again = [streamStart(7), insert(10), insert(20), streamStop(), streamAbort(7, 7)];
  assert.deepEqual(passed(resume, again), []);
  resume.disconnect();
  // What ends now may have ended before the rollback: the server had left it out, and now has streamed it.
  const other = [streamStart(5), streamStop(), streamCommit(5, 100)];
  assert.equal(passed(resume, [...other, ...again]).length, other.length);
});

test("a message and a row of one position are told apart, in whatever order they come", () => {
  // A message of a subtransaction, whose record ends where the row's begins: in two blocks it comes first.
  const message: PgoutputMessage = {
    ...logicalMessage(20, true),
    transaction: { xid: 8, commitTime: null },
  };
  const resume = new Resume();
  passed(resume, [streamStart(7), insert(10), message, streamStop()]);
  assert.equal(resume.passed, 19n, "the server's log may end with the message");
  resume.disconnect();
  assert.deepEqual(
    passed(resume, [begin(100), insert(10), insert(20), message, commit(100, 140)]),
    ["begin", "insert", "commit"],
  );
});

test("streamed transactions are told apart by their xids, and one that committed is behind us", () => {
  const resume = new Resume();
  passed(resume, [
    streamStart(7),
    insert(10),
    streamStop(),
    streamStart(8),
    insert(5),
    streamStop(),
  ]);
  passed(resume, [streamCommit(7, 100)]);
  resume.disconnect();
  assert.deepEqual(passed(resume, [streamStart(8), insert(5), insert(15), streamStop()]), [
    "stream_start",
    "insert",
    "stream_stop",
  ]);
  assert.deepEqual(passed(resume, [streamCommit(7, 100), streamCommit(8, 140)]), ["stream_commit"]);
});

test("a subtransaction that was rolled back while nobody was connected is told of", () => {
  // The server sends nothing of it the second time, not even that it was rolled back: its rows, which were
  // passed on already, would be taken for the transaction's.
  const top = insert(10, 7);
  const streamed = [streamStart(7), top, insert(20, 8), insert(25, 9), insert(30, 10)];
  const end = commit(100, 140, 7);
  const stories: ReadonlyArray<readonly [string, readonly PgoutputMessage[], readonly number[]]> = [
    ["in one piece", [begin(100, 7), top, insert(25, 7), insert(40, 7), end], [8, 10]],
    [
      "in blocks",
      [streamStart(7), top, insert(25, 9), streamStop(), streamCommit(7, 100)],
      [8, 10],
    ],
    ["all of them are void", [begin(100, 7), top, insert(40, 7), end], [8, 9, 10]],
    ["nothing is", [begin(100, 7), top, insert(20, 7), insert(25, 7), insert(30, 7), end], []],
    ["the server tells", [...streamed, streamAbort(7, 8), streamStop(), streamCommit(7, 100)], []],
  ];
  for (const [story, messages, told] of stories) {
    const resume = new Resume();
    passed(resume, streamed);
    resume.disconnect();
    const subxids = messages.flatMap((message) =>
      judge(resume, message).rolledBack.map(({ subxid }) => subxid),
    );
    assert.deepEqual(subxids, told, story);
  }
});

test("what was rolled back before a second cut is not told of again", () => {
  const resume = new Resume();
  passed(resume, [streamStart(7), insert(10, 7), insert(20, 8)]);
  resume.disconnect();
  const found = [streamStart(7), insert(10, 7), insert(30, 7)].flatMap(
    (message) => judge(resume, message).rolledBack,
  );
  assert.deepEqual(found, [{ xid: 7, subxid: 8 }]);
  resume.disconnect();
  for (const message of [begin(100, 7), insert(10, 7), insert(30, 7), commit(100, 140, 7)]) {
    assert.deepEqual(judge(resume, message).rolledBack, []);
  }
});

test("a block that goes on with a transaction is told from a first one", () => {
  const resume = new Resume();
  const continued = (xid: number): boolean => judge(resume, streamStart(xid)).continued;
  assert.equal(continued(7), false);
  passed(resume, [insert(10), streamStop()]);
  resume.disconnect();
  assert.equal(continued(7), true);
  assert.equal(continued(8), false);
});

test("what a file's lines tell is known as if this process had passed it on", () => {
  const resume = new Resume();
  const boundary = (message: OtherMessage): PrintedPart => ({
    kind: "boundary",
    boundary: boundaryOf(message) ?? assert.fail(),
  });
  const change = (xid: number, at: number): PrintedPart => ({
    kind: "change",
    xid,
    lsn: BigInt(at) as Lsn,
  });
  const parts = [
    boundary(streamStart(7)),
    change(7, 10),
    change(8, 20),
    boundary(streamStop()),
    boundary(streamStart(9)),
    change(9, 25),
    boundary(streamAbort(9, 9)),
    boundary(streamStart(5)),
    change(5, 30),
    boundary(streamStop()),
    boundary(streamCommit(5, 100)),
  ];
  for (const part of parts) resume.recall(part);
  resume.disconnect();
  assert.deepEqual(passed(resume, [streamStart(5), insert(30, 5), streamStop()]), []);
  assert.deepEqual(passed(resume, [streamCommit(5, 100)]), []);
  assert.equal(judge(resume, streamStart(7)).continued, true);
  assert.deepEqual(passed(resume, [insert(10, 7)]), []);
  assert.deepEqual(judge(resume, insert(30, 7)), {
    repeated: false,
    continued: false,
    rolledBack: [{ xid: 7, subxid: 8 }],
  });
});

const latePrepare = (xid: number): readonly PgoutputMessage[] => {
  const prepared = {
    position: { high: 0, low: 50 },
    transaction: { xid, commitTime: null },
    gid: "g",
  };
  const at = { prepareLsn: 40n as Lsn, endLsn: 50n as Lsn, prepareTime: 0n as PgTime };
  return [
    { kind: "begin_prepare", ...prepared, ...at },
    insert(30, xid),
    { kind: "prepare", ...prepared, ...at },
  ];
};
const commitPrepared = (xid: number, commitLsn: number): PgoutputMessage => ({
  ...commit(commitLsn, commitLsn + 40, xid),
  kind: "commit_prepared",
  transaction: { xid, commitTime: 0n as PgTime },
  gid: "g",
});

test("a transaction prepared before the start is passed on behind those that committed meanwhile", () => {
  const resume = new Resume();
  resume.start(60n as Lsn);
  const messages = [begin(100), insert(), commit(100, 140), ...latePrepare(9)];
  assert.equal(passed(resume, messages).length, messages.length);
  // Cut there, it comes again with its COMMIT PREPARED.
  resume.disconnect();
  resume.start(100n as Lsn);
  assert.deepEqual(passed(resume, [...messages, commitPrepared(9, 200)]), ["commit_prepared"]);
  assert.equal(passed(resume, latePrepare(11)).length, 3, "another one is another one");
});

test("a transaction prepared before the start and cut goes on where it was cut", () => {
  const resume = new Resume();
  resume.start(60n as Lsn);
  const messages = latePrepare(9);
  passed(resume, [begin(100), insert(), commit(100, 140), ...messages.slice(0, 2)]);
  resume.disconnect();
  assert.equal(resume.anchor?.commitLsn, 100n, "the cut one has no place of its own");
  assert.equal(resume.isCutLate, true);
  resume.start(100n as Lsn);
  const again = [begin(100), insert(), commit(100, 140), ...messages, commitPrepared(9, 200)];
  assert.deepEqual(passed(resume, again), ["prepare", "commit_prepared"]);
  assert.equal(resume.isCutLate, false);
});

test("a prepared transaction that was passed on is repeated in blocks too", () => {
  const resume = new Resume();
  resume.start(10n as Lsn);
  passed(resume, [...latePrepare(9), begin(100), commit(100, 140)]);
  resume.disconnect();
  resume.start(100n as Lsn);
  const blocks = [streamStart(9), insert(30, 9), streamStop()];
  assert.deepEqual(passed(resume, [...blocks, commitPrepared(9, 200)]), ["commit_prepared"]);
});

test("a transaction prepared since the start that was passed on is repeated", () => {
  const resume = new Resume();
  resume.start(10n as Lsn);
  passed(resume, [...latePrepare(9), begin(100), commit(100, 140)]);
  resume.disconnect();
  assert.deepEqual(passed(resume, latePrepare(9)), []);
  // The slot has become two-phase behind it, and the stream starts there: now it is late.
  resume.disconnect();
  resume.start(100n as Lsn);
  const again = [...latePrepare(9), commitPrepared(9, 200)];
  assert.deepEqual(passed(resume, again), ["commit_prepared"]);
});

test("only a commit that the server is sure to repeat is an anchor", () => {
  const anchorAfter = (...messages: readonly PgoutputMessage[]): number | undefined => {
    const resume = new Resume();
    passed(resume, messages);
    return resume.anchor?.xid;
  };
  assert.equal(anchorAfter(begin(100, 7), insert(), commit(100, 140, 7)), 7);
  assert.equal(anchorAfter(streamStart(7), insert(10, 7), streamStop(), streamCommit(7, 100)), 7);
  // Of a subtransaction, which may have been rolled back, or of tables that are not published.
  const own = [streamStart(7), insert(10, 8), streamStop(), streamCommit(7, 100)];
  assert.equal(anchorAfter(...own), undefined);
  assert.equal(anchorAfter(streamStart(7), streamStop(), streamCommit(7, 100)), undefined);
  assert.equal(anchorAfter(begin(100, 7), commit(100, 140, 7), commitPrepared(9, 200)), 9);
});

test("a streamed transaction that lacks a change of its own is another one", () => {
  const found = (...messages: readonly PgoutputMessage[]): readonly unknown[] => {
    const resume = new Resume();
    passed(resume, [streamStart(7), insert(10, 7), insert(20, 7), streamStop()]);
    resume.disconnect();
    return messages.flatMap((message) => judge(resume, message).rolledBack);
  };
  const other = [{ xid: 7, subxid: 7 }];
  assert.deepEqual(found(begin(100, 7), insert(10, 7), insert(30, 7)), other);
  // Its first change may have the same place in another log.
  assert.deepEqual(found(begin(100, 7), insert(10, 7), commit(100, 140, 7)), other);
  assert.deepEqual(found(streamStart(7), insert(30, 7), streamStop(), streamCommit(7, 100)), other);
  assert.deepEqual(found(streamStart(7), insert(10, 7), insert(20, 7), insert(30, 7)), []);
  assert.deepEqual(found(begin(100, 7), insert(10, 7), insert(20, 7), commit(100, 140, 7)), []);
  // Rolled back as a whole it need not come again.
  assert.deepEqual(found(streamAbort(7, 7)), []);
});

test("rows are judged without an object for each", () => {
  const resume = new Resume();
  judge(resume, begin(100));
  const first = judge(resume, insert(10));
  const other = judge(resume, insert(20));
  assert.ok(first === other && Object.isFrozen(first));
});
