/** A random history of a database, for fast-check, and the log that it leaves. */
import fc, { type Arbitrary } from "fast-check";
import type { Content, Finished, LogRecord, LoggedChange, SimulatedLog, Written } from "./log.ts";

const OPS = [
  "rows",
  "message",
  "truncate",
  "lock",
  "outside",
  "savepoint",
  "rollback_to",
  "release",
  "commit",
  "rollback",
  "prepare",
  "commit_prepared",
  "rollback_prepared",
  "running",
  "crash",
  "other",
] as const;
type Op = (typeof OPS)[number];

export interface Step {
  readonly op: Op;
  readonly who: number;
  readonly n: number;
}

const WEIGHTS: Partial<Record<Op, number>> = {
  rows: 14,
  commit: 6,
  savepoint: 3,
  rollback_to: 3,
  message: 2,
  prepare: 3,
  commit_prepared: 3,
};
const anyOp = fc.oneof(
  ...OPS.map((name) => ({ weight: WEIGHTS[name] ?? 1, arbitrary: fc.constant(name) })),
);
export const steps = (maxLength: number): Arbitrary<Step[]> =>
  fc.array(fc.record({ op: anyOp, who: fc.nat(2), n: fc.nat(7) }), { maxLength, size: "max" });

/** Which rows of one record are published. */
const PATTERNS: readonly (readonly boolean[])[] = [
  [true],
  [true],
  [false],
  [true, true],
  [true, false],
  [false, true],
  [true, true, true],
  [false, false],
];
const FIRST_LSN = 0x1000;
const RECORD_BYTES = 8;
const FIRST_XID = 700;

/** A transaction or subtransaction that is open. It gets its xid with its first record. */
interface Level {
  xid: number | undefined;
  readonly released: number[];
}

class History {
  readonly records: LogRecord[] = [];
  readonly ofOrigin = new Set<number>();
  readonly deaths = new Map<number, number>();
  readonly positions = new Map<string, number>();
  #lsn = FIRST_LSN;
  #nextXid = FIRST_XID;
  #ids = 0;
  #shift = 0;
  readonly #open: Level[][] = [[], [], []];
  readonly #prepared: Array<Finished & { readonly subxids: readonly number[] }> = [];

  take({ op, who, n }: Step): void {
    const levels = this.#open[who] ?? [];
    switch (op) {
      case "rows":
        return this.#write(levels, n, (written) => ({
          kind: "rows",
          changes: this.#changes(n),
          ...written,
        }));
      case "message":
      case "truncate":
        return this.#write(levels, n, (written) => ({
          kind: op,
          changes: this.#changes(0),
          ...written,
        }));
      case "lock":
        return this.#write(levels, n, (written) => ({ kind: "lock", ...written }));
      case "outside":
        return void this.#append({ kind: "outside", id: this.#id() });
      case "savepoint":
        if (levels.length === 0) levels.push({ xid: undefined, released: [] });
        return void levels.push({ xid: undefined, released: [] });
      case "rollback_to":
        return this.#rollbackTo(levels);
      case "release":
        return this.#release(levels);
      case "commit":
      case "prepare":
        return this.#end(op, levels);
      case "rollback":
        while (levels.length > 1) this.#rollbackTo(levels);
        return this.#rollback(levels);
      case "commit_prepared":
      case "rollback_prepared":
        return this.#finish(op, n);
      case "running":
        return void this.#append({ kind: "running", oldestXid: this.#oldestXid() });
      case "crash":
        return this.#crash();
      case "other":
        return void this.#append({ kind: "other" });
    }
  }

  /** The server is restored from a copy of this moment: what it writes from now on is another log. */
  restore(): void {
    this.#crash();
    this.#ids += 1000;
    this.#shift = 1_000_000;
  }

  #append(content: Content): number {
    const start = this.#lsn;
    this.#lsn += RECORD_BYTES;
    const time = BigInt(start + this.#shift) * 1000n;
    this.records.push({ start, end: this.#lsn, time, ...content });
    if ("changes" in content)
      for (const { id } of content.changes)
        this.positions.set(id, content.kind === "message" ? this.#lsn : start);
    return this.#lsn;
  }

  #id(): string {
    return String(++this.#ids);
  }

  #changes(n: number): LoggedChange[] {
    return (PATTERNS[n] ?? []).map((published) => ({ id: this.#id(), published }));
  }

  #write(levels: Level[], n: number, content: (written: Written) => Content): void {
    if (levels.length === 0) levels.push({ xid: undefined, released: [] });
    // A subtransaction's parents get their xids before it does.
    for (const level of levels) level.xid ??= this.#nextXid++;
    const [top, own] = [levels[0]?.xid ?? 0, levels.at(-1)?.xid ?? 0];
    if (n === 7) this.ofOrigin.add(top);
    this.#append(content({ xid: own, top }));
  }

  #rollbackTo(levels: Level[]): void {
    if (levels.length < 2) return;
    const level = levels.pop();
    if (level?.xid === undefined) return;
    const { xid, released: subxids } = level;
    this.#die(
      [xid, ...subxids],
      this.#append({ kind: "abort", xid, top: levels[0]?.xid ?? 0, subxids }),
    );
  }

  #release(levels: Level[]): void {
    if (levels.length < 2) return;
    const level = levels.pop();
    if (level?.xid !== undefined) levels.at(-1)?.released.push(level.xid, ...level.released);
  }

  /** Ends the transaction of `levels`. Undefined: it wrote nothing, so that the log does not say that it ended. */
  #close(
    levels: Level[],
  ): { readonly xid: number; readonly subxids: readonly number[] } | undefined {
    while (levels.length > 1) this.#release(levels);
    const top = levels.pop();
    return top?.xid === undefined ? undefined : { xid: top.xid, subxids: top.released };
  }

  #end(op: "commit" | "prepare", levels: Level[]): void {
    const closed = this.#close(levels);
    if (closed === undefined) return;
    const { xid } = closed;
    if (op === "commit") return void this.#append({ kind: "commit", xid });
    const gid = `g${xid}`;
    this.#prepared.push({ ...closed, gid });
    this.#append({ kind: "prepare", xid, gid });
  }

  #rollback(levels: Level[]): void {
    const closed = this.#close(levels);
    if (closed === undefined) return;
    const { xid, subxids } = closed;
    this.#die([xid, ...subxids], this.#append({ kind: "abort", xid, top: xid, subxids }));
  }

  #finish(op: "commit_prepared" | "rollback_prepared", n: number): void {
    const [prepared] = this.#prepared.splice(n % Math.max(1, this.#prepared.length), 1);
    if (prepared === undefined) return;
    const { xid, gid, subxids } = prepared;
    if (op === "commit_prepared") return void this.#append({ kind: op, xid, gid });
    this.#die([xid, ...subxids], this.#append({ kind: op, xid, gid, subxids }));
  }

  #crash(): void {
    const end = this.#append({ kind: "crash" });
    for (const levels of this.#open) {
      for (const { xid, released } of levels)
        if (xid !== undefined) this.#die([xid, ...released], end);
      levels.length = 0;
    }
  }

  #die(xids: readonly number[], at: number): void {
    for (const xid of xids) this.deaths.set(xid, at);
  }

  #oldestXid(): number {
    const open = this.#open.flatMap((levels) => levels.map(({ xid }) => xid ?? Infinity));
    return Math.min(this.#nextXid, ...open, ...this.#prepared.map(({ xid }) => xid));
  }
}

export function simulateLog(history: readonly Step[]): SimulatedLog {
  const log = new History();
  log.take({ op: "other", who: 0, n: 0 });
  for (const step of history) log.take(step);
  return log;
}

/** The same log up to a step, and from there on, where it was restored, another one. */
export function simulateOtherLog(
  history: readonly Step[],
  at: number,
  other: readonly Step[],
): { readonly log: SimulatedLog; readonly fork: number } {
  const log = new History();
  log.take({ op: "other", who: 0, n: 0 });
  for (const step of history.slice(0, at)) log.take(step);
  const fork = log.records.at(-1)?.end ?? 0;
  log.restore();
  for (const step of other) log.take(step);
  return { log, fork };
}
