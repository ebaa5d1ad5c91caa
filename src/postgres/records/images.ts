import { decompressLz4Block } from "../compression/lz4-block.ts";
import { PAGE_BYTES } from "../pages/page.ts";
import { decompressPglz } from "../compression/pglz.ts";
import type { BlockReference, ImageCompression } from "./block-reference.ts";
import type { WalRecord } from "./record.ts";

/** How an image lies in its record. */
export interface ImageForm {
  readonly imageCompression: ImageCompression;
  readonly holeOffset: number;
  readonly holeBytes: number;
}

/** Fills `out` from a frame. Returns false where it is damaged, or has another length. */
export type Decompress = (frame: Uint8Array, out: Uint8Array) => boolean;

/** Restores the page that an image shows into `page`. Returns false where it cannot be decompressed. */
export function restoreImage(
  record: WalRecord,
  block: BlockReference,
  page: Uint8Array,
  zstd?: Decompress,
): boolean {
  return restorePage(record.blockImage(block), block, page, zstd);
}

/** zstd takes a package, which is not used here: without `zstd` such an image is not read. */
export function restorePage(
  image: Uint8Array,
  { imageCompression, holeOffset, holeBytes }: ImageForm,
  page: Uint8Array,
  zstd?: Decompress,
): boolean {
  const raw = page.subarray(0, PAGE_BYTES - holeBytes);
  switch (imageCompression) {
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
      if (zstd === undefined || !zstd(image, raw)) return false;
      break;
  }
  if (holeBytes > 0) {
    page.copyWithin(holeOffset + holeBytes, holeOffset, raw.length);
    page.fill(0, holeOffset, holeOffset + holeBytes);
  }
  return true;
}
