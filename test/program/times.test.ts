/** What a TIME is taken for. GNU date is the oracle where it knows the words. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { timeRange } from "../../src/program/times.ts";
import { WalctlError } from "../../src/errors.ts";
import { formatPgTime, unixMsFromPgTime } from "../../src/pg-time.ts";
import { walctl } from "../support/program/cli.ts";

const NOW = "2026-12-02T03:15:30.500Z";
const CAPTURE = "fixtures/captures/pg18-misc-p1.recvlogical";

function taken(text: string, time: "utc" | "local" = "utc"): string {
  const { since } = timeRange({ since: text, time }, Date.parse(NOW));
  return since === undefined ? "" : formatPgTime(since);
}

describe("A TIME", () => {
  const CASES: ReadonlyArray<readonly [text: string, time: string]> = [
    ["2026-11-25T01:49:05Z", "2026-11-25T01:49:05.000000Z"],
    ["2026-11-25 01:49:05.123456+05:30", "2026-11-24T20:19:05.123456Z"],
    ["2026-11-25 01:49-05", "2026-11-25T06:49:00.000000Z"],
    ["2026-11-25", "2026-11-25T00:00:00.000000Z"],
    ["2026-11-25-05", "2026-11-25T05:00:00.000000Z"],
    ["03:15", "2026-12-02T03:15:00.000000Z"],
    // Later than now: yesterday's.
    ["06:50", "2026-12-01T06:50:00.000000Z"],
    ["03:16", "2026-12-01T03:16:00.000000Z"],
    ["6:50:07.5 UTC", "2026-12-01T06:50:07.500000Z"],
    // It is still the first of December there.
    ["22:00-05", "2026-12-02T03:00:00.000000Z"],
    ["today", "2026-12-02T00:00:00.000000Z"],
    ["Yesterday", "2026-12-01T00:00:00.000000Z"],
    ["yesterday 23:59", "2026-12-01T23:59:00.000000Z"],
    ["tomorrow 06:50", "2026-12-03T06:50:00.000000Z"],
    ["now", "2026-12-02T03:15:30.500000Z"],
    ["1h", "2026-12-02T02:15:30.500000Z"],
    ["-15min", "2026-12-02T03:00:30.500000Z"],
    ["+15min", "2026-12-02T03:30:30.500000Z"],
    ["in 2 hours", "2026-12-02T05:15:30.500000Z"],
    ["1 hour ago", "2026-12-02T02:15:30.500000Z"],
    ["an hour ago", "2026-12-02T02:15:30.500000Z"],
    ["1h30m", "2026-12-02T01:45:30.500000Z"],
    ["1 hour 30 minutes ago", "2026-12-02T01:45:30.500000Z"],
    ["1.5 days", "2026-11-30T15:15:30.500000Z"],
    ["6:50pm", "2026-12-01T18:50:00.000000Z"],
    ["12am", "2026-12-02T00:00:00.000000Z"],
    ["yesterday 12:30 PM", "2026-12-01T12:30:00.000000Z"],
    ["2026-12-02T06:50Z", "2026-12-02T06:50:00.000000Z"],
    ["2026-12-02 6PM+02", "2026-12-02T16:00:00.000000Z"],
    ["3 days ago", "2026-11-29T03:15:30.500000Z"],
    // 2026-12-02 is a Wednesday.
    ["last monday", "2026-11-30T00:00:00.000000Z"],
    ["Last Wednesday 06:50", "2026-11-25T06:50:00.000000Z"],
    // It is still Tuesday there.
    ["last wednesday 22:00-05", "2026-11-26T03:00:00.000000Z"],
    ["last tuesday 22:00-05", "2026-11-25T03:00:00.000000Z"],
    ["2w", "2026-11-18T03:15:30.500000Z"],
    ["90 SECS AGO", "2026-12-02T03:14:00.500000Z"],
    ["one hour ago", "2026-12-02T02:15:30.500000Z"],
    ["Ten minutes ago", "2026-12-02T03:05:30.500000Z"],
    ["half an hour ago", "2026-12-02T02:45:30.500000Z"],
    ["an hour", "2026-12-02T02:15:30.500000Z"],
    ["last hour", "2026-12-02T02:15:30.500000Z"],
    ["the last 15 minutes", "2026-12-02T03:00:30.500000Z"],
    ["past two hours", "2026-12-02T01:15:30.500000Z"],
    ["last half hour", "2026-12-02T02:45:30.500000Z"],
    ["last week", "2026-11-25T03:15:30.500000Z"],
    ["now-1h", "2026-12-02T02:15:30.500000Z"],
    ["now - 1 hour", "2026-12-02T02:15:30.500000Z"],
    ["now+1h", "2026-12-02T04:15:30.500000Z"],
    ["midnight", "2026-12-02T00:00:00.000000Z"],
    ["noon", "2026-12-01T12:00:00.000000Z"],
    ["Yesterday noon", "2026-12-01T12:00:00.000000Z"],
    ["2026-11-25 noon+02", "2026-11-25T10:00:00.000000Z"],
  ];
  for (const [text, time] of CASES) {
    it(`"${text}" is ${time} at ${NOW}`, () => assert.equal(taken(text), time));
  }

  it("is what GNU date takes the same words for", () => {
    const env = { ...process.env, TZ: "UTC", LC_ALL: "C" };
    for (const text of [
      "now",
      "1 hour ago",
      "3 days ago",
      "90 minutes ago",
      "2 weeks ago",
      "06:50",
      "yesterday 23:59",
      "tomorrow 06:50:07",
      "today 06:50",
      "06:50+02",
      "6:50pm",
      "12am",
      "12:30 pm",
      "yesterday 6pm",
      "2026-12-02T06:50Z",
      ...["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"].map(
        (day) => `last ${day}`,
      ),
    ]) {
      const theirs = Number(execFileSync("date", ["-d", text, "+%s"], { encoding: "utf8", env }));
      // Of a time of the day, date takes today's.
      const { until } = timeRange({ until: text, follow: true });
      const ours = until === undefined ? Number.NaN : unixMsFromPgTime(until) / 1000;
      assert.ok(Math.abs(ours - theirs) < 5, `${text}: ${ours}, and date says ${theirs}`);
    }
  });

  for (const text of [
    "",
    "soon",
    "h",
    "1",
    "1 hour before",
    "-1h ago",
    "1 month",
    "25:00",
    "24:01",
    "06:60",
    "2026-02-30",
    "2026-11-2506:50",
    "yesterdayish",
    "1 constructor",
    "06:50+25",
    "13pm",
    "0am",
    "6",
    "2026-11-25 6",
    "monday",
    "last month",
    "last constructor",
    "06:50 xm",
    "hour",
    "last 5",
    "last hour ago",
    "now 1h",
    "now-",
    "half",
    "eleventy hours ago",
    "noonish",
  ]) {
    it(`"${text}" is refused, with examples`, () => {
      assert.throws(
        () => timeRange({ since: text }),
        (error) => {
          assert.ok(error instanceof WalctlError);
          assert.match(error.message, /^--since takes a time such as/);
          return error.exitCode === 2 && /yesterday/.test(error.hint ?? "");
        },
      );
    });
  }
});

describe("A time of the day at 03:15:30", () => {
  const range = (since: string | undefined, until: string, follow: boolean): string => {
    const flags = { ...(since === undefined ? {} : { since }), until, follow };
    const times = timeRange(flags, Date.parse(NOW));
    return [times.since, times.until]
      .map((time) => (time === undefined ? "" : formatPgTime(time).slice(5, 16)))
      .join(" to ");
  };
  const CASES = [
    // What is read has been written: the last 23:57.
    { until: "23:57", read: " to 12-01T23:57", tailed: " to 12-02T23:57" },
    { until: "03:00", read: " to 12-02T03:00", tailed: " to 12-02T03:00" },
    { until: "midnight", read: " to 12-02T00:00", tailed: " to 12-03T00:00" },
    { until: "today 23:57", read: " to 12-02T23:57", tailed: " to 12-02T23:57" },
    { since: "23:50", until: "23:57", read: "12-01T23:50 to 12-01T23:57" },
    { since: "23:50", until: "03:30", read: "12-01T23:50 to 12-02T03:30" },
    { since: "03:00", until: "04:00", read: "12-02T03:00 to 12-02T04:00" },
    { since: "10min", until: "03:30", read: "12-02T03:05 to 12-02T03:30" },
    {
      since: "yesterday",
      until: "23:57",
      read: "12-01T00:00 to 12-01T23:57",
      tailed: "12-01T00:00 to 12-02T23:57",
    },
  ];
  for (const { since, until, read, tailed = read } of CASES) {
    const given = `${since === undefined ? "" : `--since ${since} `}--until ${until}`;
    it(`${given} is ${read} of what is read, ${tailed} of what is awaited`, () => {
      assert.deepEqual([range(since, until, false), range(since, until, true)], [read, tailed]);
    });
  }
});

describe("What a TIME was taken for", () => {
  const decode = async (args: readonly string[], TZ = "UTC"): Promise<[string, string]> => {
    const { stdout, stderr } = await walctl(["decode-file", ...args, CAPTURE], { env: { TZ } });
    return [stdout, stderr];
  };

  it("is said once, as a timestamptz that can be pasted", async () => {
    const [, said] = await decode([
      "--since",
      "2026-01-01 06:50",
      "--until",
      "2099-01-01T00:00:00Z",
    ]);
    assert.equal(
      said,
      "walctl: --since 2026-01-01 06:50 is 2026-01-01 06:50:00+00; --until 2099-01-01T00:00:00Z is 2099-01-01 00:00:00+00, in the future\n",
    );
    const [, both] = await decode(["--since", "60000d", "--until", "now"]);
    assert.match(
      both,
      /^walctl: --since 60000d is \d{4}-[^;\n]*\+00; --until now is 2\d{3}-[^,\n]*\+00\n$/,
    );
    assert.equal((await decode(["-q", "--since", "60000d"]))[1], "");
  });

  it("is in the zone of the process with --time local, also where the output is NDJSON", async () => {
    const args = ["--since", "2026-07-01 06:50", "--time", "local"];
    const [, said] = await decode(args, "America/St_Johns");
    assert.match(said, /^walctl: --since 2026-07-01 06:50 is 2026-07-01 06:50:00-02:30\n/);
    const { stderr } = await walctl(["decode-file", "--time", "local", CAPTURE]);
    assert.match(stderr, /--time is for tables/);
  });

  it("explains why --since is after --until", async () => {
    const [, said] = await decode(["--since", "now", "--until", "1h"]);
    assert.match(
      said,
      /^walctl: error: --since is after --until.*\nHINT: --since now is .*; --until 1h is/,
    );
  });
});
