import type { WalFault } from "./faults.ts";
import { PAGE_BYTES, isForeignInfo, PageInfo, type SegmentHeader } from "./page.ts";
import { formatPosition, positionOf } from "./position.ts";
import { formatMagic } from "./versions.ts";

/** What a page has to match. */
export interface PageContext {
  readonly header: SegmentHeader;
  readonly timelineMin: number;
  readonly timelineMax: number;
}

/** The address in the page's header. */
export function pageAddress(words: Int32Array, index: number): number {
  return positionOf(words[index + 3]!, words[index + 2]!);
}

/**
 * The fault of the page at `address`; undefined if it has none.
 *
 * uint16 magic, uint16 info, uint32 timeline, uint64 address, uint32 rest of the record, 4 bytes of padding; on a
 * segment's first page: uint64 system identifier, uint32 segment size, uint32 page size
 */
export function pageFault(
  words: Int32Array,
  index: number,
  address: number,
  { header, timelineMin, timelineMax }: PageContext,
): WalFault | undefined {
  const magic = words[index]! & 0xffff;
  const info = words[index]! >>> 16;
  const own = pageAddress(words, index);
  const timeline = words[index + 1]! >>> 0;
  const fault = (what: string, mayBeEnd = false): WalFault => {
    const message = `page at ${formatPosition(address)}: ${what}`;
    return { position: address, start: address, message, mayBeEnd, cutShort: false };
  };
  if (magic !== header.magic) {
    const empty = words[index] === 0 && timeline === 0 && own === 0;
    if (empty) return fault("it is empty", true);
    return fault(`not of this WAL (magic ${formatMagic(magic)})`);
  }
  if (own !== address) return fault(`its address is ${formatPosition(own)}`, true);
  const first = address % header.segmentBytes === 0;
  if (isForeignInfo(info, header.version) || ((info & PageInfo.long) !== 0) !== first) {
    return fault(`not of this WAL (flags ${formatMagic(info)})`);
  }
  if (timeline < timelineMin || timeline > timelineMax) {
    return fault(`not of this WAL (timeline ${timeline})`);
  }
  if (!first) return undefined;
  const system = BigInt(words[index + 7]! >>> 0) * 0x1_0000_0000n + BigInt(words[index + 6]! >>> 0);
  if (system !== header.systemIdentifier) return fault(`not of this WAL (system ${system})`);
  const [segmentBytes, pageBytes] = [words[index + 8]! >>> 0, words[index + 9]! >>> 0];
  if (segmentBytes !== header.segmentBytes) {
    return fault(`not of this WAL (segments of ${segmentBytes} bytes)`);
  }
  if (pageBytes !== PAGE_BYTES) return fault(`not of this WAL (blocks of ${pageBytes} bytes)`);
  return undefined;
}
