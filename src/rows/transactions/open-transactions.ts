import { MEMORY_BYTES, type Spill } from "../pages/spill.ts";
import { type Change, ChangeLog } from "./change-log.ts";

/** The changes of transactions whose end has not been read, by the (sub)transaction's xid. */
export class OpenTransactions {
  readonly #logs = new Map<number, ChangeLog>();
  /** The top-level transaction of each subtransaction that the WAL has named. */
  readonly #parents = new Map<number, number>();
  /** Those with records that are logged for decoding. */
  readonly #logged = new Set<number>();
  readonly #spill: Spill;
  readonly #bytesMax: number;
  #bytes = 0;
  #spilled = 0;

  /** @param bytesMax for all of them together; beyond it the largest goes to the spill */
  constructor(spill: Spill, bytesMax = MEMORY_BYTES) {
    this.#spill = spill;
    this.#bytesMax = bytesMax;
  }

  assign(xid: number, top: number): void {
    if (xid !== top) this.#parents.set(xid, top);
  }

  /** The top-level transaction and all known subtransactions; only itself if no parent was named. */
  familyOf(xid: number): readonly number[] {
    const top = this.#parents.get(xid);
    if (top === undefined) return [xid];
    const family = [top, xid];
    for (const [sub, parent] of this.#parents) if (parent === top && sub !== xid) family.push(sub);
    return family;
  }

  noteLogged(xid: number): void {
    this.#logged.add(xid);
    const top = this.#parents.get(xid);
    // It outlives its savepoints.
    if (top !== undefined) this.#logged.add(top);
  }

  /** Whether a record of one of them is logged for decoding. */
  isLogged(xids: Iterable<number>): boolean {
    for (const xid of xids) if (this.#logged.has(xid)) return true;
    return false;
  }

  append(xid: number, change: Change): void {
    let log = this.#logs.get(xid);
    if (log === undefined) this.#logs.set(xid, (log = new ChangeLog()));
    const before = log.bytes;
    log.append(change);
    this.#bytes += log.bytes - before;
    if (this.#bytes > this.#bytesMax) this.#spillLargest();
  }

  has(xid: number): boolean {
    return this.#logs.has(xid);
  }

  #spillLargest(): void {
    let largest: ChangeLog | undefined;
    for (const log of this.#logs.values()) {
      if (largest === undefined || log.bytes > largest.bytes) largest = log;
    }
    if (largest === undefined) return;
    this.#bytes -= largest.bytes;
    if (!largest.spilled) this.#spilled++;
    largest.spill(this.#spill);
  }

  /** Their changes together, in the order of the log. Rows of one record keep their order. */
  changes(xids: readonly number[]): Iterable<Change> {
    const logs: ChangeLog[] = [];
    for (const xid of xids) {
      const log = this.#logs.get(xid);
      if (log !== undefined) logs.push(log);
    }
    const [first] = logs;
    if (first === undefined) return [];
    return logs.length === 1 ? first.changes(this.#spill) : merged(logs, this.#spill);
  }

  /** The changes of all others, each once. */
  *newChangesBut(xids: readonly number[]): Generator<Change, void, void> {
    for (const [xid, log] of this.#logs) {
      if (!xids.includes(xid)) yield* log.newChanges(this.#spill);
    }
  }

  forget(xids: readonly number[]): void {
    for (const xid of xids) {
      this.#parents.delete(xid);
      this.#logged.delete(xid);
      this.#drop(xid);
    }
  }

  /** No earlier transaction runs any more: a crash ended those without an end. */
  forgetBefore(oldestRunning: number): void {
    for (const xid of this.#logs.keys()) {
      if (((xid - oldestRunning) | 0) < 0) this.#drop(xid);
    }
    for (const xid of this.#parents.keys()) {
      if (((xid - oldestRunning) | 0) < 0) this.#parents.delete(xid);
    }
    for (const xid of this.#logged) {
      if (((xid - oldestRunning) | 0) < 0) this.#logged.delete(xid);
    }
  }

  #drop(xid: number): void {
    const log = this.#logs.get(xid);
    if (log === undefined) return;
    this.#logs.delete(xid);
    this.#bytes -= log.bytes;
    if (log.spilled && --this.#spilled === 0) this.#spill.clear();
  }
}

interface Source {
  readonly changes: Iterator<Change, void>;
  next: Change | undefined;
}

/** Merges by position with a heap: a transaction may have many thousand subtransactions. */
function* merged(logs: readonly ChangeLog[], spill: Spill): Generator<Change, void, void> {
  const heap: Source[] = [];
  const waiting = logs.toSorted((a, b) => a.firstPosition - b.firstPosition);
  let opened = 0;
  for (;;) {
    // Opens a log when its turn comes, since each holds a block.
    while (opened < waiting.length) {
      const log = waiting[opened]!;
      if (heap.length > 0 && heap[0]!.next!.position < log.firstPosition) break;
      const changes = log.changes(spill);
      const next = changes.next().value ?? undefined;
      opened++;
      if (next !== undefined) push(heap, { changes, next });
    }
    const top = heap[0];
    if (top?.next === undefined) return;
    yield top.next;
    top.next = top.changes.next().value ?? undefined;
    if (top.next === undefined) {
      const last = heap.pop()!;
      if (heap.length > 0) heap[0] = last;
    }
    sink(heap);
  }
}

function positionOf(heap: readonly Source[], index: number): number {
  return heap[index]?.next?.position ?? Number.POSITIVE_INFINITY;
}

function push(heap: Source[], source: Source): void {
  heap.push(source);
  let at = heap.length - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (positionOf(heap, parent) <= positionOf(heap, at)) return;
    [heap[parent], heap[at]] = [heap[at]!, heap[parent]!];
    at = parent;
  }
}

function sink(heap: Source[]): void {
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    const child = positionOf(heap, left + 1) < positionOf(heap, left) ? left + 1 : left;
    if (positionOf(heap, child) >= positionOf(heap, at)) return;
    [heap[child], heap[at]] = [heap[at]!, heap[child]!];
    at = child;
  }
}
