/** Which server and slot a stream may go on with, without one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { INVALID_LSN, type Lsn, formatLsn } from "../../../src/lsn.ts";
import { AnchorCheck } from "../../../src/server/start/anchor-check.ts";
import type { OtherMessage } from "../../../src/postgres/messages/messages.ts";
import { boundaryOf } from "../../../src/postgres/messages/boundary.ts";
import {
  type Gap,
  type Received,
  type Standing,
  findGap,
  forkOf,
  gapWithoutAnchor,
  isRewound,
  usableAnchor,
} from "../../../src/server/start/continuity.ts";
import {
  type LogIdentity,
  parseTimelineHistory,
} from "../../../src/server/start/server-identity.ts";
import { begin, commit } from "../../support/wire/messages.ts";

const lsn = (value: number): Lsn => BigInt(value) as Lsn;
const log = (timeline: number, ...ends: number[]): LogIdentity => ({
  systemIdentifier: "7",
  timeline,
  history: ends.map((end, index) => ({ timeline: index + 1, end: lsn(end) })),
});
const ANCHOR = {
  commitLsn: lsn(480),
  endLsn: lsn(500),
  xid: 7,
  commitUnixMs: 946_684_800_000,
  twoPhase: false,
};
/** Up to a commit that ends at 500; keepalives told of 600. */
const RECEIVED: Received = {
  log: log(1),
  source: undefined,
  passed: lsn(480),
  end: lsn(500),
  messageLsn: INVALID_LSN,
  complete: lsn(600),
  confirmed: lsn(500),
  anchor: ANCHOR,
};
const standing = (
  position: number,
  slotPosition: number,
  identity: LogIdentity = log(1),
): Standing => ({
  server: { ...identity, position: lsn(position) },
  database: "shop",
  slotName: "s",
  temporary: false,
  twoPhase: false,
  slotPosition: lsn(slotPosition),
});

const CASES: ReadonlyArray<
  readonly [story: string, standing: Standing, gap: RegExp | undefined, received?: Received]
> = [
  ["the same server, further on", standing(900, 500), undefined],
  ["a crash took the slot back", standing(900, 100), undefined],
  ["the slot is at an idle position that was told of", standing(900, 600), undefined],
  [
    "the slot is beyond that",
    standing(900, 601),
    /^slot "s" is at 0\/259, beyond what was received, 0\/258/,
  ],
  ["the server has less than was passed on", standing(480, 300), /^the server is at 0\/1E0/],
  ["it has the record, and not what keepalives told of", standing(520, 300), undefined],
  [
    "another system",
    standing(900, 500, { ...log(1), systemIdentifier: "8" }),
    /^this is another server: its system identifier is 8/,
  ],
  ["promoted behind what was passed on", standing(900, 500, log(2, 500)), undefined],
  ["promoted between that and what keepalives told of", standing(900, 500, log(2, 550)), undefined],
  [
    "promoted before it, and the slot beyond the last commit",
    standing(900, 490, log(2, 480)),
    /its timeline 2 and timeline 1, which was received, part at 0\/1E0$/,
  ],
  // The walsender of a standby streams on when that is promoted.
  [
    "promoted while it was received, the slot where it was confirmed",
    standing(900, 500, log(2, 450)),
    undefined,
  ],
  [
    "promoted meanwhile, an idle position confirmed",
    standing(900, 550, log(2, 450)),
    undefined,
    { ...RECEIVED, confirmed: lsn(550) },
  ],
  [
    "promoted meanwhile or before: the last commit, asked for again, tells",
    standing(900, 300, log(2, 450)),
    undefined,
  ],
  ["another standby, promoted at another place", standing(900, 500, log(3, 450, 470)), undefined],
  [
    "promoted before it, and not written up to it since",
    standing(480, 300, log(2, 450)),
    /part at 0\/1C2$/,
  ],
  [
    "promoted before it, and only a prepared transaction came since",
    standing(900, 300, log(2, 450)),
    /part at 0\/1C2$/,
    { ...RECEIVED, anchor: undefined },
  ],
  [
    "the slot was advanced on the new timeline",
    standing(900, 560, log(2, 550)),
    /^slot "s" is at 0\/230, beyond what was received, 0\/226/,
  ],
  [
    "an older copy that was not promoted, when the promoted one was received beyond the switch",
    standing(900, 300, log(1)),
    /its timeline 1 and timeline 2/,
    { ...RECEIVED, log: log(2, 400) },
  ],
  [
    "two standbys that were promoted at different places to the same timeline",
    standing(900, 300, log(2, 400)),
    /its timeline 2 and timeline 2, which was received, part at 0\/190$/,
    { ...RECEIVED, log: log(2, 450) },
  ],
  [
    "no history file, and another timeline",
    standing(900, 300, { ...log(2), history: undefined }),
    /does not have the history file/,
  ],
  [
    "no history file, and the same timeline",
    standing(900, 300, { ...log(2), history: undefined }),
    undefined,
    { ...RECEIVED, log: log(2, 400) },
  ],
  [
    "nothing known but a position",
    standing(900, 800),
    undefined,
    { ...RECEIVED, log: undefined, complete: undefined },
  ],
  [
    "another database's file",
    standing(900, 500),
    /^the file holds what slot "s" of database "x" sent, not slot "s" of database "shop"/,
    { ...RECEIVED, source: { database: "x", slot: "s" } },
  ],
  [
    "another slot's file",
    standing(900, 500),
    /^the file holds what slot "t"/,
    { ...RECEIVED, source: { database: "shop", slot: "t" } },
  ],
  [
    "a temporary slot's file",
    standing(900, 500),
    undefined,
    { ...RECEIVED, source: { database: "shop", slot: undefined } },
  ],
];

for (const [story, now, expected, received = RECEIVED] of CASES) {
  test(story, () => {
    const gap = findGap(received, now);
    if (expected === undefined) assert.equal(gap, undefined);
    else assert.match(gap?.what ?? "", expected);
  });
}

test("with a gap at a fork the stream goes on there, so that nothing of the new timeline is skipped", () => {
  const forked = standing(900, 300, log(2, 480));
  assert.equal(findGap({ ...RECEIVED, anchor: undefined }, forked)?.from, lsn(480));
  // The server is asked for the last commit first.
  const gap = gapWithoutAnchor(RECEIVED, forked);
  assert.equal(gap?.from, lsn(480));
  assert.equal(new AnchorCheck(ANCHOR, gap).keepalive(lsn(500)), gap);
  assert.equal(gapWithoutAnchor(RECEIVED, standing(900, 300)), undefined);
  assert.equal(findGap(RECEIVED, standing(480, 300))?.from, undefined);
});

test("logs are the same up to where either leaves the last timeline that they share", () => {
  const forks: ReadonlyArray<readonly [LogIdentity, LogIdentity, number | undefined]> = [
    [log(3, 100, 200), log(3, 100, 200), undefined],
    [log(3, 100, 200), log(2, 100), 200],
    [log(3, 100, 200), log(1), 100],
    [log(3, 100, 200), log(3, 100, 150), 150],
    [log(2, 100), log(2, 120), 100],
  ];
  for (const [one, other, expected] of forks) {
    const highest = 0xffff_ffff_ffff_ffffn;
    const fork = expected === undefined ? highest : BigInt(expected);
    assert.equal(forkOf(one, other), fork);
    assert.equal(forkOf(other, one), fork);
  }
});

test("the last commit can be repeated where the slot is not past it, on the same log", () => {
  assert.equal(usableAnchor(RECEIVED, standing(900, 480)), ANCHOR);
  assert.equal(usableAnchor(RECEIVED, standing(900, 481)), undefined);
  assert.equal(usableAnchor(RECEIVED, standing(900, 400, log(2, 480))), ANCHOR);
  const other = { ...RECEIVED, log: log(2, 400) };
  assert.equal(usableAnchor(other, standing(900, 400, log(2, 450))), undefined);
  assert.equal(usableAnchor({ ...RECEIVED, end: lsn(560) }, standing(900, 400)), undefined);
});

test("the end of a prepared transaction is repeated only while the slot is two-phase", () => {
  const prepared = { ...RECEIVED, anchor: { ...ANCHOR, twoPhase: true } };
  const slot = standing(900, 480);
  assert.equal(usableAnchor(prepared, slot), undefined);
  assert.equal(usableAnchor(prepared, { ...slot, twoPhase: true }), prepared.anchor);
});

test("a server that has less than keepalives told of was restored", () => {
  assert.equal(isRewound(RECEIVED, standing(599, 300)), true);
  assert.equal(isRewound(RECEIVED, standing(600, 300)), false);
});

const take = (check: AnchorCheck, message: OtherMessage): Gap | undefined =>
  check.message(message, boundaryOf(message));

test("the server has to repeat the last commit before anything else ends", () => {
  const right = new AnchorCheck(ANCHOR);
  assert.equal(right.keepalive(lsn(499)), undefined);
  assert.equal(take(right, begin(480)), undefined);
  assert.equal(right.pending, false);
  assert.equal(take(right, begin(900)), undefined);
  assert.equal(right.keepalive(lsn(900)), undefined);

  for (const wrong of [begin(481), begin(480, 8), { ...begin(480), commitTime: 1000n as never }]) {
    const gap = take(new AnchorCheck(ANCHOR), wrong);
    assert.match(
      gap?.what ?? "",
      /^the server's log is not the one that was received: transaction 7, which committed at 0\/1E0/,
    );
  }
  assert.ok(new AnchorCheck(ANCHOR).keepalive(lsn(500)));
  assert.equal(take(new AnchorCheck(ANCHOR), commit(470, 480)), undefined);
});

test("a history file is read whatever its comments and reasons are", () => {
  const text =
    '# comment\n1\t0/3000148\tno recovery target specified\n\n2\tA/FF000000\tat restore point "x 3 1/1"\n';
  // PostgreSQL 19 pads its LSNs.
  for (const history of [text, text.replace("0/3000148", "0/03000148")]) {
    assert.deepEqual(
      parseTimelineHistory(history).map(({ timeline, end }) => [timeline, formatLsn(end)]),
      [
        [1, "0/3000148"],
        [2, "A/FF000000"],
      ],
    );
  }
});
