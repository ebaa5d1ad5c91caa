/** What one process printed, understood as a consumer would. */
import { type Lsn, parseLsn } from "../../src/lsn.ts";
import { type Line, parseLines } from "../support/program/lines.ts";

export interface PrintedTransaction {
  readonly xid: number;
  readonly endLsn: Lsn;
  readonly ids: readonly number[];
  /** Bytes up to and with its last line. */
  readonly bytes: number;
}

/** The ids of a transaction's rows, by the subtransaction that inserted them. */
type Rows = Map<number, number[]>;

export class Transcript {
  readonly committed: PrintedTransaction[] = [];
  /** Lines that came twice. */
  readonly twice: string[] = [];
  #bytes = 0;
  readonly #seen = new Set<string>();
  readonly #ids = new Set<number>();
  readonly #open = new Map<number, Rows>();
  #current: Rows = new Map();

  take(text: string): void {
    this.#bytes += text.length + 1;
    const [line] = parseLines([text]);
    if (line === undefined) return;
    const xid = line.xid ?? 0;
    switch (line.kind) {
      case "begin":
      case "begin_prepare":
        this.#once(`begin ${xid}`);
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
        this.#once(`prepare ${xid}`);
        break;
      case "rollback_prepared":
        this.#open.delete(xid);
        break;
      case "commit":
      case "stream_commit":
      case "commit_prepared":
        this.#once(`commit ${xid}`);
        this.#commit(xid, line);
        break;
      default:
        break;
    }
  }

  #rowsOf(xid: number): Rows {
    const rows: Rows = this.#open.get(xid) ?? new Map<number, number[]>();
    this.#open.set(xid, rows);
    return rows;
  }

  #insert(xid: number, id: number): void {
    if (this.#ids.has(id)) this.twice.push(`insert ${id}`);
    this.#ids.add(id);
    const ids = this.#current.get(xid) ?? [];
    ids.push(id);
    this.#current.set(xid, ids);
  }

  #abort(xid: number, subxid: number): void {
    if (xid === subxid) this.#open.delete(xid);
    else this.#open.get(xid)?.delete(subxid);
  }

  #commit(xid: number, line: Line): void {
    const ids = [...this.#rowsOf(xid).values()].flat().toSorted((a, b) => a - b);
    this.#open.delete(xid);
    const endLsn = parseLsn(line.end_lsn ?? "") ?? (0n as Lsn);
    this.committed.push({ xid, endLsn, ids, bytes: this.#bytes });
  }

  #once(what: string): void {
    if (this.#seen.has(what)) this.twice.push(what);
    this.#seen.add(what);
  }
}
