/** The lines of a log that was cut, against those of the whole one: never one that the whole log does not have. */
import assert from "node:assert/strict";

interface Line {
  readonly text: string;
  readonly kind: string;
  readonly xid: number | undefined;
  readonly lsn: string | null;
  readonly json: Readonly<Record<string, unknown>>;
}

interface Transaction {
  readonly xid: number;
  /** Of its lines, in the order of the log. */
  readonly indexes: number[];
  /** Where its first change lies, and where it ended. */
  readonly first: number;
  readonly end: number;
}

export interface Compared {
  /** Rows that name values in "unchanged". */
  readonly withoutValues: number;
  /** Rows that were printed, lines with less in them than the whole log has, and of these those without an old row. */
  readonly rows: number;
  readonly less: number;
  readonly withoutOld: number;
  /** Transactions that were printed whole. */
  readonly printed: ReadonlySet<number>;
  readonly partial: ReadonlySet<number>;
}

/** Announced where a table's content changed, as far as the input shows. */
const ANNOUNCEMENTS = new Set(["relation", "type"]);
const ROWS = new Set(["insert", "update", "delete"]);

export class CutOracle {
  readonly #lines: readonly Line[];
  readonly #at = new Map<string, number>();
  readonly #byPlace = new Map<string, number[]>();
  readonly #announced = new Set<string>();
  /** By the index of their begin. */
  readonly #transactions = new Map<number, Transaction>();

  constructor(stdout: string) {
    this.#lines = linesOf(stdout).filter((line) => {
      if (ANNOUNCEMENTS.has(line.kind)) this.#announced.add(announced(line));
      return !ANNOUNCEMENTS.has(line.kind);
    });
    let begin = -1;
    for (const [index, line] of this.#lines.entries()) {
      assert.ok(!this.#at.has(line.text), `twice: ${line.text}`);
      this.#at.set(line.text, index);
      const place = placeOf(line);
      this.#byPlace.set(place, [...(this.#byPlace.get(place) ?? []), index]);
      if (line.kind === "begin") {
        begin = index;
        const indexes: number[] = [];
        const first = positionOf(String(line.lsn));
        this.#transactions.set(begin, { xid: line.xid ?? 0, indexes, first, end: 0 });
      }
      const transaction = this.#transactions.get(begin);
      if (line.xid === undefined || transaction === undefined) continue;
      transaction.indexes.push(index);
      if (line.kind === "commit" || line.kind === "abort") {
        const end = positionOf(String(line.lsn));
        this.#transactions.set(begin, { ...transaction, end });
      }
    }
  }

  get size(): number {
    return this.#lines.length;
  }

  /**
   * @param lossless nothing was reported as left out
   * @param full of the whole log with --old full: what --old auto prints too where the cut does not show wal_level
   */
  compare(stdout: string, lossless: boolean, full?: CutOracle): Compared {
    let before = -1;
    let [rows, less, withoutOld, withoutValues] = [0, 0, 0, 0];
    let begin: Line | undefined;
    let seen = 0;
    const printed = new Set<number>();
    const partial = new Set<number>();
    const lines = linesOf(stdout);
    const alone = this.#withoutRows(lines, full ?? this);
    for (const line of lines) {
      if (line.xid !== undefined && alone.has(line.xid)) continue;
      if (ANNOUNCEMENTS.has(line.kind)) {
        const isKnown = [this, full ?? this].some((each) => each.#announced.has(announced(line)));
        assert.ok(isKnown, `not in the whole log: ${line.text}`);
        continue;
      }
      if (full !== undefined && !this.#has(line) && full.#has(line)) {
        if (!this.#byPlace.has(placeOf(line))) continue;
        if (ROWS.has(line.kind)) rows++;
        seen++;
        continue;
      }
      const exact = this.#at.get(line.text);
      const index = exact ?? this.#similar(line);
      assert.ok(index > before, `not in its order: ${line.text}`);
      before = index;
      if (ROWS.has(line.kind)) rows++;
      if (line.json["unchanged"] !== undefined) withoutValues++;
      if (exact === undefined && ROWS.has(line.kind)) {
        less++;
        const { json } = this.#lines[index]!;
        if (line.json["old"] === undefined && json["old"] !== undefined) withoutOld++;
      }
      if (line.kind === "begin") {
        [begin, seen] = [line, 0];
        (line.json["partial"] === true ? partial : printed).add(index);
      }
      if (line.xid !== undefined) seen++;
      if (line.kind !== "commit" && line.kind !== "abort") continue;
      const isWhole = begin?.json["partial"] !== true && lossless;
      const count = this.#transactionAt(index)?.indexes.length;
      if (isWhole) assert.equal(seen, count, `lines of xid ${line.xid}, which is not partial`);
    }
    return { rows, less, withoutOld, withoutValues, printed, partial };
  }

  /** The transactions whose changes and end lie between are printed. */
  complete({ printed, partial }: Compared, from: number, end: number): void {
    for (const [index, transaction] of this.#transactions) {
      if (transaction.first < from || transaction.end > end) continue;
      assert.ok(printed.has(index) || partial.has(index), `xid ${transaction.xid} is missing`);
    }
  }

  /** The rows in that part of the log whose transactions end there. */
  rowsBetween(from: number, to: number): number {
    let count = 0;
    for (const { end, indexes } of this.#transactions.values()) {
      const { json } = this.#lines[indexes.at(-1)!]!;
      const endsAt = positionOf(String(json["commit_lsn"] ?? json["abort_lsn"]));
      if (endsAt < from || end > to) continue;
      for (const index of indexes) {
        const { kind, lsn } = this.#lines[index]!;
        if (ROWS.has(kind) && positionOf(String(lsn)) >= from) count++;
      }
    }
    return count;
  }

  /** Transactions that the whole log does not print: what a cut counts of a file that no table explains need not be rows. */
  #withoutRows(lines: readonly Line[], full: CutOracle): ReadonlySet<number> {
    const alone = new Set<number>();
    for (const line of lines) {
      const isPrinted = [this, full].some((each) => each.#byPlace.has(placeOf(line)));
      if (line.kind !== "begin" || line.xid === undefined || isPrinted) continue;
      const own = lines.filter(({ xid }) => xid === line.xid);
      assert.ok(
        own.length === 2 && Number(own[1]!.json["lost"]) > 0,
        `not in the whole log: ${line.text}`,
      );
      alone.add(line.xid);
    }
    return alone;
  }

  #transactionAt(end: number): Transaction | undefined {
    for (const each of this.#transactions.values()) if (each.indexes.at(-1) === end) return each;
    return undefined;
  }

  #has(line: Line): boolean {
    const known = this.#byPlace.get(placeOf(line)) ?? [];
    return this.#at.has(line.text) || known.some((at) => isLess(line, this.#lines[at]!));
  }

  /** Of a begin, the first change may be another one; an old row or a value may be unknown. */
  #similar(line: Line): number {
    const known = this.#byPlace.get(placeOf(line)) ?? [];
    const index = known.find((at) => isLess(line, this.#lines[at]!));
    const whole = known.map((at) => this.#lines[at]!.text.slice(0, 900)).join("\n    ");
    assert.ok(
      index !== undefined,
      `not in the whole log: ${line.text.slice(0, 900)}\n    ${whole}`,
    );
    return index;
  }
}

function linesOf(stdout: string): readonly Line[] {
  const texts = stdout.split("\n").filter((text) => text !== "");
  return texts.map((text) => {
    const json = JSON.parse(text) as Line["json"];
    const { kind, lsn, transactional, xid } = json as {
      kind: string;
      lsn: string | null;
      transactional?: boolean;
      xid?: number;
    };
    return { text, kind, lsn, xid: transactional === false ? undefined : xid, json };
  });
}

function placeOf({ kind, lsn, xid }: Line): string {
  return kind === "begin" ? `begin ${xid}` : `${kind} ${xid} ${lsn}`;
}

function announced({ text }: Line): string {
  return text.replace(/"(xid|lsn|commit_time)":("[^"]*"|\w+),?/g, "");
}

function isLess(line: Line, whole: Line): boolean {
  const leave = (each: Line, names: readonly string[]): string =>
    JSON.stringify(Object.entries(each.json).filter(([name]) => !names.includes(name)));
  if (line.kind === "begin") {
    return leave(line, ["lsn", "partial"]) === leave(whole, ["lsn", "partial"]);
  }
  // Only a transaction that lost changes says so.
  if (line.kind === "commit" || line.kind === "abort") {
    return leave(line, ["lost"]) === leave(whole, ["lost"]);
  }
  if (!ROWS.has(line.kind)) return false;
  const parts = ["old", "new", "key", "unchanged"];
  if (leave(line, parts) !== leave(whole, parts)) return false;
  const unknown = (line.json["unchanged"] ?? []) as readonly string[];
  const before = (whole.json["unchanged"] ?? []) as readonly string[];
  if (!before.every((name) => unknown.includes(name))) return false;
  return ["old", "new", "key"].every((part) => {
    const [own, other] = [line.json[part], whole.json[part]];
    // Of an update, where its page is not known.
    if (own === undefined) return other === undefined || (part === "old" && line.kind === "update");
    const known = (row: unknown): string =>
      JSON.stringify(Object.entries(row ?? {}).filter(([name]) => !unknown.includes(name)));
    return other !== undefined && known(own) === known(other);
  });
}

export function positionOf(lsn: string): number {
  const [high = "", low = ""] = lsn.split("/");
  return Number.parseInt(high, 16) * 2 ** 32 + Number.parseInt(low, 16);
}
