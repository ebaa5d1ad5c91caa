import { Heap2Operation, heapOperation, marksAllFrozen } from "../postgres/records/heap.ts";
import { unlessShort } from "../postgres/records/payload.ts";
import { freezesTuples, isPrune } from "../postgres/records/prune.ts";
import { readMessage } from "../postgres/records/status.ts";
import { XlogOperation } from "../postgres/records/xlog.ts";
import type { PgTime } from "../pg-time.ts";
import type { WalRecord } from "../postgres/records/record.ts";
import {
  INDEX_RMGRS,
  RECORD_TYPES,
  type RecordNames,
  type RecordTypeId,
  Rmgr,
  recordNames,
} from "../postgres/records/rmgrs.ts";
import { recordTime } from "./times.ts";
import type { WalVersion } from "../postgres/pages/versions.ts";

export interface Totals {
  records: number;
  /** Without images. */
  recordBytes: number;
  imageBytes: number;
}

export interface TypeTotals extends Totals {
  readonly id: RecordTypeId;
}

export interface RelationTotals extends Totals {
  readonly tablespace: number;
  readonly database: number;
  readonly relfilenode: number;
  /** The number of full-page images of its pages. */
  images: number;
  /** True if records of an index method refer to it. */
  isIndex: boolean;
  /** Another relation with the same relfilenode, in another database or tablespace; that is rare. */
  readonly next: RelationTotals | undefined;
}

/** The data for findings about checkpoints. */
export interface CheckpointTotals {
  /** Checkpoints while the server ran: by time, by volume or by hand. */
  online: number;
  first: PgTime | undefined;
  last: PgTime | undefined;
}

const PREFIXES_MAX = 1000;

/** Counts records and bytes by record type and by relation. Memory grows only with the number of relations. */
export class WalStatistics {
  readonly #records = new Float64Array(RECORD_TYPES);
  readonly #recordBytes = new Float64Array(RECORD_TYPES);
  readonly #imageBytes = new Float64Array(RECORD_TYPES);
  readonly #relations = new Map<number, RelationTotals>();
  #last: RelationTotals | undefined;
  #version: WalVersion | undefined;
  #names!: RecordNames;
  readonly withoutBlocks: Totals = { records: 0, recordBytes: 0, imageBytes: 0 };
  readonly checkpoints: CheckpointTotals = { online: 0, first: undefined, last: undefined };
  /** Bytes of logical messages, by prefix. */
  readonly messages = new Map<string, number>();
  /** Bytes of records that freeze tuples or mark pages as frozen. */
  freezingBytes = 0;
  images = 0;
  /** So many of them are compressed. */
  compressedImages = 0;

  add(record: WalRecord, version: WalVersion): void {
    if (version !== this.#version) this.#use(version);
    const { rmgr, imageBytes, blockCount, blocks } = record;
    const id = this.#names.id(rmgr, record.info);
    const recordBytes = record.totalLength - imageBytes;
    this.#records[id]! += 1;
    this.#recordBytes[id]! += recordBytes;
    if (rmgr === Rmgr.heap2) this.#addFreezing(record, version);
    if (blockCount === 0) {
      this.withoutBlocks.records++;
      this.withoutBlocks.recordBytes += recordBytes;
      if (rmgr === Rmgr.xlog || rmgr === Rmgr.logicalMessage) this.#addNews(record, version);
      return;
    }
    const first = blocks[0]!;
    const relation = this.#relation(first.tablespace, first.database, first.relfilenode);
    relation.records++;
    relation.recordBytes += recordBytes;
    if (!relation.isIndex && INDEX_RMGRS.has(rmgr)) relation.isIndex = true;
    if (imageBytes === 0) return;
    this.#imageBytes[id]! += imageBytes;
    for (let index = 0; index < blockCount; index++) {
      const block = blocks[index]!;
      if (!block.hasImage) continue;
      const owner = this.#relation(block.tablespace, block.database, block.relfilenode);
      owner.imageBytes += block.imageBytes;
      owner.images++;
      this.images++;
      if (block.imageCompression !== "none") this.compressedImages++;
    }
  }

  /** Undefined if no record was counted. */
  get version(): WalVersion | undefined {
    return this.#version;
  }

  /** In the order of ids and opcodes. */
  types(): readonly TypeTotals[] {
    const all: TypeTotals[] = [];
    for (let id = 0; id < RECORD_TYPES; id++) {
      const records = this.#records[id]!;
      if (records === 0) continue;
      const [recordBytes, imageBytes] = [this.#recordBytes[id]!, this.#imageBytes[id]!];
      all.push({ id, records, recordBytes, imageBytes });
    }
    return all;
  }

  relations(): readonly RelationTotals[] {
    const all: RelationTotals[] = [];
    for (const first of this.#relations.values()) {
      for (let each: RelationTotals | undefined = first; each; each = each.next) all.push(each);
    }
    return all;
  }

  get total(): number {
    return this.types().reduce((sum, each) => sum + each.recordBytes + each.imageBytes, 0);
  }

  #use(version: WalVersion): void {
    this.#version = version;
    this.#names = recordNames(version);
  }

  #relation(tablespace: number, database: number, relfilenode: number): RelationTotals {
    const last = this.#last;
    if (last?.relfilenode === relfilenode && isOf(last, tablespace, database)) return last;
    const first = this.#relations.get(relfilenode);
    let found = first;
    while (found !== undefined && !isOf(found, tablespace, database)) found = found.next;
    found ??= this.#addRelation(tablespace, database, relfilenode, first);
    this.#last = found;
    return found;
  }

  #addRelation(
    tablespace: number,
    database: number,
    relfilenode: number,
    next: RelationTotals | undefined,
  ): RelationTotals {
    // Not built by spreading another object, which would take more memory.
    const added: RelationTotals = {
      tablespace,
      database,
      relfilenode,
      records: 0,
      recordBytes: 0,
      imageBytes: 0,
      images: 0,
      isIndex: false,
      next,
    };
    this.#relations.set(relfilenode, added);
    return added;
  }

  #addFreezing(record: WalRecord, version: WalVersion): void {
    const freezes =
      heapOperation(record) === Heap2Operation.visible
        ? marksAllFrozen(record)
        : isPrune(record) && freezesTuples(record, version);
    if (freezes) this.freezingBytes += record.totalLength;
  }

  /** Counts the rare records. */
  #addNews(record: WalRecord, version: WalVersion): void {
    if (record.rmgr === Rmgr.logicalMessage) return this.#addMessage(record);
    if (record.opcode !== XlogOperation.checkpointOnline) return;
    const time = recordTime(record, version);
    this.checkpoints.online++;
    this.checkpoints.first ??= time;
    this.checkpoints.last = time;
  }

  #addMessage(record: WalRecord): void {
    const { prefix = "" } = unlessShort(() => readMessage(record.mainData())) ?? {};
    const known = this.messages.get(prefix);
    if (known === undefined && this.messages.size >= PREFIXES_MAX) return;
    this.messages.set(prefix, (known ?? 0) + record.totalLength);
  }
}

function isOf(totals: RelationTotals, tablespace: number, database: number): boolean {
  return totals.database === database && totals.tablespace === tablespace;
}
