/** What goes into FILE.walctl, and when. */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { OutputJournal } from "../../../src/messages/pipeline/output-journal.ts";
import type { Reporter } from "../../../src/program/reporter.ts";
import type { OtherMessage } from "../../../src/postgres/messages/messages.ts";
import { boundaryOf } from "../../../src/postgres/messages/boundary.ts";
import { INVALID_LSN, type Lsn } from "../../../src/lsn.ts";
import { lastingIdentity } from "../../../src/output/file/same-file.ts";
import type { Start } from "../../../src/server/start/continuity.ts";
import { streamAbort, streamCommit, streamStart } from "../../support/wire/messages.ts";

const folder = mkdtempSync(join(tmpdir(), "walctl-journal-"));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, "out");
beforeEach(() => {
  for (const each of [path, `${path}.walctl`, `${path}.1`]) rmSync(each, { force: true });
});

const BEGIN =
  '{"kind":"begin","lsn":"0/90","xid":7,"commit_lsn":"0/98","commit_time":"2026-11-24T10:57:43.123456Z"}\n';
const WHOLE = `${BEGIN}{"kind":"commit","lsn":"0/A0","xid":7,"commit_lsn":"0/98","end_lsn":"0/A0","commit_time":"2026-11-24T10:57:43.123456Z"}\n`;

const lsn = (value: number): Lsn => BigInt(value) as Lsn;
const SERVER = { systemIdentifier: "7", timeline: 2, history: [{ timeline: 1, end: lsn(90) }] };
const START: Start = {
  standing: {
    server: { ...SERVER, position: lsn(100) },
    database: "shop",
    slotName: "s",
    temporary: false,
    twoPhase: false,
    slotPosition: lsn(100),
  },
  gap: false,
  from: INVALID_LSN,
};

function journal(
  warnings: string[] = [],
  at = path,
  streaming = false,
  identity: () => string | undefined = () => undefined,
): OutputJournal {
  const reporter = {
    warn: ({ message }: { message: string }) => warnings.push(message),
    notice: () => {},
  };
  const options = {
    path: at,
    database: "shop",
    request: "r",
    streaming,
    showsEnds: (twoPhase: boolean) => !twoPhase,
    ackFrom: false,
    alone: false,
    identity,
  };
  return new OutputJournal(options, reporter as unknown as Reporter);
}

test("the next process knows the log, the slot and what was acknowledged", () => {
  const first = journal();
  first.started(START);
  assert.equal(first.acknowledge(lsn(150), INVALID_LSN, 0), 150n);
  const received = journal().received();
  assert.deepEqual(received.log, SERVER);
  assert.deepEqual(received.source, { database: "shop", slot: "s" });
  assert.equal(received.complete, 150n);
});

test("a transaction's end is told by its line: nothing is written for it but that there is one", () => {
  const it = journal();
  it.started(START);
  assert.equal(it.acknowledge(lsn(150), lsn(150), 0), 150n);
  const state = readFileSync(`${path}.walctl`, "utf8");
  const { ino } = statSync(`${path}.walctl`);
  for (let end = 160; end < 300; end++)
    assert.equal(it.acknowledge(lsn(end), lsn(end), 0), BigInt(end));
  assert.equal(readFileSync(`${path}.walctl`, "utf8"), state);
  assert.equal(statSync(`${path}.walctl`).ino, ino);
});

test("an end that has no line in FILE is written down before it is acknowledged", () => {
  const it = journal();
  it.started({ ...START, standing: { ...START.standing, twoPhase: true } });
  it.acknowledge(lsn(150), lsn(150), 0);
  assert.equal(journal().received().complete, 150n);
});

test("what no line tells is noted down before it is acknowledged, and not all the time", () => {
  const it = journal();
  it.started(START);
  it.acknowledge(lsn(150), lsn(150), 0);
  assert.equal(it.acknowledge(lsn(170), lsn(160), 0), 160n, "not yet: up to the line");
  assert.equal(it.acknowledge(lsn(180), lsn(180), 0), 180n);
});

test("a FILE that was emptied or deleted says nothing about the slot", () => {
  const it = journal();
  it.started(START);
  it.acknowledge(lsn(150), lsn(150), 0);
  assert.equal(journal().received().complete, undefined);
});

test("after a rotation the end of the file before counts", () => {
  const it = journal();
  it.started(START);
  const anchor = {
    commitLsn: lsn(180),
    endLsn: lsn(200),
    xid: 7,
    commitUnixMs: 1,
    twoPhase: true,
  };
  const mark = { endLsn: lsn(200), messageLsn: lsn(210), xid: 7, anchor };
  it.rotate(mark);
  const received = journal().received();
  assert.deepEqual([received.end, received.passed, received.complete], [200n, 209n, 200n]);
  assert.deepEqual(received.anchor, anchor);
  assert.deepEqual(journal().takeOver().mark, mark);
});

test("one that cannot be understood is replaced, with one warning that says why", () => {
  for (const [damaged, why] of [
    ["", "it is not JSON"],
    ["{", "it is not JSON"],
    ['{"walctl":99}', "its format is not 1"],
    ['{"walctl":1}', '"system_identifier" is no string'],
  ] as const) {
    writeFileSync(`${path}.walctl`, damaged);
    const warnings: string[] = [];
    const it = journal(warnings);
    assert.equal(it.received().complete, undefined);
    assert.equal(it.takeOver().mark?.endLsn, INVALID_LSN);
    assert.deepEqual(warnings, [`"${path}.walctl" cannot be understood, and is replaced: ${why}`]);
    it.started(START);
    assert.equal(journal().received().complete, 100n);
  }
});

test("the end of the file before is not told for that of a FILE that was renamed meanwhile", () => {
  const it = journal();
  it.started(START);
  it.rotate({ endLsn: lsn(200), messageLsn: lsn(210), xid: 7, anchor: undefined });
  assert.equal(journal().received().end, 200n);
  it.acknowledge(lsn(300), lsn(300), 0);
  const { end, complete, passed } = journal().received();
  assert.deepEqual([end, complete, passed], [INVALID_LSN, undefined, 209n]);
  assert.equal(journal().takeOver().mark?.endLsn, 200n, "what comes again of it is still known");
});

/** A process that writes FILE, with one transaction whole and one not, and is killed. */
function killedWriter(): void {
  writeFileSync(path, WHOLE + BEGIN);
  const it = journal([], path, false, () => lastingIdentity(path));
  it.started(START);
  it.acknowledge(lsn(150), lsn(150), 0);
}

test("a FILE that was renamed is found, and cut where an unfinished transaction begins", () => {
  killedWriter();
  renameSync(path, `${path}.1`);
  // The next process has created FILE before it holds the slot.
  for (const created of [false, true]) {
    if (created) writeFileSync(path, "");
    const { end, complete, anchor } = journal().received();
    assert.deepEqual([end, complete, anchor?.xid], [160n, 160n, 7]);
  }
  const next = journal([], path, false, () => lastingIdentity(path));
  assert.equal(next.takeOver().mark?.endLsn, 160n);
  assert.equal(readFileSync(`${path}.1`, "utf8"), WHOLE);
  next.started(START);
  assert.equal(journal().received().end, 160n, "by FILE.walctl alone");
  rmSync(`${path}.1`);
  assert.equal(journal().received().complete, 160n);
});

test("what has been put in the place of FILE counts, and what was compressed or deleted is gone", () => {
  killedWriter();
  renameSync(path, `${path}.1`);
  writeFileSync(path, BEGIN);
  assert.equal(journal().received().complete, undefined);
  assert.equal(journal().takeOver().mark?.endLsn, 0n);
  assert.deepEqual(
    [readFileSync(path, "utf8"), readFileSync(`${path}.1`, "utf8")],
    ["", WHOLE + BEGIN],
  );
  // Its inode is free for the next file, which may be another program's.
  rmSync(`${path}.1`);
  writeFileSync(`${path}.gz`, "not a line\n");
  assert.equal(journal().received().complete, undefined);
  assert.equal(journal().takeOver().mark?.endLsn, 0n);
  rmSync(`${path}.gz`);
});

test("between a rotation and the new file, FILE.walctl has the end of the old one and no file", () => {
  killedWriter();
  const it = journal([], path, false, () => lastingIdentity(path));
  it.received();
  renameSync(path, `${path}.1`);
  it.rotate({ endLsn: lsn(160), messageLsn: INVALID_LSN, xid: 7, anchor: undefined });
  assert.equal(journal().received().end, 160n);
  writeFileSync(path, "");
  it.reopened();
  const state = Object(JSON.parse(readFileSync(`${path}.walctl`, "utf8")));
  assert.equal(Reflect.get(state, "file"), lastingIdentity(path));
});

test("blocks are found in a file that is renamed while earlier ones are read", () => {
  writeFileSync(path, "");
  const { blocks } = journal([], path, true).takeOver();
  renameSync(path, `${path}.1`);
  writeFileSync(path, "");
  assert.deepEqual([...blocks], [{ path: `${path}.1`, from: 0 }]);
});

test("where no file can be made it is done without, with one warning", (t) => {
  // Nobody may make one there, not even root.
  if (!existsSync("/sys/kernel")) return t.skip("no sysfs");
  const warnings: string[] = [];
  const it = journal(warnings, "/sys/kernel/walctl-test");
  it.started(START);
  assert.equal(it.acknowledge(lsn(150), INVALID_LSN, 0), 150n);
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0] ?? "",
    /^could not write "\/sys\/kernel\/walctl-test\.walctl" \(E\w+\)$/,
  );
});

test("where blocks are looked for follows the transactions that are open, and not at each one's end", () => {
  const MB = 1 << 20;
  const states: number[] = [];
  const it = journal([], path, true);
  it.started(START);
  const note = (): void => {
    it.acknowledge(lsn(150), lsn(150), it.lowestBlock);
    states.push(Number(streamedFrom()));
  };
  it.wrote(20 * MB);
  note();
  const take = (message: OtherMessage): void => it.boundary(boundaryOf(message) ?? assert.fail());
  take(streamStart(7));
  it.wrote(20 * MB);
  take(streamStart(9));
  it.wrote(20 * MB);
  note();
  take(streamCommit(7, 100));
  note();
  take(streamAbort(9, 9));
  it.wrote(MB);
  note();
  // Prepared, it is open until its second phase.
  const second = boundaryOf(streamCommit(11, 100)) ?? assert.fail();
  it.boundary({ ...second, fate: "prepare" });
  it.wrote(20 * MB);
  note();
  it.boundary(second);
  note();
  assert.deepEqual(
    states.map((bytes) => bytes / MB),
    [20, 20, 40, 61, 61, 81],
  );
});

function streamedFrom(): unknown {
  return Reflect.get(Object(JSON.parse(readFileSync(`${path}.walctl`, "utf8"))), "blocks_from");
}
