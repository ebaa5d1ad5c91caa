import { type SegmentName, parseSegmentName } from "../../wal/segments.ts";
import { LONG_HEADER_BYTES, type SegmentStart, readSegmentStart } from "../../wal/page.ts";
import { damagedCompression } from "../compressed.ts";
import { CompressionError } from "./lz4.ts";
import { openFile } from "./open.ts";

/** A file that may hold a segment. */
export interface SegmentFile {
  readonly path: string;
  /** For messages. */
  readonly name: string;
  /** Undefined: it is called otherwise; its first page tells what it is. */
  readonly named: SegmentName | undefined;
  readonly partial: boolean;
  readonly compressed: boolean;
  readonly start: SegmentStart;
}

const SUFFIXES = /(\.partial)?(\.(gz|zst|lz4))?$/;

/** Undefined: not called as a segment is, with or without what archives put behind it. */
export function segmentNameOf(file: string): SegmentName | undefined {
  return parseSegmentName(file.replace(SUFFIXES, ""));
}

/** Throws InputError where it cannot be read. */
export async function inspectFile(path: string, name: string): Promise<SegmentFile> {
  const base = path.replace(/^.*\//, "");
  const { stream, compression } = await openFile(path);
  try {
    const head = new Uint8Array(LONG_HEADER_BYTES);
    const length = await readHead(stream.read(head), name);
    return {
      path,
      name,
      named: segmentNameOf(base),
      partial: /\.partial(\.|$)/.test(base),
      compressed: compression !== undefined,
      start: readSegmentStart(head.subarray(0, length)),
    };
  } finally {
    await stream.close();
  }
}

async function readHead(reading: Promise<number>, name: string): Promise<number> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof CompressionError)) throw error;
    throw damagedCompression(name, error);
  }
}
