import { PAGE_BYTES } from "../../postgres/pages/page.ts";
import type { Locator } from "../../postgres/records/locator.ts";
import { PageFile } from "./page-file.ts";
import { MEMORY_BYTES, type Spill } from "./spill.ts";
import {
  PAGE_OVERHEAD_BYTES,
  type RelationPages,
  type StoredImage,
  type Tracked,
  TrackedPage,
} from "./tracked-page.ts";

/** The number of buffers of dropped pages to keep for new ones. */
const SPARE_MAX = 64;
/** Views of so many pages may be in use. */
const IN_USE_BYTES = 16 * (PAGE_BYTES + PAGE_OVERHEAD_BYTES);

export interface PageMemory {
  readonly spill: Spill;
  readonly bytesMax?: number;
}

/** Caches pages by file and block. The least recently used ones go to a file; without one all stay. */
export class PageCache {
  readonly #files = new Map<number, RelationPages>();
  readonly #bytesMax: number;
  readonly #spilled: PageFile | undefined;
  readonly #spare: Uint8Array[] = [];
  #relations = 0;
  #newest: TrackedPage | undefined;
  #oldest: TrackedPage | undefined;
  /** The memory of the pages. */
  bytes = 0;

  constructor(memory: PageMemory | undefined) {
    this.#bytesMax =
      memory === undefined ? Infinity : Math.max(memory.bytesMax ?? MEMORY_BYTES, IN_USE_BYTES);
    this.#spilled = memory === undefined ? undefined : new PageFile(memory.spill);
  }

  relation(tablespace: number, database: number, relfilenode: number): RelationPages | undefined {
    let found = this.#files.get(relfilenode);
    while (found !== undefined) {
      if (found.database === database && found.tablespace === tablespace) return found;
      found = found.next;
    }
    return undefined;
  }

  addRelation({ tablespace, database, relfilenode }: Locator, tracking: Tracked): RelationPages {
    const next = this.#files.get(relfilenode);
    const pages = new Map<number, TrackedPage>();
    const number = this.#relations++;
    const relation = {
      tablespace,
      database,
      relfilenode,
      tracking,
      number,
      pages,
      spilled: 0,
      next,
    };
    this.#files.set(relfilenode, relation);
    return relation;
  }

  dropRelation(relation: RelationPages): void {
    this.truncate(relation, 0);
    const { relfilenode, next } = relation;
    let before = this.#files.get(relfilenode);
    if (before !== relation) {
      while (before !== undefined && before.next !== relation) before = before.next;
      if (before !== undefined) before.next = next;
    } else if (next === undefined) this.#files.delete(relfilenode);
    else this.#files.set(relfilenode, next);
  }

  /** Drops its pages from that block on. */
  truncate(relation: RelationPages, blocks: number): void {
    for (const page of relation.pages.values()) if (page.block >= blocks) this.#forget(page);
    this.#spilled?.forget(relation, blocks);
  }

  *relations(): IterableIterator<RelationPages> {
    for (const first of this.#files.values()) {
      for (let each: RelationPages | undefined = first; each !== undefined; each = each.next) {
        yield each;
      }
    }
  }

  /** Also marks it as used. */
  page(relation: RelationPages, block: number): TrackedPage | undefined {
    const page = relation.pages.get(block);
    if (page === undefined) return this.#read(relation, block);
    if (page !== this.#newest) {
      this.#unlink(page);
      this.#link(page);
    }
    return page;
  }

  /** The page, whose content is going to be replaced. */
  replaced(relation: RelationPages, block: number): TrackedPage {
    const page = relation.pages.has(block)
      ? this.page(relation, block)!
      : this.#add(relation, block);
    page.changed = true;
    return page;
  }

  /** The blocks of its pages, and whether all of their items are known. */
  blocksOf(relation: RelationPages): ReadonlyMap<number, boolean> {
    const blocks = new Map<number, boolean>();
    this.#spilled?.forEach(relation, (block, complete) => blocks.set(block, complete));
    for (const { block, complete } of relation.pages.values()) blocks.set(block, complete);
    return blocks;
  }

  drop(page: TrackedPage): void {
    this.#forget(page);
    this.#spilled?.delete(page);
  }

  /** Returns its buffer; an existing one keeps its content. */
  buffer(page: TrackedPage): Uint8Array {
    if (page.bytes !== undefined) return page.bytes;
    const buffer = this.#spare.pop() ?? new Uint8Array(PAGE_BYTES);
    this.#change(page, buffer, page.image);
    return buffer;
  }

  /** Replaces its content. */
  store(page: TrackedPage, image: StoredImage): void {
    this.#release(page);
    this.#change(page, undefined, image);
  }

  restored(page: TrackedPage): void {
    this.#change(page, page.bytes, undefined);
  }

  #add(relation: RelationPages, block: number): TrackedPage {
    const page = new TrackedPage(relation, block);
    relation.pages.set(block, page);
    this.#link(page);
    this.bytes += page.cost;
    return page;
  }

  #read(relation: RelationPages, block: number): TrackedPage | undefined {
    const spilled = this.#spilled;
    const place = spilled?.find(relation, block) ?? 0;
    if (spilled === undefined || place === 0) return undefined;
    const page = this.#add(relation, block);
    const image = spilled.read(place, page, this.buffer(page));
    if (image !== undefined) this.store(page, image);
    page.changed = false;
    return page;
  }

  #change(page: TrackedPage, bytes: Uint8Array | undefined, image: StoredImage | undefined): void {
    const before = page.cost;
    page.bytes = bytes;
    page.image = image;
    this.bytes += page.cost - before;
    while (this.bytes > this.#bytesMax && this.#oldest !== page) {
      const oldest = this.#oldest!;
      if (oldest.changed) this.#spilled!.write(oldest);
      this.#forget(oldest);
    }
  }

  /** Only the one in memory. */
  #forget(page: TrackedPage): void {
    page.relation.pages.delete(page.block);
    this.bytes -= page.cost;
    this.#unlink(page);
    this.#release(page);
  }

  #release({ bytes }: TrackedPage): void {
    if (bytes !== undefined && this.#spare.length < SPARE_MAX) this.#spare.push(bytes);
  }

  #link(page: TrackedPage): void {
    page.older = this.#newest;
    page.newer = undefined;
    if (this.#newest === undefined) this.#oldest = page;
    else this.#newest.newer = page;
    this.#newest = page;
  }

  #unlink(page: TrackedPage): void {
    const { newer, older } = page;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    page.newer = page.older = undefined;
  }
}
