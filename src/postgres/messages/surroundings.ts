import { announcedTable, mayBeAnnounced, uint32At } from "./lost-bytes.ts";
import type { Column, Relation, Transaction, WalPosition } from "./messages.ts";
import type { ByteReader } from "../bytes/reader.ts";

export const NO_POSITION: WalPosition = { high: 0, low: 0 };

/** Limit for stand-ins of relations: more than a truncated capture needs, few enough when the bytes are garbage. */
const STAND_INS_MAX = 256;

/** Limit for columns that relations may share. */
const SHARED_COLUMNS_MAX = 2048;

/** The state that a message's meaning depends on beyond its own bytes. */
export class Surroundings {
  /** The position of the message being decoded. */
  position: WalPosition = NO_POSITION;
  /** The open transaction: between Begin and Commit, or of the open stream block. */
  transaction: Transaction | null = null;
  /** True between Stream Start and Stream Stop: there, messages carry an xid of their own. */
  streaming = false;
  readonly #announced = new Map<number, Relation>();
  readonly #standIns = new Map<number, Relation>();
  /** By name, the one that came last. */
  readonly #columns = new Map<string, Column>();
  #subtransaction: Transaction | null = null;

  /** Most tables have columns that others have too, such as "id": they share one object, or its name. */
  column(name: string, key: boolean, typeOid: number, typeModifier: number): Column {
    const known = this.#columns.get(name);
    if (known?.key === key && known.typeOid === typeOid && known.typeModifier === typeModifier)
      return known;
    const column = { name: known?.name ?? name, key, typeOid, typeModifier };
    if (known !== undefined || this.#columns.size < SHARED_COLUMNS_MAX)
      this.#columns.set(column.name, column);
    return column;
  }

  announce(relation: Relation): void {
    this.#announced.set(relation.oid, relation);
  }

  /** Forgets the relations that bytes[from, to) may announce. */
  forget(bytes: Uint8Array, from: number, to: number): void {
    if (this.#announced.size === 0) return;
    for (let at = from; at < to; at++) {
      const oid = uint32At(bytes, at);
      if (this.#announced.has(oid) && mayBeAnnounced(bytes, at)) this.#announced.delete(oid);
      const table = announcedTable(bytes, at);
      if (table !== undefined) this.#forgetTable(table);
    }
  }

  #forgetTable(name: string): void {
    for (const { oid, table } of this.#announced.values()) {
      if (table === name) this.#announced.delete(oid);
    }
  }

  /** The announced relation; otherwise a stand-in with `columnCount` columns. */
  relation(oid: number, columnCount = 0): Relation {
    const announced = this.#announced.get(oid);
    if (announced !== undefined) return announced;
    const known = this.#standIns.get(oid);
    if (known?.columns.length === columnCount) return known;
    const standIn = standInFor(oid, columnCount);
    // A stand-in without columns, as for a Truncate, is not worth keeping.
    if (columnCount === 0) return standIn;
    if (this.#standIns.size >= STAND_INS_MAX) this.#standIns.clear();
    this.#standIns.set(oid, standIn);
    return standIn;
  }

  /** Reads [Int32 xid], which is present only inside a stream block: the subtransaction's xid. */
  transactionOf(reader: ByteReader): Transaction | null {
    if (!this.streaming) return this.transaction;
    const xid = reader.uint32();
    if (this.transaction?.xid === xid) return this.transaction;
    if (this.#subtransaction?.xid !== xid) this.#subtransaction = { xid, commitTime: null };
    return this.#subtransaction;
  }
}

const NO_COLUMNS: readonly Column[] = [];
const numbered: Column[] = [];

function numberedColumns(count: number): readonly Column[] {
  while (numbered.length < count) {
    numbered.push({
      name: String(numbered.length + 1),
      key: false,
      typeOid: 0,
      typeModifier: -1,
    });
  }
  return numbered.slice(0, count);
}

function standInFor(oid: number, columnCount: number): Relation {
  return {
    oid,
    schema: "",
    table: "",
    replicaIdentity: "default",
    columns: columnCount === 0 ? NO_COLUMNS : numberedColumns(columnCount),
    keyed: false,
    announced: false,
  };
}
