/** What one process printed, or several into one FILE, understood as a consumer would. */
import { type Lsn, parseLsn } from "../../src/lsn.ts";
import { type Line, parseLines } from "../support/program/lines.ts";

export interface PrintedTransaction {
  readonly xid: number;
  readonly endLsn: Lsn;
  readonly ids: readonly number[];
}

/** A line that ends a transaction, or its first phase. */
export interface PrintedEnd {
  readonly kind: string;
  readonly xid: number;
  readonly endLsn: Lsn;
  /** Bytes up to and with this line. */
  readonly bytes: number;
}

/** The ids of a transaction's rows, by the subtransaction that inserted them. */
type Rows = Map<number, Set<number>>;

export class Transcript {
  readonly committed: PrintedTransaction[] = [];
  /** The ends of transactions and of first phases. */
  readonly ends: PrintedEnd[] = [];
  /** Lines that came twice. */
  readonly twice: string[] = [];
  /** The ids of all rows, also of those that were rolled back. */
  readonly ids = new Set<number>();
  /** Transactions whose second phase is yet to come. */
  readonly unfinished: Set<number>;
  /** A second phase may be repeated by a later process, without the first. */
  readonly #prepared: Map<number, Rows>;
  #bytes = 0;
  readonly #seen = new Set<string>();
  readonly #open = new Map<number, Rows>();
  #current: Rows = new Map();
  /** The transaction between its begin and its end. */
  #begun: number | undefined;

  /** @param before what the process before it printed, whose first phases the consumer has kept */
  constructor(before?: Transcript) {
    this.unfinished = new Set(before?.unfinished);
    this.#prepared = new Map(before === undefined ? [] : before.#prepared);
  }

  take(text: string): void {
    this.#bytes += text.length + 1;
    const [line] = parseLines([text]);
    if (line === undefined) return;
    const xid = line.xid ?? 0;
    switch (line.kind) {
      case "begin":
      case "begin_prepare":
        this.#once(`begin ${xid}`);
        this.#begun = xid;
        this.#current = this.#rowsOf(xid);
        break;
      case "stream_start":
        this.#current = this.#rowsOf(xid);
        break;
      case "insert":
        this.#insert(xid, Number(line.new?.["id"]));
        break;
      case "stream_abort":
        this.#abort(xid, Number(line["subxid"]));
        break;
      case "prepare":
      case "stream_prepare":
        this.#end(line, "prepare");
        this.#prepared.set(xid, this.#rowsOf(xid));
        this.unfinished.add(xid);
        this.#open.delete(xid);
        break;
      case "rollback_prepared":
        this.#end(line, "commit", "rollback_end_lsn");
        this.unfinished.delete(xid);
        break;
      case "commit":
      case "stream_commit":
        this.#commit(xid, this.#end(line, "commit"), this.#rowsOf(xid));
        break;
      case "commit_prepared":
        this.#commit(xid, this.#end(line, "commit"), this.#prepared.get(xid));
        this.unfinished.delete(xid);
        break;
      default:
        break;
    }
  }

  /**
   * What follows is in the next file. Blocks of a streamed transaction in this one may come again there: a process knows
   * them only if it began with this file.
   * @param partial the length of a last line without an end
   */
  nextFile(partial: number): void {
    this.#bytes += partial;
    for (const [xid, rows] of this.#open) {
      if (xid === this.#begun) continue;
      for (const ids of rows.values()) for (const id of ids) this.ids.delete(id);
    }
  }

  #rowsOf(xid: number): Rows {
    const rows: Rows = this.#open.get(xid) ?? new Map<number, Set<number>>();
    this.#open.set(xid, rows);
    return rows;
  }

  #insert(xid: number, id: number): void {
    if (this.ids.has(id)) this.twice.push(`insert ${id} of ${xid}`);
    this.ids.add(id);
    const ids = this.#current.get(xid) ?? new Set();
    ids.add(id);
    this.#current.set(xid, ids);
  }

  #abort(xid: number, subxid: number): void {
    if (xid === subxid) this.#open.delete(xid);
    else this.#open.get(xid)?.delete(subxid);
  }

  #end(line: Line, phase: string, name = "end_lsn"): Lsn {
    const { kind, xid } = line;
    this.#once(`${phase} ${xid}`);
    this.#begun = undefined;
    const endLsn = parseLsn(String(line[name])) ?? (0n as Lsn);
    this.ends.push({ kind, xid: xid ?? 0, endLsn, bytes: this.#bytes });
    return endLsn;
  }

  #commit(xid: number, endLsn: Lsn, rows: Rows | undefined): void {
    const ids = [...(rows ?? new Map<number, Set<number>>()).values()]
      .flatMap((each) => [...each])
      .toSorted((a, b) => a - b);
    this.#open.delete(xid);
    this.committed.push({ xid, endLsn, ids });
  }

  #once(what: string): void {
    if (this.#seen.has(what)) this.twice.push(what);
    this.#seen.add(what);
  }
}
