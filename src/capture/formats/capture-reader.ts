import type { DecodeError } from "../../errors.ts";
import type { PgoutputMessage } from "../../pgoutput/messages.ts";

/** The formats of captures (docs/captures.md). */
export const CAPTURE_FORMATS = [
  "walctl",
  "recvlogical",
  "raw",
  "hex",
  "copy-text",
  "copy-csv",
  "copy-binary",
] as const;
export type CaptureFormat = (typeof CAPTURE_FORMATS)[number];

/** A range of the capture that was passed over, and the fault it starts with. */
export interface SkippedRange {
  readonly start: number;
  /** The byte after the range. */
  readonly end: number;
  readonly fault: DecodeError;
}

/** Told of what a capture holds, in order. */
export interface CaptureListener {
  /** The message's views live until the call returns. */
  message(message: PgoutputMessage): void;
  skipped(range: SkippedRange): void;
  /** Called before what comes behind a skipped range: from..to of these bytes is a piece of it, and nothing that it tells is known. */
  lost?(bytes: Uint8Array, from: number, to: number): void;
  /** What walctl itself wrote beside the stream: a capture's `m` frame. */
  metadata(json: unknown): void;
}

export interface CaptureReaderOptions {
  readonly listener: CaptureListener;
  /** Passes over what is damaged, and tells the listener, instead of throwing. */
  readonly keepGoing: boolean;
}

/**
 * A capture's bytes in, its messages out, as they come.
 * Both throw a DecodeError whose offset is that in the capture; `missing` is not 0 only where the capture ends
 * too early. After that the reader is of no more use.
 */
export interface CaptureReader {
  /** The chunk may be overwritten once all is done. */
  push(chunk: Uint8Array): Work;
  end(): Work;
}

/** What is done as one asks for it, a short piece at a time: between two of them signals may have their turn. */
export type Work = Generator<void, void, void>;

/** A piece of work goes through so many bytes, or so many where it searches. */
export const PIECE_BYTES = 1 << 20;
export const SEARCH_BYTES = 1 << 12;
