import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type SlotPace, type SlotReport, slotReport, worstFirst } from "../../../src/reports.ts";
import { renderSlotsNdjson } from "../../../src/render/reports/slots.ts";
import { renderSlotsTable } from "../../../src/render/reports/slots-table.ts";
import { heightOf, visibleWidth } from "../../../src/render/terminal/visible-width.ts";
import { wrapWords } from "../../../src/render/terminal/word-wrap.ts";
import { matchGolden } from "../../support/golden/golden.ts";

const SLOT: SlotReport = {
  slot: "shop_slot",
  time: "2026-11-24T10:57:43.123456Z",
  status: "ok",
  type: "logical",
  plugin: "pgoutput",
  database: "shop",
  temporary: false,
  wal_status: "reserved",
  active: true,
  active_pid: 4711,
  application: "walctl",
  inactive_since: null,
  restart_lsn: "16/B374D848",
  confirmed_flush_lsn: "16/B374D880",
  retained_bytes: 123_456,
  safe_bytes: 10_737_418_240,
  lag_bytes: 56,
  xmin_age: 12,
  invalidation_reason: null,
  conflicting: false,
  two_phase: true,
  two_phase_at: "16/B374D848",
  failover: true,
  synced: false,
  slotsync_skip_reason: null,
  standby: false,
  server_lsn: "16/B376BA88",
  faults: [],
};

const IDLE = {
  active: false,
  active_pid: null,
  application: null,
  inactive_since: "2026-11-23T22:00:00.000000Z",
};

/** One of each state. */
const SLOTS: readonly SlotReport[] = [
  SLOT,
  {
    ...SLOT,
    ...IDLE,
    slot: "forgotten_since_the_migration",
    wal_status: "extended",
    status: "warning",
    safe_bytes: null,
    two_phase: false,
    failover: false,
    retained_bytes: 48_318_382_080,
    lag_bytes: 48_318_382_000,
    faults: [
      {
        severity: "warning",
        message: "nobody streams from it; start its consumer, or drop it if nobody needs it",
        fix: "walctl drop-slot forgotten_since_the_migration -d shop",
        kind: "extended",
        each: "has no reader",
      },
    ],
  },
  {
    ...SLOT,
    ...IDLE,
    slot: "gone",
    wal_status: "lost",
    status: "fail",
    safe_bytes: null,
    restart_lsn: null,
    retained_bytes: null,
    invalidation_reason: "wal_removed",
    faults: [
      {
        severity: "fail",
        message: "invalidated: the server removed WAL",
        fix: null,
        kind: "lost",
        each: "invalidated: the server removed WAL",
      },
    ],
  },
  {
    ...SLOT,
    slot: "standby_1",
    type: "physical",
    plugin: null,
    database: null,
    application: "stand\u001b[2Jby 日本",
    two_phase: false,
    failover: false,
    temporary: true,
    confirmed_flush_lsn: null,
    lag_bytes: null,
  },
];

it("slots as lines have walctl's own form of LSNs, which PostgreSQL 19 pads", () => {
  const lsns = {
    restart_lsn: "16/00B37D48",
    confirmed_flush_lsn: "0/01B87138",
    two_phase_at: "0/0",
  };
  const [line = ""] = renderSlotsNdjson([{ ...SLOT, ...lsns }]).split("\n");
  assert.match(
    line,
    /"restart_lsn":"16\/B37D48","confirmed_flush_lsn":"0\/1B87138",.*"two_phase_at":"0\/0"/,
  );
});

describe("slots as tables", () => {
  for (const width of [80, 120, 200]) {
    it(`fit ${width} columns`, () => {
      const text = renderSlotsTable(SLOTS, width, { color: false });
      matchGolden(`fixtures/slots/slots-${width}.txt`, text);
      for (const line of text.split("\n").filter((each) => !/^ +walctl /.test(each))) {
        assert.ok(visibleWidth(line) <= width, line);
      }
    });
  }

  for (const width of [20, 40, 60]) {
    it(`are blocks of lines in ${width} columns`, () => {
      const text = renderSlotsTable(SLOTS, width, { color: false });
      if (width > 20) matchGolden(`fixtures/slots/slots-${width}.txt`, text);
      for (const line of text.split("\n").filter((each) => !/^ +walctl /.test(each)))
        assert.ok(visibleWidth(line) <= width, line);
    });
  }

  it("in any window: the worst, and how many more there are", () => {
    const worst = worstFirst(SLOTS);
    for (const width of [40, 60, 80, 200]) {
      for (let rows = 2; rows < 40; rows++) {
        const fits = (text: string): boolean =>
          text
            .trimEnd()
            .split("\n")
            .reduce((sum, line) => sum + Math.ceil(visibleWidth(line) / width), 0) <= rows;
        const text = renderSlotsTable(worst, width, { color: false }, fits);
        assert.ok(fits(text), `${width}x${rows}:\n${text}`);
        const more = Number(/and (\d+)\s+more/.exec(text)?.[1] ?? 0);
        // A name may be broken or shortened.
        const named = worst.filter(({ slot }) =>
          new RegExp(`^(?:[│✓!✗] )?${slot.slice(0, 5)}`, "mu").test(text),
        ).length;
        assert.equal(named + more, worst.length, `${width}x${rows}:\n${text}`);
        if (named > 0) assert.ok(text.includes("gone"), text);
      }
    }
  });

  /** Watched: the first is lost in 12 s, a lost one is there, and the rest fall behind. */
  const pace = (lost: number | null): SlotPace => ({
    wal_bytes_per_second: 5_000_000,
    consumed_bytes_per_second: 1000,
    caught_up_in_seconds: null,
    lost_in_seconds: lost,
  });
  const watched = worstFirst([
    ...["a", "b", "c", "d", "e"].map((name) => ({
      ...SLOT,
      slot: `orders_${name}`,
      application: "walctl",
      pace: pace(null),
      database: "a_long_database",
      failover: true,
    })),
    { ...SLOT, slot: "soon", pace: pace(12) },
    { ...SLOT, slot: "later", pace: pace(7200) },
    ...SLOTS.filter(({ slot }) => slot === "gone").map((slot) => ({ ...slot, pace: pace(null) })),
  ]);
  const within =
    (width: number, rows: number) =>
    (text: string): boolean =>
      heightOf(text, width) <= rows;

  it("watched: a line each, although the forecast makes them wider", () => {
    const text = renderSlotsTable(watched, 120, { color: false }, within(120, 16));
    const rows = text.split("\n").filter((line) => /│ [a-z]+/.test(line) && !/│ slot/.test(line));
    assert.equal(rows.length, watched.length, text);
    assert.match(rows[0] ?? "", /gone .*lost/);
    assert.match(rows[1] ?? "", /soon .*! reserved .*lost in 12 s/);
    assert.doesNotMatch(rows[0] ?? "", /falls behind|B\/s/);
    assert.match(rows[2] ?? "", /later .*✓ reserved .*lost in 2 h|orders_a/);
  });

  it("A reader that confirms in steps keeps up; one that lacks seconds of WAL and confirms less than is written falls behind.", () => {
    const forecast = (lag: number, wal: number, consumed: number): boolean => {
      const rates = { wal_bytes_per_second: wal, consumed_bytes_per_second: consumed };
      const slot = { ...SLOT, lag_bytes: lag, pace: { ...pace(null), ...rates } };
      return renderSlotsTable([slot], 200, { color: false }).includes("falls behind");
    };
    assert.equal(forecast(8192, 1_301_000, 1_300_000), false);
    assert.equal(forecast(56, 100, 0), false);
    assert.equal(forecast(20_000_000, 1_301_000, 1_300_000), false);
    assert.equal(forecast(20_000_000, 1_301_000, 600_000), true);
    assert.equal(forecast(20_000_000, 1_301_000, 0), true);
  });

  it("The one that retains most comes first, then the names, with numbers in the order of numbers.", () => {
    const slots = [
      ["s10", 1],
      ["s9", 2],
      ["big", 900_000_000],
    ] as const;
    const sorted = worstFirst(
      slots.map(([slot, kept]) => ({ ...SLOT, slot, retained_bytes: kept })),
    );
    assert.deepEqual(
      sorted.map(({ slot }) => slot),
      ["big", "s9", "s10"],
    );
  });

  it("Thousands of slots do not take seconds.", () => {
    const many = Array.from({ length: 2000 }, (_, at) => ({ ...SLOT, slot: `slot_number_${at}` }));
    const began = process.cpuUsage();
    renderSlotsTable(many, 80, { color: false });
    assert.ok(process.cpuUsage(began).user < 1_000_000);
  });

  it("watched in a small window: a line each rather than one of them, with the forecast", () => {
    const text = renderSlotsTable(watched, 80, { color: false }, within(80, 10));
    assert.match(
      text,
      /^✗ gone {2}lost \(wal_removed\)\n! soon {2}reserved .* {2}lost in 12 s\n✓ /,
    );
    assert.ok(text.split("\n").length > 8, text);
    const one = renderSlotsTable(watched, 80, { color: false }, within(80, 2));
    assert.match(one, /^✗ gone .*\nand 7 more slots: 1 lost within the hour\n$/);
  });

  it("are the same in colour, but for the colours", () => {
    const plain = renderSlotsTable(SLOTS, 80, { color: false });
    const colored = renderSlotsTable(SLOTS, 80, { color: true });
    matchGolden("fixtures/slots/slots-80-color.txt", colored);
    // eslint-disable-next-line no-control-regex
    const withoutColors = (text: string): string => text.replace(/\u001b\[[\d;]*m/g, "");
    assert.equal(withoutColors(colored), plain);
    for (const width of [16, 40]) {
      const [blocks, inColor] = [false, true].map((color) =>
        renderSlotsTable(SLOTS, width, { color }),
      );
      assert.equal(withoutColors(inColor ?? ""), blocks);
    }
  });

  it("say so when there are none", () => {
    assert.equal(renderSlotsTable([], 80, { color: false }), "The server has no slots.\n");
    assert.equal(renderSlotsNdjson([]), "");
  });
});

it("PostgreSQL 16 calls every lost slot conflicting; the table only one that was", () => {
  const lost = { ...SLOT, wal_status: "lost", conflicting: true };
  assert.match(renderSlotsTable([lost], 200, { color: false }), / lost \(conflicting\) /);
  const removed = { ...lost, restart_lsn: null };
  assert.doesNotMatch(renderSlotsTable([removed], 200, { color: false }), /conflicting/);
});

describe("slots as NDJSON", () => {
  it("are a line each, keys in order", () => {
    const { status, faults, ...slot } = SLOT;
    const [line = ""] = renderSlotsNdjson([slotReport(slot, faults), SLOT]).split("\n");
    const { server_lsn: _position, standby: _standby, ...printed } = SLOT;
    assert.equal(line, JSON.stringify(printed));
    assert.equal(status, "ok");
  });
});

describe("words are wrapped", () => {
  it("between words, and within only where a word is too long", () => {
    assert.deepEqual(wrapWords("one two three", 7), ["one two", "three"]);
    assert.deepEqual(wrapWords("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
    assert.deepEqual(wrapWords("日本語", 4), ["日本", "語"]);
    assert.deepEqual(wrapWords("", 4), [""]);
  });
});
