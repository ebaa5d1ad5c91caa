/** FILE's lines as a consumer reads them: whole transactions in the order of their ends. */
import type { Expected, SimulatedLog } from "./log.ts";

interface Line {
  readonly kind: string;
  readonly xid: number | null;
  readonly subxid?: number;
  readonly first_segment?: boolean;
  readonly transactional?: boolean;
  readonly prefix?: string;
  readonly new?: { readonly id: string };
  readonly tables?: readonly [{ readonly table: string }];
}

export interface PrintedUnit {
  readonly xid: number;
  readonly ids: readonly string[];
}

interface PrintedChange {
  readonly xid: number;
  readonly id: string;
}

/** Throws an Error where lines contradict each other. */
export class PrintedLines {
  readonly units: PrintedUnit[] = [];
  /** The blocks of transactions that have not ended. */
  readonly blocks = new Map<number, PrintedChange[]>();
  readonly prepared = new Set<number>();
  readonly finished = new Set<number>();
  #open: PrintedChange[] | undefined;
  #block: number | undefined;
  readonly #aborted = new Set<number>();

  constructor(text: string) {
    for (const line of text.split("\n").slice(0, -1)) this.#take(JSON.parse(line) as Line);
  }

  #take(line: Line): void {
    const xid = line.xid ?? 0;
    switch (line.kind) {
      case "insert":
        return this.#change(xid, line.new?.id ?? "");
      case "truncate":
        return this.#change(xid, line.tables?.[0].table ?? "");
      case "message":
        if (line.transactional === true) return this.#change(xid, line.prefix ?? "");
        return void this.units.push({ xid: 0, ids: [line.prefix ?? ""] });
      case "begin":
      case "begin_prepare":
        this.#outside(line);
        // It may go on in one piece (docs/guarantees.md).
        this.#open = this.blocks.get(xid) ?? [];
        this.blocks.delete(xid);
        return;
      case "prepare":
      case "commit":
        if (line.kind === "prepare") this.prepared.add(xid);
        this.#end(xid, this.#open ?? []);
        this.#open = undefined;
        return;
      case "stream_start":
        this.#outside(line);
        this.#block = xid;
        if (this.#aborted.has(xid)) throw new Error(`a block of ${xid} behind its rollback`);
        if (this.blocks.has(xid) === line.first_segment)
          throw new Error(`first_segment of ${xid} is ${line.first_segment}`);
        if (!this.blocks.has(xid)) this.blocks.set(xid, []);
        return;
      case "stream_stop":
        this.#block = undefined;
        return;
      case "stream_abort":
        return this.#abort(line, xid, line.subxid ?? 0);
      case "stream_prepare":
      case "stream_commit": {
        this.#outside(line);
        if (line.kind === "stream_prepare") this.prepared.add(xid);
        const changes = this.blocks.get(xid);
        if (changes === undefined) throw new Error(`${line.kind} of ${xid} without a block`);
        this.blocks.delete(xid);
        return this.#end(xid, changes);
      }
      case "commit_prepared":
      case "rollback_prepared":
        this.#outside(line);
        if (this.finished.has(xid)) throw new Error(`${line.kind} of ${xid} twice`);
        this.finished.add(xid);
        return;
      default:
    }
  }

  /** A block may have no end: its connection was lost. */
  #outside(line: Line): void {
    this.#block = undefined;
    if (this.#open !== undefined) throw new Error(`${line.kind} of ${line.xid} in a transaction`);
  }

  #change(xid: number, id: string): void {
    const changes = this.#open ?? this.blocks.get(this.#block ?? 0);
    if (changes === undefined) throw new Error(`change ${id} of ${xid} outside of a transaction`);
    if (changes.some((change) => change.id === id)) throw new Error(`change ${id} of ${xid} twice`);
    changes.push({ xid, id });
  }

  #abort(line: Line, xid: number, subxid: number): void {
    if (this.#open !== undefined) {
      this.#open = this.#open.filter((change) => change.xid !== subxid);
      return;
    }
    // A rollback that the server does not send is printed inside the block in which it was noticed.
    if (subxid === xid || this.#block !== xid) this.#outside(line);
    if (subxid === xid) {
      this.#aborted.add(xid);
      this.blocks.delete(xid);
      return;
    }
    const changes = this.blocks.get(xid);
    if (changes !== undefined)
      this.blocks.set(
        xid,
        changes.filter((change) => change.xid !== subxid),
      );
  }

  #end(xid: number, changes: readonly PrintedChange[]): void {
    this.units.push({ xid, ids: changes.map(({ id }) => id) });
  }
}

/**
 * What is wrong with what was printed: `expected` is to be there, all that ends before `upTo`. Undefined: nothing.
 * @param apart messages outside of transactions have an order of their own: what was prepared before one was printed
 *   is sent behind it if the slot becomes two_phase between
 */
export function faultIn(
  text: string,
  log: SimulatedLog,
  expected: readonly Expected[],
  upTo: number,
  apart: boolean,
): string | undefined {
  let units: readonly PrintedUnit[];
  try {
    units = new PrintedLines(text).units.filter(({ ids }) => ids.length > 0);
  } catch (error) {
    return (error as Error).message;
  }
  // A limit: an end that the server did not send before it streamed the transaction may come behind a message.
  const seen = new Set<string>();
  units = units.filter(({ xid, ids }) => xid !== 0 || seen.size < seen.add(ids.join()).size);
  const parts = apart ? [isMessage, (unit: PrintedUnit) => !isMessage(unit)] : [() => true];
  for (const part of parts) {
    const fault = faultInOrder(units.filter(part), expected.filter(part), log, upTo);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function isMessage({ xid }: PrintedUnit): boolean {
  return xid === 0;
}

function faultInOrder(
  units: readonly PrintedUnit[],
  expected: readonly Expected[],
  { deaths, positions }: SimulatedLog,
  upTo: number,
): string | undefined {
  // Changes of two subtransactions may have one position, and no order.
  const ordered = (ids: readonly string[]): string =>
    ids
      .map((id, index) => {
        const [before, position] = [ids[index - 1] ?? "", id].map(
          (each) => positions.get(each) ?? 0,
        );
        return (before ?? 0) > (position ?? 0) ? `${id} too late` : id;
      })
      .toSorted((one, other) => Number.parseInt(one, 10) - Number.parseInt(other, 10))
      .join();
  const rest = [...units];
  for (const due of expected) {
    const [unit] = rest;
    // Of a prepared transaction that is rolled back meanwhile the server may send the beginning only.
    const partial = deaths.has(due.xid);
    if (unit?.xid === due.xid) {
      rest.shift();
      const ids = partial ? due.ids.filter((id) => unit.ids.includes(id)) : due.ids;
      if (ordered(unit.ids) !== ordered(ids)) return `${show(unit)} instead of ${show(due)}`;
    } else if (!partial) {
      if (unit !== undefined) return `${show(unit)} instead of ${show(due)}`;
      return due.at < upTo ? `${show(due)} is missing` : undefined;
    }
  }
  return rest[0] === undefined ? undefined : `${show(rest[0])} is too much`;
}

/** What is wrong when the whole log has been printed. */
export function faultAtEnd(text: string, log: SimulatedLog): string | undefined {
  const { prepared, finished, blocks } = new PrintedLines(text);
  for (const record of log.records) {
    if (!("xid" in record)) continue;
    const { kind, xid } = record;
    const finishes = kind === "commit_prepared" || kind === "rollback_prepared";
    if (finishes && prepared.has(xid) && !finished.has(xid)) return `${kind} of ${xid} is missing`;
    const committed = kind === "commit" || finishes || (kind === "prepare" && prepared.has(xid));
    // A limit: of a transaction whose every change was rolled back meanwhile the server sends no end.
    const isLeft = blocks.get(xid)?.some((change) => !log.deaths.has(change.xid)) === true;
    if (committed && !log.deaths.has(xid) && isLeft) return `${xid} has blocks behind its ${kind}`;
  }
  return undefined;
}

function show({ xid, ids }: PrintedUnit): string {
  return `${xid === 0 ? "message" : xid}:${ids.join()}`;
}
