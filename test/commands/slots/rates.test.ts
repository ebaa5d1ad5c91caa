import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SlotRates } from "../../../src/commands/slots/rates.ts";
import { formatLsn, type Lsn } from "../../../src/lsn.ts";
import { type Slot, type SlotPace, type SlotReport, slotReport } from "../../../src/reports.ts";
import { SLOT } from "../../server/slot/support.ts";

const MB = 1_000_000;

/** The slot at a second, the server and the reader so many bytes on. */
function at(
  second: number,
  server: number,
  confirmed: number,
  slot: Partial<Slot> = {},
): SlotReport {
  const time = new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
  const lsn = (bytes: number): string => formatLsn(BigInt(bytes) as Lsn);
  return slotReport(
    {
      ...SLOT,
      time,
      server_lsn: lsn(server),
      confirmed_flush_lsn: lsn(confirmed),
      lag_bytes: server - confirmed,
      safe_bytes: null,
      ...slot,
    },
    [],
  );
}

function lastPace(...readings: readonly SlotReport[]): SlotPace | undefined {
  const rates = new SlotRates();
  return readings.map((reading) => rates.add([reading])[0]?.pace).at(-1);
}

describe("the pace of a slot", () => {
  it("is not known at first", () => assert.equal(lastPace(at(0, 10, 0)), undefined));

  it("a reader that is faster than the server has caught up in time", () => {
    assert.deepEqual(lastPace(at(0, 100 * MB, 0), at(10, 110 * MB, 30 * MB)), {
      wal_bytes_per_second: MB,
      consumed_bytes_per_second: 3 * MB,
      caught_up_in_seconds: 40,
      lost_in_seconds: null,
    });
  });

  it("a reader that is slower is lost when the limit is reached", () => {
    const pace = lastPace(
      at(0, 100 * MB, 0, { safe_bytes: 50 * MB }),
      at(10, 120 * MB, 10 * MB, { safe_bytes: 40 * MB }),
    );
    assert.deepEqual([pace?.caught_up_in_seconds, pace?.lost_in_seconds], [null, 40]);
  });

  it("of a few seconds is the rate, and no forecast", () => {
    assert.deepEqual(
      lastPace(
        at(0, 100 * MB, 0, { safe_bytes: 50 * MB }),
        at(4, 108 * MB, 0, { safe_bytes: 42 * MB }),
        at(8, 116 * MB, 80 * MB, { safe_bytes: 34 * MB }),
      ),
      {
        wal_bytes_per_second: 2 * MB,
        consumed_bytes_per_second: 10 * MB,
        caught_up_in_seconds: null,
        lost_in_seconds: null,
      },
    );
  });

  it("is that of the last half minute, or of the last interval if that is longer", () => {
    const old = [at(0, 0, 0), at(10, 100 * MB, 0)];
    const pace = lastPace(...old, at(50, 140 * MB, 0));
    assert.equal(pace?.wal_bytes_per_second, MB);
    assert.equal(lastPace(...old, at(30, 160 * MB, 0))?.wal_bytes_per_second, 5_333_333);
  });

  it("begins anew with another slot of that name, and a clock that was set back", () => {
    assert.equal(lastPace(at(0, 100, 50), at(10, 200, 0)), undefined);
    assert.equal(lastPace(at(20, 100, 50), at(10, 200, 60)), undefined);
  });

  it("a slot that is gone for a while is a new one", () => {
    const rates = new SlotRates();
    rates.add([at(0, 100, 50)]);
    rates.add([]);
    assert.equal(rates.add([at(10, 200, 60)])[0]?.pace, undefined);
  });
});
