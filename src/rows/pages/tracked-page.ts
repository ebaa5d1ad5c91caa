import type { ImageForm } from "../../postgres/records/images.ts";

/** The memory of a page besides its bytes: objects, and its entries in two maps. */
export const PAGE_OVERHEAD_BYTES = 256;

export class TrackedPage {
  /** The page; undefined if `image` is not restored yet. */
  bytes: Uint8Array | undefined;
  image: StoredImage | undefined;
  /** All items are known: missing ones do not exist. */
  complete = false;
  /** It differs from what the file has. */
  changed = true;
  readonly relation: RelationPages;
  readonly block: number;
  /** Links pages in the order of use. */
  newer: TrackedPage | undefined;
  older: TrackedPage | undefined;

  constructor(relation: RelationPages, block: number) {
    this.relation = relation;
    this.block = block;
  }

  get cost(): number {
    return PAGE_OVERHEAD_BYTES + (this.bytes?.length ?? 0) + (this.image?.bytes.length ?? 0);
  }
}

/** Kept compressed: most pages are never read. */
export interface StoredImage extends ImageForm {
  readonly bytes: Uint8Array;
}

/**
 * Which pages of a file are followed: all; of these blocks; or an image only while its record is read, where the file's own records
 * have their rows whole.
 */
export type Tracked = "all" | "images" | ((block: number) => boolean);

/** The pages of one file that are in memory. Files of the same number in other places are linked behind it. */
export interface RelationPages {
  readonly tablespace: number;
  readonly database: number;
  readonly relfilenode: number;
  readonly tracking: Tracked;
  /** Its own in the file of pages. */
  readonly number: number;
  readonly pages: Map<number, TrackedPage>;
  /** How many pages that file has of it. */
  spilled: number;
  next: RelationPages | undefined;
}
