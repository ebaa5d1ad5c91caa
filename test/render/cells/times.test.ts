import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PgTime } from "../../../src/pg-time.ts";
import { type TimeMode, Times } from "../../../src/render/cells/times.ts";

/** 2026-11-24 12:42:43.123456 UTC */
const TIME = 848_839_363_123_456n as PgTime;

function inZone<Result>(zone: string, run: () => Result): Result {
  const before = process.env["TZ"];
  process.env["TZ"] = zone;
  try {
    return run();
  } finally {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
  }
}

describe("times of a table", () => {
  const cases: ReadonlyArray<
    readonly [mode: TimeMode, zone: string, day: string, clock: string, value: string]
  > = [
    ["utc", "Asia/Tokyo", "2026-11-24 UTC", "12:42:43.123", "2026-07-01 23:30:00.5+00"],
    ["local", "Asia/Tokyo", "2026-11-24 UTC+09", "21:42:43.123", "2026-07-02 08:30:00.5+09"],
    // The value is of summer, the commit of winter.
    ["local", "Europe/Berlin", "2026-11-24 UTC+01", "13:42:43.123", "2026-07-02 01:30:00.5+02"],
    [
      "local",
      "Pacific/Kiritimati",
      "2026-11-25 UTC+14",
      "02:42:43.123",
      "2026-07-02 13:30:00.5+14",
    ],
    [
      "local",
      "Asia/Kolkata",
      "2026-11-24 UTC+05:30",
      "18:12:43.123",
      "2026-07-02 05:00:00.5+05:30",
    ],
    [
      ...(["relative", "Asia/Tokyo"] as const),
      "times since 2026-11-24 12:42:43.123456Z",
      "   +0.000s",
      "2026-07-01 23:30:00.5+00",
    ] as unknown as (typeof cases)[number],
  ];
  for (const [mode, zone, day, clock, value] of cases) {
    it(`${mode} in ${zone}: header and values agree`, () => {
      inZone(zone, () => {
        const times = new Times(mode);
        assert.equal(times.day(TIME), day);
        assert.equal(times.ofDay(TIME, true), clock);
        assert.equal(times.timestamptz("2026-07-01 23:30:00.5+00"), value);
      });
    });
  }

  it("leaves alone what is no time of a calendar", () => {
    const times = new Times("local");
    for (const text of [
      "infinity",
      "-infinity",
      "0044-03-15 00:00:00+00 BC",
      "12026-01-01 00:00:00+00",
      "0001-01-01 00:00:00+00",
      "9999-12-31 23:59:59+00",
    ])
      assert.equal(times.timestamptz(text), text);
    assert.equal(times.ofDay((2n ** 63n - 1n) as PgTime, false), "infinity");
  });

  it("relative times grow with the distance", () => {
    const times = new Times("relative");
    const at = (seconds: number): string =>
      times.ofDay((TIME + BigInt(Math.round(seconds * 1e6))) as PgTime, true).trim();
    assert.deepEqual([0, 1.5, 99.9, 754, 11_520, 183_600, -3].map(at), [
      "+0.000s",
      "+1.500s",
      "+99.900s",
      "+12m34s",
      "+3h12m",
      "+2d03h",
      "-3.000s",
    ]);
  });
});
