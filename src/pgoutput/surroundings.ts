import type { Relation, Transaction, WalPosition } from "./messages.ts";
import type { ByteReader } from "./reader.ts";

export const NO_POSITION: WalPosition = { high: 0, low: 0 };

/** What a message's meaning depends on beyond its own bytes. */
export class Surroundings {
  /** The message's own. */
  position: WalPosition = NO_POSITION;
  /** The one that is open: between Begin and Commit, or of this stream block. */
  transaction: Transaction | null = null;
  /** Between Stream Start and Stream Stop messages carry an xid of their own. */
  streaming = false;
  readonly #announced = new Map<number, Relation>();
  readonly #standIns = new Map<number, Relation>();
  #subtransaction: Transaction | null = null;

  announce(relation: Relation): void {
    this.#announced.set(relation.oid, relation);
  }

  /** The relation as announced; else a stand-in, with as many columns as a row of it has. */
  relation(oid: number, columnCount = 0): Relation {
    const announced = this.#announced.get(oid);
    if (announced !== undefined) return announced;
    const known = this.#standIns.get(oid);
    if (known?.columns.length === columnCount) return known;
    const standIn = standInFor(oid, columnCount);
    this.#standIns.set(oid, standIn);
    return standIn;
  }

  /** [Int32 xid], there only inside a stream block: the subtransaction's. */
  transactionOf(reader: ByteReader): Transaction | null {
    if (!this.streaming) return this.transaction;
    const xid = reader.uint32();
    if (this.transaction?.xid === xid) return this.transaction;
    if (this.#subtransaction?.xid !== xid) this.#subtransaction = { xid, commitTime: null };
    return this.#subtransaction;
  }
}

function standInFor(oid: number, columnCount: number): Relation {
  return {
    oid,
    schema: "",
    table: "",
    replicaIdentity: "default",
    columns: Array.from({ length: columnCount }, (_, index) => ({
      name: String(index + 1),
      key: false,
      typeOid: 0,
      typeModifier: -1,
    })),
    keyed: false,
    announced: false,
  };
}
