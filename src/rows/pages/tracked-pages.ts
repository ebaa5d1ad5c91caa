import type { PageTuple } from "../../heap/page.ts";
import type { WalRecord } from "../../wal/record.ts";
import type { WalVersion } from "../../wal/pages/versions.ts";
import type { Locator } from "./locator.ts";

export const Tracking = {
  none: 0,
  /** What was not used for longest falls out, and is not known until its next image. */
  bounded: 1,
  /** Catalogues: always kept. */
  kept: 2,
} as const;
export type Tracking = (typeof Tracking)[keyof typeof Tracking];

export interface PageStoreOptions {
  /** Asked for each block of a record that may change a page: it has to be quick. */
  readonly tracking: (tablespace: number, database: number, relfilenode: number) => Tracking;
  /** Fills `out` from a zstd frame; false: damaged. Undefined: such images are not known. */
  readonly zstd?: ((frame: Uint8Array, out: Uint8Array) => boolean) | undefined;
  /** Of bounded pages. Default: 64 MB. */
  readonly bytesMax?: number;
}

/** Heap pages, followed record by record. The class is PageStore. */
export interface TrackedPages {
  /**
   * Every record, in order, before anything is asked about it. Afterwards both tuples of an UPDATE are there, and the old one of a
   * DELETE: the old is still on its page.
   */
  apply(record: WalRecord, version: WalVersion): void;
  /** A view of the page, good until the next apply(). Undefined: not known, or not there. */
  tupleAt(locator: Locator, block: number, item: number): PageTuple | undefined;
  /** Records are missing: no page is known until its next image. */
  forgetAll(): void;
}
