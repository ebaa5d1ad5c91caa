import type { ImageCompression } from "../../postgres/records/block-reference.ts";
import { PAGE_BYTES } from "../../postgres/pages/page.ts";
import type { RelationPages, StoredImage, TrackedPage } from "./tracked-page.ts";
import { PairMap } from "./pair-map.ts";
import type { Spill } from "./spill.ts";

/** What an image that is still compressed has at its slot's end: uint16 length, uint16 hole's offset, uint16 hole's length, uint8 compression. */
const FORM_BYTES = 8;
export const STORED_IMAGE_BYTES_MAX = PAGE_BYTES - FORM_BYTES;
const COMPRESSIONS: readonly ImageCompression[] = ["none", "pglz", "lz4", "zstd"];

/** Bits of a place, below the number of its slot, which is 1 or more. */
const COMPLETE = 1;
const IMAGE = 2;
const SLOT_SHIFT = 2;

/** Pages in a file, each in a slot of its own. */
export class PageFile {
  readonly #spill: Spill;
  /** By the relation's number and the block. */
  readonly #places = new PairMap();
  readonly #free: number[] = [];
  #slots = 0;
  readonly #slot = new Uint8Array(PAGE_BYTES);
  readonly #view = new DataView(this.#slot.buffer);

  constructor(spill: Spill) {
    this.#spill = spill;
  }

  write({ relation, block, bytes, image, complete }: TrackedPage): void {
    let slot = this.find(relation, block) >>> SLOT_SHIFT;
    if (slot === 0) {
      slot = this.#free.pop() ?? ++this.#slots;
      relation.spilled++;
    }
    const page = image === undefined ? bytes! : this.#slot;
    if (image !== undefined) this.#pack(image);
    this.#spill.write(page, (slot - 1) * PAGE_BYTES);
    const bits = (complete ? COMPLETE : 0) | (image === undefined ? 0 : IMAGE);
    this.#places.set(relation.number, block, ((slot << SLOT_SHIFT) | bits) >>> 0);
  }

  /** 0 if it has no such page. */
  find({ number, spilled }: RelationPages, block: number): number {
    return spilled === 0 ? 0 : this.#places.get(number, block);
  }

  /** Reads the page into `buffer`, or returns its image. */
  read(place: number, page: TrackedPage, buffer: Uint8Array): StoredImage | undefined {
    page.complete = (place & COMPLETE) !== 0;
    const isImage = (place & IMAGE) !== 0;
    const at = ((place >>> SLOT_SHIFT) - 1) * PAGE_BYTES;
    this.#spill.read(at, isImage ? this.#slot : buffer);
    return isImage ? this.#unpack() : undefined;
  }

  delete({ relation, block }: TrackedPage): void {
    const place = this.find(relation, block);
    if (place !== 0) this.#delete(relation, block, place);
  }

  forEach(
    relation: RelationPages,
    take: (block: number, complete: boolean, place: number) => void,
  ): void {
    if (relation.spilled === 0) return;
    this.#places.forEach((number, block, place) => {
      if (number === relation.number) take(block, (place & COMPLETE) !== 0, place);
    });
  }

  /** Forgets the relation's pages from that block on. */
  forget(relation: RelationPages, from: number): void {
    this.forEach(relation, (block, _complete, place) => {
      if (block >= from) this.#delete(relation, block, place);
    });
  }

  #delete(relation: RelationPages, block: number, place: number): void {
    this.#free.push(place >>> SLOT_SHIFT);
    this.#places.delete(relation.number, block);
    relation.spilled--;
  }

  #pack({ bytes, holeOffset, holeBytes, imageCompression }: StoredImage): void {
    this.#slot.set(bytes);
    const view = this.#view;
    view.setUint16(STORED_IMAGE_BYTES_MAX, bytes.length, true);
    view.setUint16(STORED_IMAGE_BYTES_MAX + 2, holeOffset, true);
    view.setUint16(STORED_IMAGE_BYTES_MAX + 4, holeBytes, true);
    view.setUint8(STORED_IMAGE_BYTES_MAX + 6, COMPRESSIONS.indexOf(imageCompression));
  }

  #unpack(): StoredImage {
    const view = this.#view;
    return {
      bytes: this.#slot.slice(0, view.getUint16(STORED_IMAGE_BYTES_MAX, true)),
      holeOffset: view.getUint16(STORED_IMAGE_BYTES_MAX + 2, true),
      holeBytes: view.getUint16(STORED_IMAGE_BYTES_MAX + 4, true),
      imageCompression: COMPRESSIONS[view.getUint8(STORED_IMAGE_BYTES_MAX + 6)]!,
    };
  }
}
