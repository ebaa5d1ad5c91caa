import { parseLsn } from "../../lsn.ts";
import type { SlotPace, SlotReport } from "../../reports.ts";

/** Rates are those of so long: shorter ones jump about. */
const WINDOW_MS = 30_000;
/** A forecast of less would be that of one burst. */
const FORECAST_SECONDS_MIN = 10;

/** Where a slot and its server stood. */
interface Sample {
  readonly timeMs: number;
  readonly server: number;
  /** What its reader has confirmed; undefined: nothing that is known. */
  readonly confirmed: number | undefined;
  readonly safe: number | null;
}

/** From readings of the same slots, how fast each of them moves, and when it will have caught up or be lost. */
export class SlotRates {
  readonly #samples = new Map<string, readonly Sample[]>();

  /** The paces are undefined at the first reading. */
  add(reports: readonly SlotReport[]): readonly SlotReport[] {
    const gone = new Set(this.#samples.keys());
    const paced = reports.map((report) => {
      gone.delete(report.slot);
      const sample = sampleOf(report);
      // After the clock was set back, or for another slot of the same name, older samples mean nothing.
      const before = (this.#samples.get(report.slot) ?? []).filter((each) =>
        precedes(each, sample),
      );
      const recent = before.filter(({ timeMs }) => timeMs >= sample.timeMs - WINDOW_MS);
      const kept = recent.length > 0 ? recent : before.slice(-1);
      this.#samples.set(report.slot, [...kept, sample]);
      const [first] = kept;
      return first === undefined ? report : { ...report, pace: paceOf(first, sample, report) };
    });
    for (const name of gone) this.#samples.delete(name);
    return paced;
  }
}

function precedes(one: Sample, other: Sample): boolean {
  const forwards = (one.confirmed ?? 0) <= (other.confirmed ?? 0);
  return one.timeMs < other.timeMs && one.server <= other.server && forwards;
}

function sampleOf(report: SlotReport): Sample {
  const { type, confirmed_flush_lsn: confirmed, restart_lsn: restart } = report;
  const position = type === "logical" ? confirmed : restart;
  return {
    timeMs: Date.parse(report.time),
    server: positionOf(report.server_lsn) ?? 0,
    confirmed: positionOf(position),
    safe: report.safe_bytes,
  };
}

function positionOf(lsn: string | null): number | undefined {
  const parsed = lsn === null ? undefined : parseLsn(lsn);
  return parsed === undefined ? undefined : Number(parsed);
}

function paceOf(
  first: Sample,
  last: Sample,
  { lag_bytes: lag, retained_bytes: kept }: SlotReport,
): SlotPace {
  const seconds = (last.timeMs - first.timeMs) / 1000;
  const wal = (last.server - first.server) / seconds;
  const consumed =
    last.confirmed === undefined || first.confirmed === undefined
      ? null
      : (last.confirmed - first.confirmed) / seconds;
  const behind = lag ?? kept;
  const isKnown = seconds >= FORECAST_SECONDS_MIN;
  const gains = consumed === null || !isKnown ? 0 : consumed - wal;
  const shrinks =
    first.safe === null || last.safe === null || !isKnown ? 0 : (first.safe - last.safe) / seconds;
  return {
    wal_bytes_per_second: Math.round(wal),
    consumed_bytes_per_second: consumed === null ? null : Math.round(consumed),
    caught_up_in_seconds:
      behind !== null && behind > 0 && gains > 0 ? Math.round(behind / gains) : null,
    lost_in_seconds:
      last.safe !== null && shrinks > 0 ? Math.round(Math.max(last.safe, 0) / shrinks) : null,
  };
}
