import type { DecodeError } from "../../errors.ts";
import type { Carried } from "../ndjson/carried.ts";
import type { PgoutputMessage, RowPrinter } from "../../postgres/messages/messages.ts";

/** The formats in which captures hold messages of pgoutput (docs/captures.md). */
export const CAPTURE_FORMATS = [
  "walctl",
  "recvlogical",
  "raw",
  "hex",
  "copy-text",
  "copy-csv",
  "copy-binary",
] as const;
/** And the lines that walctl printed. */
export type CaptureFormat = PgoutputFormat | "ndjson";
export type PgoutputFormat = (typeof CAPTURE_FORMATS)[number];

/** A range of the capture that was skipped, and the fault at its start. */
export interface SkippedRange {
  readonly start: number;
  /** The byte after the range. */
  readonly end: number;
  readonly fault: DecodeError;
}

/** Receives the contents of a capture, in order. */
export interface CaptureListener {
  /** The message's views are valid until the call returns. */
  message(message: PgoutputMessage): void;
  /** Undefined: every row has to be a message. It may be set later on. */
  readonly rows?: RowPrinter | undefined;
  skipped(range: SkippedRange): void;
  /**
   * Called for each piece of a skipped range, before the message behind it. bytes[from, to) was skipped: what it
   * announced is not known.
   */
  lost?(bytes: Uint8Array, from: number, to: number): void;
  /** What walctl itself wrote beside the stream: an `m` frame of a capture. */
  metadata(json: unknown): void;
}

export interface CaptureReaderOptions {
  readonly listener: CaptureListener;
  /** Skips damaged bytes and reports them to the listener instead of throwing. */
  readonly keepGoing: boolean;
  /** For NDJSON: refuses changes whose lines lack something that is needed to repeat them. */
  readonly exact?: boolean;
  /** For NDJSON: what the files read before this one describe. */
  readonly carried?: Carried;
}

/**
 * Turns the bytes of a capture into its messages, as they arrive. Both methods throw a DecodeError whose offset counts
 * from the start of the capture; its `missing` is 0 unless the capture ends too early. After an error the reader cannot
 * be used any more.
 */
export interface CaptureReader {
  /** The chunk may be overwritten once the work is done. */
  push(chunk: Uint8Array): Work;
  end(): Work;
}

/** Work done step by step, on demand: signals are handled between two steps. */
export type Work = Generator<void, void, void>;

/** How many bytes one step of work covers, and one step of a search. */
export const PIECE_BYTES = 1 << 20;
export const SEARCH_BYTES = 1 << 12;
