import { type SegmentName, parseSegmentName } from "../../wal/pages/segments.ts";
import { LONG_HEADER_BYTES, type SegmentStart, readSegmentStart } from "../../wal/pages/page.ts";
import { damagedCompression } from "../compressed.ts";
import type { InputError } from "../formats/input-error.ts";
import { CompressionError } from "../lz4.ts";
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
  /** Why its first bytes could not be had. */
  readonly damage: InputError | undefined;
}

const SUFFIXES = /(\.partial)?(\.(gz|zst|lz4))?$/;

/** Undefined: not called as a segment is, with or without what archives put behind it. */
export function segmentNameOf(file: string): SegmentName | undefined {
  return parseSegmentName(file.replace(SUFFIXES, ""));
}

/** Throws InputError where it cannot be read. */
export async function inspectFile(path: string, name: string): Promise<SegmentFile> {
  const base = path.replace(/^.*\//s, "");
  const named = segmentNameOf(base);
  const { stream, compression } = await openFile(path);
  /** Of one among many it is said when its turn comes. */
  let damage: InputError | undefined;
  try {
    const head = new Uint8Array(LONG_HEADER_BYTES);
    const length = await stream.read(head).catch((error: unknown) => {
      if (!(error instanceof CompressionError)) throw error;
      damage = damagedCompression(name, error);
      return 0;
    });
    return {
      path,
      name,
      named,
      partial: /\.partial(\.|$)/.test(base),
      compressed: compression !== undefined,
      start: readSegmentStart(head.subarray(0, length)),
      damage,
    };
  } finally {
    await stream.close();
  }
}
