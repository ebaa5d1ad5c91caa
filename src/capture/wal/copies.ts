/** Of several copies of a segment, keeps those that hold most of the log. */
import { ExitCode, WalctlError } from "../../errors.ts";
import { PAGE_BYTES } from "../../postgres/pages/page.ts";
import { positionOf } from "../../postgres/pages/position.ts";
import { addressOfName, formatSegmentName } from "../../postgres/pages/segments.ts";
import { CompressionError } from "../lz4.ts";
import type { ByteStream } from "./byte-stream.ts";
import { openFile } from "./open.ts";
import type { SegmentFile } from "./segment-file.ts";

/** Throws WalctlError where two copies are of different logs, or one is damaged. */
export async function longestCopies(
  files: readonly SegmentFile[],
): Promise<readonly SegmentFile[]> {
  const left = new Set(files);
  const best = new Map<string, SegmentFile>();
  for (const file of files) {
    const name = segmentOf(file);
    if (name === undefined) continue;
    const other = best.get(name);
    if (other === undefined || other.path === file.path) best.set(name, file);
    else {
      const shorter = await shorterOf(other, file, name);
      if (shorter !== undefined) left.delete(shorter);
      best.set(name, shorter === other ? file : other);
    }
  }
  return [...left];
}

/** The name of the segment of which this has at least the first page. */
function segmentOf({ named, start }: SegmentFile): string | undefined {
  if (start.kind !== "segment") return undefined;
  const { address, segmentBytes, timeline } = start.header;
  if (named !== undefined && addressOfName(named, segmentBytes) !== address) return undefined;
  return formatSegmentName(named?.timeline ?? timeline, address, segmentBytes);
}

/** Undefined: both hold the same part of the log. */
async function shorterOf(
  one: SegmentFile,
  other: SegmentFile,
  name: string,
): Promise<SegmentFile | undefined> {
  const streams = [(await openFile(one.path)).stream, (await openFile(other.path)).stream] as const;
  const pages = [Buffer.alloc(PAGE_BYTES), Buffer.alloc(PAGE_BYTES)] as const;
  const address = one.start.kind === "segment" ? one.start.header.address : 0;
  try {
    for (let at = 0; ; at += PAGE_BYTES) {
      const ends = [await fill(streams[0], pages[0]), await fill(streams[1], pages[1])] as const;
      if (Math.max(...ends) === 0) return undefined;
      let same = 0;
      while (same < Math.max(...ends) && pages[0][same] === pages[1][same]) same++;
      if (same === Math.max(...ends) && ends[0] === ends[1]) continue;
      const [hasFirst, hasSecond] = [0, 1].map((index) =>
        holdsLog(pages[index]!.subarray(0, ends[index]), same, address + at),
      );
      if (hasFirst !== hasSecond) return hasFirst === true ? other : one;
      if (hasFirst === false) {
        // Behind the end of the log there may be anything, but not the end of the file.
        if (ends[0] === ends[1]) return undefined;
        return ends[0] < ends[1] ? one : other;
      }
      throw new WalctlError(`two copies of segment ${name} differ from byte ${at + same} on`, {
        detail: `They are ${one.path} and ${other.path}: one is damaged, or of another server that went on from there.`,
        hint: `Give only the right one. Whether a file is whole: walctl inspect --stats FILE`,
        exitCode: ExitCode.malformedInput,
      });
    }
  } finally {
    for (const stream of streams) await stream.close();
  }
}

/** Fills the rest with zeros. What cannot be decompressed is an end. */
async function fill(stream: ByteStream, page: Buffer): Promise<number> {
  page.fill(0);
  try {
    return await stream.read(page);
  } catch (error) {
    if (error instanceof CompressionError) return 0;
    throw error;
  }
}

/** Whether a page has been written from there on: recycled files have pages of an older address. */
function holdsLog(page: Buffer, from: number, address: number): boolean {
  const isOwn =
    page.length >= 16 && positionOf(page.readUInt32LE(12), page.readUInt32LE(8)) === address;
  return isOwn && page.subarray(from).some((byte) => byte !== 0);
}
