import type { SkippedRange, WalFault } from "../../postgres/pages/faults.ts";
import type { SegmentHeader } from "../../postgres/pages/page.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { ByteStream } from "./byte-stream.ts";

/** Of a segment whose name is not known: only a name gives its timeline, and its first page a lower bound. */
export const ANY_TIMELINE = 0xffff_ffff;

export interface OpenSegment {
  /** The file's name, for messages. */
  readonly name: string;
  readonly address: number;
  /** Or ANY_TIMELINE. */
  readonly timelineMax: number;
  readonly partial: boolean;
  /** How many of its first bytes the stream leaves out; whole pages. */
  readonly offset: number;
  readonly stream: ByteStream;
}

/** Provides the segments in the order of the log. */
export interface SegmentSource {
  readonly header: SegmentHeader;
  /** Undefined if there are no more segments. Closes the one before. */
  next(): Promise<OpenSegment | undefined>;
  /** Whether a segment with a valid first page follows the one that was opened last. */
  hasLater(): Promise<boolean>;
  /** Whether the log may continue behind the last segment. False if a file shows that the server wrote no more. */
  readonly mayGoOn: boolean;
}

/** A fault with its file and position. */
export interface LocatedFault extends WalFault {
  /** `FILE: byte N: MESSAGE` */
  readonly text: string;
}

export interface LogListener {
  /** The record is another one after the call, or after what it gives to wait for. Returns whether more is wanted. */
  record(record: WalRecord, version: WalVersion): boolean | Promise<boolean>;
  /** Called only with keepGoing. */
  skipped(range: SkippedRange, fault: LocatedFault): void;
  /** Called when all records of a chunk were passed on. Undefined if there is nothing to wait for. */
  flush(): Promise<void> | undefined;
}

export interface LogOptions {
  readonly source: SegmentSource;
  readonly listener: LogListener;
  readonly keepGoing: boolean;
  readonly stop: AbortSignal;
  /**
   * Where the reader continues: what lies between there and the first segment is missing. Undefined if reading begins.
   */
  readonly from?: number;
}

/** What follows the log's end in the same segment. */
export interface PagesBehind {
  /** A page of this log, left by a crash, or behind damage. */
  readonly pageBehind?: number;
  /** The position that the page behind the end had in the log before its file was recycled. */
  readonly olderPage?: number;
}

export type LogEnd =
  /** The end of the log or of the input, and the start of the record before it. */
  | ({
      readonly kind: "end";
      readonly position: number;
      readonly previous: number;
      /** The next segment, if a record continues in it and it is not part of the input. */
      readonly goesOnIn?: string;
      /** No record begins in the input. */
      readonly empty?: boolean;
    } & PagesBehind)
  /** The listener wanted no more records. */
  | { readonly kind: "enough" }
  | { readonly kind: "fault"; readonly fault: LocatedFault };
