import type { SkippedRange, WalFault } from "../../wal/pages/faults.ts";
import type { SegmentHeader } from "../../wal/pages/page.ts";
import type { WalRecord } from "../../wal/record.ts";
import type { WalVersion } from "../../wal/pages/versions.ts";
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
  /** Whether the log may go on behind the last segment: not where a file shows that the server wrote no more. */
  readonly mayGoOn: boolean;
}

/** A fault, and where in which file. */
export interface LocatedFault extends WalFault {
  /** `FILE: byte N: MESSAGE` */
  readonly text: string;
}

export interface LogListener {
  /** The record is another one after the call, or after what it gives to wait for. Returns whether more is wanted. */
  record(record: WalRecord, version: WalVersion): boolean | Promise<boolean>;
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

/** What stands behind the log's end in the same segment. */
export interface PagesBehind {
  /** A page of this log, left by a crash or behind damage. */
  readonly pageBehind?: number;
  /** Where the page behind the end was in the log before the file was recycled. */
  readonly olderPage?: number;
}

export type LogEnd =
  /** The log's own end, or the input's, and the start of the record before. */
  | ({
      readonly kind: "end";
      readonly position: number;
      readonly previous: number;
      /** The next segment, which is not in the input, where a record goes on in it. */
      readonly goesOnIn?: string;
      /** No record begins in the input. */
      readonly empty?: boolean;
    } & PagesBehind)
  /** No more was wanted. */
  | { readonly kind: "enough" }
  | { readonly kind: "fault"; readonly fault: LocatedFault };
