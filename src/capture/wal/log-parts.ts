import type { SkippedRange, WalFault } from "../../wal/faults.ts";
import type { SegmentHeader } from "../../wal/page.ts";
import type { WalRecord } from "../../wal/record.ts";
import type { WalVersion } from "../../wal/versions.ts";
import type { ByteStream } from "./byte-stream.ts";

/** A segment whose turn it is. */
export interface OpenSegment {
  /** Its file, for messages. */
  readonly name: string;
  readonly address: number;
  readonly timelineMax: number;
  readonly partial: boolean;
  /** How many of its first bytes the stream leaves out: whole pages. */
  readonly offset: number;
  readonly stream: ByteStream;
}

/** Segments in the order of the log. */
export interface SegmentSource {
  readonly header: SegmentHeader;
  /** Undefined: there are no more. The one before is closed. */
  next(): Promise<OpenSegment | undefined>;
  /** Whether a segment with a good first page follows the one that was opened last. */
  hasLater(): Promise<boolean>;
}

/** A fault, and where in which file. */
export interface LocatedFault extends WalFault {
  /** `FILE: byte N: MESSAGE` */
  readonly text: string;
}

export interface LogListener {
  /** The record is another one after the call. Returns whether more is wanted. */
  record(record: WalRecord, version: WalVersion): boolean;
  /** Only with keepGoing. */
  skipped(range: SkippedRange, fault: LocatedFault): void;
  /** Everything of a chunk was passed on. Undefined: nothing to wait for. */
  flush(): Promise<void> | undefined;
}

export interface LogOptions {
  readonly source: SegmentSource;
  readonly listener: LogListener;
  readonly keepGoing: boolean;
  readonly stop: AbortSignal;
  /** Where the reader goes on: what lies between there and the first segment is missing. Undefined: it begins. */
  readonly from?: number;
}

export type LogEnd =
  /**
   * The log's own end, or the input's, and the start of the record before. `pageBehind`: a page of this log that stands behind it in the
   * same segment, left by a crash or behind damage.
   */
  | {
      readonly kind: "end";
      readonly position: number;
      readonly previous: number;
      readonly pageBehind?: number;
    }
  /** No more was wanted. */
  | { readonly kind: "enough" }
  | { readonly kind: "fault"; readonly fault: LocatedFault };
