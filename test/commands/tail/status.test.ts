import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { PassThrough } from "node:stream";
import type { CommandContext } from "../../../src/program/context.ts";
import type { Pipeline } from "../../../src/messages/pipeline/pipeline.ts";
import type { ServerPosition } from "../../../src/commands/tail/server-position.ts";
import { TailStatus, formatSeconds } from "../../../src/commands/tail/status.ts";
import type { Lsn } from "../../../src/lsn.ts";
import type { StatusLine } from "../../../src/output/status-line.ts";

const MB = 1 << 20;

interface Second {
  /** Of the log, in MB. */
  readonly read: number;
  readonly server: number | undefined;
  /** Seconds since the server was asked. */
  readonly ago?: number;
  readonly rows: number;
  readonly committedAgo?: number;
  /** The last row of an open transaction, in MB of the log. */
  readonly row?: number;
}

/** What the line says at the end of each second. */
function linesOf(t: TestContext, seconds: readonly Second[], endpos?: number): readonly string[] {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let nowMs = 0;
  t.mock.method(performance, "now", () => nowMs);
  t.mock.method(Date, "now", () => nowMs);
  const lsn = (mb: number): Lsn => BigInt(mb * MB) as Lsn;
  let at: Second = { read: 0, server: undefined, rows: 0 };
  const shown: string[] = [];
  const status = new TailStatus({
    session: {
      get status() {
        const written = lsn(at.read);
        return {
          connected: true,
          started: true,
          received: written,
          written,
          confirmed: written,
          unacknowledged: 0,
          reconnects: 0,
          attempts: 0,
          endpos: endpos === undefined ? undefined : lsn(endpos),
        };
      },
    },
    pipeline: {
      get rows() {
        return at.rows;
      },
      get rowPosition() {
        return at.row === undefined ? undefined : lsn(at.row);
      },
      get lastCommitUnixMs() {
        return at.committedAgo === undefined ? undefined : nowMs - at.committedAgo * 1000;
      },
    } as unknown as Pipeline,
    server: {
      get known() {
        if (at.server === undefined) return undefined;
        return { lsn: lsn(at.server), askedMs: nowMs - (at.ago ?? 0) * 1000 };
      },
      ask: () => Promise.resolve(),
    } as unknown as ServerPosition,
    context: {
      stdout: { stream: new PassThrough() },
      onSignal: () => () => {},
    } as unknown as CommandContext,
    line: {
      show: (text: string) => void shown.push(text),
      clear: () => {},
    } as unknown as StatusLine,
    quiet: true,
    acknowledge: false,
    live: () => undefined,
  });
  for (const second of seconds) {
    at = second;
    nowMs += 1000;
    t.mock.timers.tick(1000);
  }
  status.end(false);
  return shown;
}

describe("the status line", () => {
  it("tells how far behind the server it is, in bytes and time", (t) => {
    assert.deepEqual(
      linesOf(t, [
        { read: 2, server: undefined, rows: 0 },
        { read: 4, server: 32, rows: 500, committedAgo: 3.2 },
        // Nothing is printed, so nothing tells when what follows was committed.
        { read: 8, server: 32, rows: 500, committedAgo: 7000 },
        { read: 32, server: 32, rows: 900, committedAgo: 0 },
        { read: 32, server: 32, ago: 1, rows: 900 },
        { read: 32, server: 32, ago: 4, rows: 900 },
        // Idle for an hour, it has not been behind for that long.
        { read: 33, server: 64, rows: 1000, committedAgo: 3600 },
      ]),
      [
        "-- at 0/200000, 0 rows/s",
        "-- at 0/400000, 28 MB and 3.2 s behind, 500 rows/s",
        "-- at 0/800000, 24 MB behind, 0 rows/s",
        // There is more than when the server was asked.
        "-- at 0/2000000, up to date 1 s ago, 400 rows/s",
        "-- at 0/2000000, up to date, 0 rows/s",
        "-- at 0/2000000, up to date 4 s ago, 0 rows/s",
        "-- at 0/2100000, 31 MB and 5.0 s behind, 100 rows/s",
      ],
    );
  });

  it("with --endpos tells when that will be reached", (t) => {
    const [, , third = "", last = ""] = linesOf(
      t,
      [
        { read: 10, server: 200, rows: 100 },
        { read: 20, server: 200, rows: 200 },
        { read: 30, server: 200, rows: 300 },
        { read: 110, server: 200, rows: 400 },
      ],
      110,
    );
    assert.match(third, /, 100 rows\/s, ends in about 8\.0 s$/);
    assert.doesNotMatch(last, /ends in/);
  });

  it("counts the rows of a large transaction, and says no end where nothing moves", (t) => {
    const open = { read: 10, server: 110 };
    const lines = linesOf(
      t,
      [
        { ...open, rows: 0 },
        ...[20, 30, 40].map((row) => ({ ...open, row, rows: row * 10 })),
        { ...open, row: 40, rows: 400 },
      ],
      110,
    );
    assert.deepEqual(lines.slice(-2), [
      "-- at 0/A00000, 70 MB behind, 100 rows/s, ends in about 7.0 s",
      "-- at 0/A00000, 70 MB behind, 0 rows/s",
    ]);
  });

  it("says times in their largest unit", () => {
    const times = [-3, 0.44, 12.4, 119, 600, 86_400].map(formatSeconds);
    assert.deepEqual(times, ["0.0 s", "0.4 s", "12 s", "119 s", "10 min", "24 h"]);
  });
});

it("tail's last line names a position only where there is one", () => {
  const endOf = (written: bigint, received: bigint): string => {
    const stderr = new PassThrough();
    const context = { stderr: { stream: stderr }, onSignal: () => () => {} };
    const status = { received, written, confirmed: written };
    const parts = { session: { status }, context, quiet: false, acknowledge: false };
    new TailStatus(parts as unknown as ConstructorParameters<typeof TailStatus>[0]).end();
    return String(stderr.read() ?? "");
  };
  assert.equal(
    endOf(0x1755ec0n, 0x1755f00n),
    "walctl: printed up to 0/1755EC0, nothing acknowledged (no --ack)\n",
  );
  assert.equal(endOf(0n, 0x1755f00n), "");
  assert.equal(endOf(0n, 0n), "");
});
