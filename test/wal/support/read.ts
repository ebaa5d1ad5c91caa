import { PAGE_BYTES, type SegmentHeader } from "../../../src/postgres/pages/page.ts";
import { type PageChunk, createPageChunk } from "../../../src/postgres/pages/page-chunk.ts";
import { RecordReader, Step } from "../../../src/wal/reader.ts";
import type { WalRecord } from "../../../src/postgres/records/record.ts";
import { START } from "./log-encoder.ts";

/** All that a reader had to say, in order. */
export interface Reading {
  readonly records: { readonly lsn: number; readonly endLsn: number; readonly bytes: Buffer }[];
  /** Messages of stops, and of skipped ranges. */
  readonly faults: string[];
  readonly skipped: { readonly start: number; readonly end: number }[];
  /** The last stop may be the log's end. */
  mayBeEnd: boolean;
}

export interface ReadOptions {
  readonly header: SegmentHeader;
  readonly keepGoing?: boolean;
  /** Pages that are fed at once; default: all. */
  readonly pages?: number;
  /** Pages of the segment that lie before the log's first byte. */
  readonly first?: number;
  readonly record?: (record: WalRecord) => void;
}

export function readLog(log: Uint8Array, options: ReadOptions): Reading {
  const { header, keepGoing = false, pages = log.length, first = 0 } = options;
  const reader = new RecordReader();
  const reading: Reading = { records: [], faults: [], skipped: [], mayBeEnd: false };
  reader.openSegment(header, 1);
  const step = pages * PAGE_BYTES;
  for (let at = 0; at < log.length; at += step) {
    const part = log.subarray(at, at + step);
    reader.feed(chunkOf(part), part.length, START + first * PAGE_BYTES + at);
    if (!readChunk(reader, reading, keepGoing, options.record)) return reading;
  }
  const rest = reader.finish();
  if (rest !== undefined) reading.skipped.push(rest);
  return reading;
}

/** Returns whether it goes on. */
function readChunk(
  reader: RecordReader,
  reading: Reading,
  keepGoing: boolean,
  onRecord: ReadOptions["record"],
): boolean {
  for (;;) {
    switch (reader.next()) {
      case Step.more:
        return true;
      case Step.record: {
        const { lsn, endLsn, bytes, start, totalLength } = reader.record;
        const copy = Buffer.from(bytes.subarray(start, start + totalLength));
        reading.records.push({ lsn, endLsn, bytes: copy });
        onRecord?.(reader.record);
        break;
      }
      case Step.skipped:
        reading.skipped.push(reader.skipped!);
        break;
      case Step.stopped:
        reading.faults.push(reader.stop!.message);
        reading.mayBeEnd = reader.stop!.mayBeEnd;
        if (!keepGoing) return false;
        reader.skip();
    }
  }
}

let chunk = createPageChunk(1 << 20);

/** One for all: each reserves gigabytes of addresses. */
function chunkOf(bytes: Uint8Array): PageChunk {
  if (chunk.bytes.length < bytes.length) chunk = createPageChunk(bytes.length);
  chunk.bytes.set(bytes);
  return chunk;
}
