import type { ImageForm } from "../../wal/images/images.ts";
import { PAGE_BYTES } from "../../wal/pages/page.ts";

/** The memory of a page besides its bytes: objects, and its entries in two maps. */
const OVERHEAD_BYTES = 256;
/** The number of buffers of dropped pages to keep for new ones. */
const SPARE_MAX = 64;

export class TrackedPage {
  /** The page; undefined if `image` is not restored yet. */
  bytes: Uint8Array | undefined;
  image: StoredImage | undefined;
  /** All items are known: missing ones do not exist. */
  complete = false;
  readonly relation: RelationPages;
  readonly block: number;
  /** Links bounded pages in the order of use. */
  newer: TrackedPage | undefined;
  older: TrackedPage | undefined;

  constructor(relation: RelationPages, block: number) {
    this.relation = relation;
    this.block = block;
  }

  get cost(): number {
    return OVERHEAD_BYTES + (this.bytes?.length ?? 0) + (this.image?.bytes.length ?? 0);
  }
}

/** Kept compressed: most pages are never read. */
export interface StoredImage extends ImageForm {
  readonly bytes: Uint8Array;
}

/** The pages of one file. Files of the same number in other places are linked behind it. */
export interface RelationPages {
  readonly tablespace: number;
  readonly database: number;
  readonly relfilenode: number;
  readonly kept: boolean;
  readonly pages: Map<number, TrackedPage>;
  next: RelationPages | undefined;
}

/** Caches pages by file and block. The least recently used bounded pages are dropped. */
export class PageCache {
  readonly #files = new Map<number, RelationPages>();
  readonly #bytesMax: number;
  readonly #spare: Uint8Array[] = [];
  #newest: TrackedPage | undefined;
  #oldest: TrackedPage | undefined;
  /** The memory of the bounded pages. */
  bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  relation(tablespace: number, database: number, relfilenode: number): RelationPages | undefined {
    let found = this.#files.get(relfilenode);
    while (found !== undefined) {
      if (found.database === database && found.tablespace === tablespace) return found;
      found = found.next;
    }
    return undefined;
  }

  addRelation(
    tablespace: number,
    database: number,
    relfilenode: number,
    kept: boolean,
  ): RelationPages {
    const next = this.#files.get(relfilenode);
    const pages = new Map<number, TrackedPage>();
    const relation = { tablespace, database, relfilenode, kept, pages, next };
    this.#files.set(relfilenode, relation);
    return relation;
  }

  dropRelation(relation: RelationPages): void {
    for (const page of relation.pages.values()) this.drop(page);
    const { relfilenode, next } = relation;
    let before = this.#files.get(relfilenode);
    if (before !== relation) {
      while (before !== undefined && before.next !== relation) before = before.next;
      if (before !== undefined) before.next = next;
    } else if (next === undefined) this.#files.delete(relfilenode);
    else this.#files.set(relfilenode, next);
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
    if (page !== undefined && !relation.kept && page !== this.#newest) {
      this.#unlink(page);
      this.#link(page);
    }
    return page;
  }

  addPage(relation: RelationPages, block: number): TrackedPage {
    const page = new TrackedPage(relation, block);
    relation.pages.set(block, page);
    if (!relation.kept) {
      this.#link(page);
      this.bytes += page.cost;
    }
    return page;
  }

  drop(page: TrackedPage): void {
    page.relation.pages.delete(page.block);
    if (!page.relation.kept) {
      this.bytes -= page.cost;
      this.#unlink(page);
    }
    this.#release(page);
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

  #change(page: TrackedPage, bytes: Uint8Array | undefined, image: StoredImage | undefined): void {
    const before = page.cost;
    page.bytes = bytes;
    page.image = image;
    if (page.relation.kept) return;
    this.bytes += page.cost - before;
    while (this.bytes > this.#bytesMax && this.#oldest !== page) this.drop(this.#oldest!);
  }

  #release(page: TrackedPage): void {
    const { bytes } = page;
    if (bytes === undefined) return;
    if (this.#spare.length < SPARE_MAX) this.#spare.push(bytes);
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
