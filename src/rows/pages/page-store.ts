/**
 * Heap pages, followed through WAL from their first image on (access/heap/heapam_xlog.c).
 * Law: an item is what the server's page holds, or it is not known. An image holds the state after its record, so the record's own
 * change of that block is not applied again; an image that only serves wal_consistency_checking is not applied at all.
 * Way in: PageStore.apply() with every record, then tupleAt().
 */
import { HeapPage, type PageTuple } from "../../postgres/tuples/heap-page.ts";
import type { BlockReference } from "../../postgres/records/block-reference.ts";
import {
  StorageOperation,
  TruncateFlag,
  readDatabaseChange,
  readStorageCreate,
  readStorageTruncate,
} from "../../postgres/records/files.ts";
import { isPageImage } from "../../postgres/records/xlog.ts";
import { unlessShort } from "../../postgres/records/payload.ts";
import { type Decompress, restorePage } from "../../postgres/records/images.ts";
import { PAGE_BYTES } from "../../postgres/pages/page.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import { Rmgr } from "../../postgres/records/rmgrs.ts";
import { droppedFiles } from "./dropped-files.ts";
import { PageChange, PageReplay, pageChange } from "./heap-changes.ts";
import { HeapPageWriter } from "./heap-page-writer.ts";
import type { Locator } from "../../postgres/records/locator.ts";
import { PageCache, type PageMemory } from "./page-cache.ts";
import { STORED_IMAGE_BYTES_MAX } from "./page-file.ts";
import type { RelationPages, Tracked, TrackedPage } from "./tracked-page.ts";

export interface PageStoreOptions {
  /** Called at `lsn` for each block of a heap record or image of a file that is not tracked, so it has to be quick. */
  readonly tracks: (file: Locator, lsn: number) => Tracked | undefined;
  /** Without it, images compressed with zstd are unknown. */
  readonly zstd?: Decompress | undefined;
  /** Where the least recently used pages go; without it all stay in memory. */
  readonly memory?: PageMemory | undefined;
}

export class PageStore {
  readonly #tracks: PageStoreOptions["tracks"];
  readonly #zstd: Decompress | undefined;
  readonly #cache: PageCache;
  readonly #replay = new PageReplay();
  readonly #page = new HeapPage();
  readonly #writer = new HeapPageWriter();
  /** The last record's images of files of which only these are followed. */
  #passing: Array<{ relation: RelationPages; block: number; bytes: Uint8Array }> = [];

  constructor({ tracks, zstd, memory }: PageStoreOptions) {
    this.#tracks = tracks;
    this.#zstd = zstd;
    this.#cache = new PageCache(memory);
  }

  /** The memory of the pages. */
  get bytes(): number {
    return this.#cache.bytes;
  }

  /**
   * Takes every record, in order, before any question about it. Afterwards both tuples of an UPDATE are available, and
   * that of a DELETE: the old one is still on its page.
   */
  apply(record: WalRecord, version: WalVersion): void {
    if (this.#passing.length > 0) this.#passing = [];
    switch (record.rmgr) {
      case Rmgr.heap:
      case Rmgr.heap2:
        this.#applyHeap(record, version);
        break;
      case Rmgr.xlog:
        if (!isPageImage(record)) break;
        for (let index = 0; index < record.blockCount; index++) {
          this.#applyImage(record, record.blocks[index]!);
        }
        break;
      case Rmgr.storage:
        this.#applyStorage(record);
        break;
      case Rmgr.transaction:
        for (const file of droppedFiles(record, version)) this.#dropFile(file);
        break;
      case Rmgr.database: {
        const change = unlessShort(() => readDatabaseChange(record, version));
        if (change?.tablespace_ids !== undefined)
          this.forget(({ database }) => database === change.db_id);
      }
    }
  }

  /** Returns a view of the page, valid until the next apply(). Undefined if it is unknown or does not exist. */
  tupleAt(file: Locator, block: number, item: number): PageTuple | undefined {
    const bytes = this.pageAt(file, block);
    return bytes !== undefined && this.#page.attach(bytes) ? this.#page.tuple(item) : undefined;
  }

  /** Returns the page as far as it is known; a view like tupleAt()'s. */
  pageAt(file: Locator, block: number): Uint8Array | undefined {
    const relation = this.#relation(file);
    if (relation?.tracking === "images") {
      return this.#passing.find((each) => each.relation === relation && each.block === block)
        ?.bytes;
    }
    const page = relation === undefined ? undefined : this.#cache.page(relation, block);
    return page === undefined ? undefined : this.#open(page);
  }

  /** The tracked blocks of a file, and whether all of their items are known. */
  blocksOf(file: Locator): ReadonlyArray<{ readonly block: number; readonly complete: boolean }> {
    const relation = this.#relation(file);
    const blocks = relation === undefined ? [] : this.#cache.blocksOf(relation);
    return Array.from(blocks, ([block, complete]) => ({ block, complete }));
  }

  /** Records are missing: every page is unknown until its next image. */
  forgetAll(): void {
    this.forget(() => true);
  }

  /** Those of a file are unknown until their next images. */
  forget(isGone: (file: Locator) => boolean): void {
    const gone = [...this.#cache.relations()].filter(isGone);
    for (const relation of gone) this.#cache.dropRelation(relation);
  }

  #relation({ tablespace, database, relfilenode }: Locator): RelationPages | undefined {
    return this.#cache.relation(tablespace, database, relfilenode);
  }

  #dropFile(file: Locator): void {
    const relation = this.#relation(file);
    if (relation !== undefined) this.#cache.dropRelation(relation);
  }

  #applyStorage(record: WalRecord): void {
    if (record.opcode === StorageOperation.create) {
      const { file, fork } = unlessShort(() => readStorageCreate(record)) ?? {};
      if (file !== undefined && fork === 0) this.#dropFile(file);
    } else if (record.opcode === StorageOperation.truncate) {
      const { blocks = 0, file, flags = 0 } = unlessShort(() => readStorageTruncate(record)) ?? {};
      if (file === undefined || (flags & TruncateFlag.heap) === 0) return;
      if (blocks === 0) return this.#dropFile(file);
      const relation = this.#relation(file);
      if (relation !== undefined) this.#cache.truncate(relation, blocks);
    }
  }

  #applyHeap(record: WalRecord, version: WalVersion): void {
    for (let index = 0; index < record.blockCount; index++) {
      const block = record.blocks[index]!;
      if (block.fork !== 0 || this.#applyImage(record, block) || block.id !== 0) continue;
      const page = this.#changedPage(block, pageChange(record), record.lsn);
      const bytes = page === undefined ? undefined : this.#open(page);
      if (page === undefined || bytes === undefined) continue;
      page.changed = true;
      if (!this.#replay.apply(record, block, version, bytes)) this.#cache.drop(page);
    }
  }

  /** The page that a record changes, empty if the record creates it. Undefined if it is not tracked. */
  #changedPage(block: BlockReference, change: PageChange, lsn: number): TrackedPage | undefined {
    if (change === PageChange.none) return undefined;
    const relation = change === PageChange.add ? this.#tracked(block, lsn) : this.#relation(block);
    if (relation === undefined || relation.tracking === "images") return undefined;
    const known = block.willInit ? undefined : this.#cache.page(relation, block.block);
    if (known !== undefined || change === PageChange.change) return known;
    const page = this.#cache.replaced(relation, block.block);
    this.#writer.attach(this.#cache.buffer(page)).clear();
    this.#cache.restored(page);
    page.complete = block.willInit;
    return page;
  }

  #tracked(block: BlockReference, lsn: number): RelationPages | undefined {
    let relation = this.#relation(block);
    if (relation === undefined) {
      const tracking = this.#tracks(block, lsn);
      if (tracking === undefined) return undefined;
      relation = this.#cache.addRelation(block, tracking);
    }
    const { tracking } = relation;
    return typeof tracking !== "function" || tracking(block.block) ? relation : undefined;
  }

  /** Returns false if there is none to apply. */
  #applyImage(record: WalRecord, block: BlockReference): boolean {
    if (!block.hasImage || !block.imageApplied || block.fork !== 0) return false;
    const relation = this.#tracked(block, record.lsn);
    if (relation === undefined) return true;
    if (relation.tracking === "images") {
      const bytes = new Uint8Array(PAGE_BYTES);
      if (!restorePage(record.blockImage(block), block, bytes, this.#zstd)) return true;
      if (this.#writer.attach(bytes).isHeap()) {
        this.#passing.push({ relation, block: block.block, bytes });
      }
      return true;
    }
    const page = this.#cache.replaced(relation, block.block);
    page.complete = true;
    const { imageCompression, holeOffset, holeBytes } = block;
    const image = record.blockImage(block);
    if (imageCompression !== "none" && image.length <= STORED_IMAGE_BYTES_MAX) {
      const bytes = image.slice();
      this.#cache.store(page, { bytes, imageCompression, holeOffset, holeBytes });
      return true;
    }
    const bytes = this.#cache.buffer(page);
    this.#cache.restored(page);
    const restored = restorePage(image, block, bytes, this.#zstd);
    // It belongs to an index, or is damaged.
    if (!restored || !this.#writer.attach(bytes).isHeap()) this.#cache.drop(page);
    return true;
  }

  #open(page: TrackedPage): Uint8Array | undefined {
    const { image } = page;
    if (image === undefined) return page.bytes;
    const bytes = this.#cache.buffer(page);
    const restored = restorePage(image.bytes, image, bytes, this.#zstd);
    if (restored && this.#writer.attach(bytes).isHeap()) {
      this.#cache.restored(page);
      return bytes;
    }
    this.#cache.drop(page);
    return undefined;
  }
}
