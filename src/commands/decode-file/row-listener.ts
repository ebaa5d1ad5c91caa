import { setImmediate } from "node:timers/promises";
import type { LocatedFault, LogListener } from "../../capture/wal/log-parts.ts";
import type { Pipeline } from "../../messages/pipeline/pipeline.ts";
import type { SkippedRange } from "../../postgres/pages/faults.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import type { Reporter } from "../../program/reporter.ts";
import type { RowDecoder, Work } from "../../rows/decoder/decoder.ts";
import { warnSkipped } from "../wal-end.ts";

/** Short enough to answer a signal within a second. */
const PAUSE_INTERVAL_MS = 50;

interface Range {
  /** Where the last record starts that is needed. */
  readonly endPosition: number;
  /** An undo has to know which tables were altered since. */
  readonly readsOn: boolean;
  readonly stop: AbortSignal;
  readonly progress: (position: number) => void;
}

/** Decodes rows out of the records of a log, and writes them part by part. */
export class RowListener implements LogListener {
  readonly #decoder: RowDecoder;
  readonly #pipeline: Pipeline;
  readonly #reporter: Reporter;
  readonly #range: Range;
  position = 0;
  timeline = 0;
  damaged = false;
  /** What was to be printed was read without damage; what lies behind it may not be. */
  hasAllRows = false;

  constructor(decoder: RowDecoder, pipeline: Pipeline, reporter: Reporter, range: Range) {
    this.#decoder = decoder;
    this.#pipeline = pipeline;
    this.#reporter = reporter;
    this.#range = range;
  }

  record(record: WalRecord, version: WalVersion): boolean | Promise<boolean> {
    if (record.lsn > this.#range.endPosition) {
      if (!this.#range.readsOn) return false;
      this.#decoder.leaveRows();
      this.hasAllRows ||= !this.damaged;
    }
    this.position = record.lsn;
    this.timeline = record.timeline;
    const work = this.#decoder.record(record, version);
    return work === undefined || work.next().done === true ? true : this.#finish(work);
  }

  /** No record behind it was to be printed. */
  get printedTo(): number {
    return Math.min(this.position, this.#range.endPosition);
  }

  /** A transaction may be larger than memory: what was made of it is written part by part. */
  async #finish(work: Work): Promise<boolean> {
    let pausedAt = performance.now();
    do {
      await this.#pipeline.flush();
      if (performance.now() - pausedAt >= PAUSE_INTERVAL_MS) {
        await setImmediate();
        if (this.#range.stop.aborted) return false;
        pausedAt = performance.now();
      }
    } while (work.next().done !== true);
    return true;
  }

  skipped(range: SkippedRange, fault: LocatedFault): void {
    this.damaged = true;
    this.#decoder.skipped(range);
    this.#pipeline.skipped();
    warnSkipped(range, fault, this.#reporter);
  }

  flush(): Promise<void> | undefined {
    this.#range.progress(this.position);
    return this.#pipeline.flush();
  }
}
