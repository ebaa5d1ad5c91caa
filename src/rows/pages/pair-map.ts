const FREE = 0;
const REMOVED = 0xffff_ffff;
/** Each entry: two uint32 that are its key, uint32 value. */
const WORDS = 3;
const FIRST_ENTRIES = 1024;

/**
 * Numbers from 1 to 2 ** 32 - 2, by two uint32. It takes 16 to 32 bytes an entry: a Map takes 40 to 80, and has no room for more than
 * 16 million.
 */
export class PairMap {
  #words = new Uint32Array(FIRST_ENTRIES * WORDS);
  #mask = FIRST_ENTRIES - 1;
  /** Also of removed ones. */
  #used = 0;
  size = 0;

  /** 0 if there is none. */
  get(a: number, b: number): number {
    const value = this.#words[this.#find(a, b) + 2]!;
    return value === REMOVED ? 0 : value;
  }

  set(a: number, b: number, value: number): void {
    const words = this.#words;
    const at = this.#find(a, b);
    const before = words[at + 2]!;
    words[at] = a;
    words[at + 1] = b;
    words[at + 2] = value;
    if (before === FREE || before === REMOVED) this.size++;
    if (before === FREE && ++this.#used * 4 > (this.#mask + 1) * 3) this.#grow();
  }

  delete(a: number, b: number): void {
    const at = this.#find(a, b);
    if (this.get(a, b) === 0) return;
    this.#words[at + 2] = REMOVED;
    this.size--;
  }

  clear(): void {
    this.#words = new Uint32Array(FIRST_ENTRIES * WORDS);
    this.#mask = FIRST_ENTRIES - 1;
    this.#used = this.size = 0;
  }

  /** Entries may be deleted meanwhile, but none set. */
  forEach(take: (a: number, b: number, value: number) => void): void {
    const words = this.#words;
    for (let at = 0; at < words.length; at += WORDS) {
      const value = words[at + 2]!;
      if (value !== FREE && value !== REMOVED) take(words[at]!, words[at + 1]!, value);
    }
  }

  /** The entry of that key, or the free one where it would be. */
  #find(a: number, b: number): number {
    const words = this.#words;
    let hash = Math.imul(Math.imul(a, 0x85eb_ca6b) ^ b, 0x9e37_79b1);
    hash ^= hash >>> 15;
    for (let index = hash & this.#mask; ; index = (index + 1) & this.#mask) {
      const at = index * WORDS;
      if (words[at + 2] === FREE || (words[at] === a && words[at + 1] === b)) return at;
    }
  }

  /** Leaves removed entries out. */
  #grow(): void {
    const before = this.#words;
    const entries = (this.#mask + 1) * (this.size * 2 > this.#mask ? 2 : 1);
    this.#words = new Uint32Array(entries * WORDS);
    this.#mask = entries - 1;
    this.#used = this.size;
    for (let from = 0; from < before.length; from += WORDS) {
      const value = before[from + 2]!;
      if (value === FREE || value === REMOVED) continue;
      const at = this.#find(before[from]!, before[from + 1]!);
      this.#words.set(before.subarray(from, from + WORDS), at);
    }
  }
}
