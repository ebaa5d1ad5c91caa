import { type SegmentName, parseSegmentName } from "../../postgres/pages/segments.ts";
import {
  LONG_HEADER_BYTES,
  type SegmentStart,
  readSegmentStart,
} from "../../postgres/pages/page.ts";
import { damagedCompression } from "../compressed.ts";
import type { InputError } from "../formats/input-error.ts";
import { CompressionError } from "../lz4.ts";
import { openFile } from "./open.ts";

/** A file that may hold a segment. */
export interface SegmentFile {
  readonly path: string;
  /** The name in messages. */
  readonly name: string;
  /** Undefined if the name is not a segment's: the first page then shows what the file is. */
  readonly named: SegmentName | undefined;
  readonly partial: boolean;
  readonly compressed: boolean;
  readonly start: SegmentStart;
  /** Why its first bytes could not be read. */
  readonly damage: InputError | undefined;
}

const SUFFIXES = /(\.partial)?(\.(gz|zst|lz4))?$/;

/** Undefined if the file is not named like a segment, with or without the suffixes that archives add. */
export function segmentNameOf(file: string): SegmentName | undefined {
  return parseSegmentName(file.replace(SUFFIXES, ""));
}

/** Throws InputError if the file cannot be read. */
export async function inspectFile(path: string, name: string): Promise<SegmentFile> {
  const base = path.replace(/^.*\//s, "");
  const named = segmentNameOf(base);
  const { stream, compression } = await openFile(path);
  /** Damage is kept and reported when this file is read. */
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
