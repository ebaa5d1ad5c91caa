import type { LocatedFault, LogListener } from "../../capture/wal/log-parts.ts";
import type { Sink } from "../../output/sink.ts";
import type { SkippedRange } from "../../postgres/pages/faults.ts";
import type { SegmentHeader } from "../../postgres/pages/page.ts";
import type { RelationNames } from "../../wal/relation-name.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { Reporter } from "../../program/reporter.ts";
import { warnSkipped } from "../wal-end.ts";
import type { InspectOptions } from "./options.ts";
import type { Printer } from "./printer.ts";
import { Verdict, createRecordFilter } from "./record-filter.ts";

interface ListenerParts {
  /** Gets every record, before the filters. */
  readonly observe: (record: WalRecord, version: WalVersion) => void;
  readonly names: RelationNames;
  readonly check: (header: SegmentHeader) => void;
  readonly printer: Printer;
  readonly sink: Sink;
  readonly reporter: Reporter;
}

/** Passes records through the filters to the printer, and the printer's bytes to the output. */
export class InspectListener implements LogListener {
  readonly #accepts: ReturnType<typeof createRecordFilter>;
  readonly #observe: (record: WalRecord, version: WalVersion) => void;
  readonly #printer: Printer;
  readonly #sink: Sink;
  readonly #reporter: Reporter;
  #left: number;
  /** Asked once of the log: @throws WalctlError where it is another system's than the names. */
  readonly check: (header: SegmentHeader) => void;
  damaged = false;

  constructor(options: InspectOptions, parts: ListenerParts) {
    const { observe, names, check, printer, sink, reporter } = parts;
    this.check = check;
    this.#accepts = createRecordFilter(options.filter, names);
    this.#left = options.limit;
    this.#observe = observe;
    this.#printer = printer;
    this.#sink = sink;
    this.#reporter = reporter;
  }

  record(record: WalRecord, version: WalVersion): boolean {
    this.#observe(record, version);
    const verdict = this.#accepts(record, version);
    if (verdict !== Verdict.pass) return verdict === Verdict.leaveOut;
    this.#printer.record(record, version);
    return --this.#left > 0;
  }

  skipped(range: SkippedRange, fault: LocatedFault): void {
    this.damaged = true;
    warnSkipped(range, fault, this.#reporter);
  }

  flush(): Promise<void> | undefined {
    return this.#write(this.#printer.take());
  }

  /** Writes what comes last, such as statistics. */
  async finish(): Promise<void> {
    await this.flush();
    for (const part of await this.#printer.finish()) await this.#write(part);
  }

  #write(bytes: Uint8Array): Promise<void> | undefined {
    return bytes.length === 0 ? undefined : this.#sink.write(bytes);
  }
}
