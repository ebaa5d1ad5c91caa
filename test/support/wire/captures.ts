/** Captures as tests make, cut and decode them. */
import type {
  CaptureFormat,
  PgoutputFormat,
  CaptureReader,
  Work,
} from "../../../src/capture/formats/capture-reader.ts";
import { createCaptureReader } from "../../../src/capture/readers.ts";
import { SniffingReader } from "../../../src/capture/sniffing-reader.ts";
import { CaptureWriter } from "../../../src/capture/writer.ts";
import { DecodeError } from "../../../src/errors.ts";
import { formatLsn } from "../../../src/lsn.ts";
import { int32, int64, type WireMessage } from "./pgoutput-encoder.ts";
import { WireRecorder } from "./wire.ts";

export interface Outcome {
  readonly messages: readonly (WireMessage | { readonly kind: "unknown"; readonly tag: number })[];
  /** High and low half of each message's position. */
  readonly positions: readonly string[];
  readonly skipped: readonly string[];
  readonly metadata: readonly unknown[];
  /** `byte 12: Insert: 3 bytes missing`, with `(cut)` behind what is the capture's end. */
  readonly fault: string | null;
}

export interface DecodeOptions {
  readonly keepGoing?: boolean;
  /** The messages begin inside a stream block. */
  readonly streaming?: boolean;
}

/** Decodes chunks, each of which is overwritten after it was pushed, as a file's are. */
export function decodeChunks(
  format: CaptureFormat | "auto",
  chunks: Iterable<Uint8Array>,
  { keepGoing = false, streaming = false }: DecodeOptions = {},
): Outcome {
  const outcome = { messages: [], positions: [], skipped: [], metadata: [] } as {
    -readonly [Key in Exclude<keyof Outcome, "fault">]: Outcome[Key][number][];
  };
  const recorder = new WireRecorder(streaming);
  const listener: Parameters<typeof createCaptureReader>[1]["listener"] = {
    message: (message) => {
      const { kind, position } = message;
      const wire = kind === "unknown" ? { kind, tag: message.tag } : recorder.record(message);
      outcome.messages.push(wire);
      outcome.positions.push(`${position.high}/${position.low}`);
    },
    skipped: ({ start, end, fault }) =>
      void outcome.skipped.push(`${start}-${end} ${faultText(fault)}`),
    metadata: (json) => void outcome.metadata.push(json),
  };
  const options = { listener, keepGoing };
  const reader =
    format === "auto" ? new SniffingReader(options) : createCaptureReader(format, options);
  return { ...outcome, fault: feed(reader, chunks) };
}

/** Does all of the work at once. */
export function finish(work: Work): void {
  while (work.next().done !== true);
}

function feed(reader: CaptureReader, chunks: Iterable<Uint8Array>): string | null {
  try {
    for (const chunk of chunks) {
      const buffer = Uint8Array.from(chunk);
      finish(reader.push(buffer));
      buffer.fill(0xee);
    }
    finish(reader.end());
    return null;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return faultText(error);
  }
}

function faultText({ message, offset, missing }: DecodeError): string {
  return `byte ${offset}: ${message}${missing > 0 ? " (cut)" : ""}`;
}

/** One chunk; a chunk a byte; chunks of random sizes, now small, now large. */
export function* cut(
  bytes: Uint8Array,
  how: "whole" | "bytewise" | (() => number),
): Generator<Uint8Array, void, void> {
  if (how === "whole") return yield bytes;
  for (let at = 0; at < bytes.length;) {
    const length = how === "bytewise" ? 1 : 1 + Math.floor(how() ** 3 * 600);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

/** Random numbers from 0 to 1 that are the same in each run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const LSN = 0x16_b374d848n;

/** The messages as a capture of the format. In those that tell positions each is at 16/B374D848. */
export function encodeCapture(format: PgoutputFormat, messages: readonly Uint8Array[]): Uint8Array {
  const lsn = formatLsn(LSN as Parameters<typeof formatLsn>[0]);
  const hex = (message: Uint8Array): string => Buffer.from(message).toString("hex");
  switch (format) {
    case "raw":
      return Buffer.concat(messages);
    case "recvlogical":
      return Buffer.concat(messages.flatMap((message) => [message, Buffer.from("\n")]));
    case "walctl": {
      const writer = new CaptureWriter();
      for (const message of messages) writer.frame(xLogData(message));
      return Uint8Array.from(writer.take());
    }
    case "hex":
      return Buffer.from(messages.map((m) => `${lsn}|7|\\x${hex(m)}\n`).join(""));
    case "copy-text":
      return Buffer.from(messages.map((m) => `${lsn}\t7\t\\\\x${hex(m)}\n`).join(""));
    case "copy-csv":
      return Buffer.from(messages.map((m) => `${lsn},7,\\x${hex(m)}\n`).join(""));
    case "copy-binary": {
      const header = [Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"), int32(0), int32(0)];
      const rows = messages.flatMap((message) => [
        Uint8Array.of(0, 3),
        int32(8),
        int64(LSN),
        int32(4),
        int32(7),
        int32(message.length),
        message,
      ]);
      return Buffer.concat([...header, ...rows, Uint8Array.of(0xff, 0xff)]);
    }
  }
}

/** Byte1('w')  Int64 start  Int64 end of WAL  Int64 send time  Byten message */
export function xLogData(message: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from("w"), int64(LSN), int64(LSN), int64(99n), message]);
}

/** The messages of a pg_recvlogical capture, one by one: found by decoding it. `cutShort`: the last one may lack its end. */
export function messagesOf(recvlogical: Uint8Array, cutShort = false): Uint8Array[] {
  const ends: number[] = [];
  // Where each message ends shows where the reader stands when the next byte lets it out.
  let pushed = 0;
  const reader = createCaptureReader("recvlogical", {
    keepGoing: false,
    listener: { message: () => void ends.push(pushed), skipped: () => {}, metadata: () => {} },
  });
  for (const byte of cut(recvlogical, "bytewise")) {
    pushed++;
    finish(reader.push(byte));
  }
  if (!cutShort) finish(reader.end());
  return ends.map((end, index) => recvlogical.subarray(ends[index - 1] ?? 0, end - 1));
}
