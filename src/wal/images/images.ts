import { decompressLz4Block } from "./lz4-block.ts";
import { PAGE_BYTES } from "../pages/page.ts";
import { decompressPglz } from "./pglz.ts";
import type { BlockReference } from "../block-reference.ts";
import type { WalRecord } from "../record.ts";

/**
 * Restores the page that an image shows into `page`. Returns false where it cannot be decompressed; zstd is not read here, since that
 * takes a package.
 */
export function restoreImage(record: WalRecord, block: BlockReference, page: Uint8Array): boolean {
  const { holeOffset, holeBytes } = block;
  const image = record.blockImage(block);
  const raw = page.subarray(0, PAGE_BYTES - holeBytes);
  switch (block.imageCompression) {
    case "none":
      raw.set(image);
      break;
    case "pglz":
      if (!decompressPglz(image, raw)) return false;
      break;
    case "lz4":
      if (decompressLz4Block(image, raw, 0) !== raw.length) return false;
      break;
    case "zstd":
      return false;
  }
  if (holeBytes > 0) {
    page.copyWithin(holeOffset + holeBytes, holeOffset, raw.length);
    page.fill(0, holeOffset, holeOffset + holeBytes);
  }
  return true;
}
