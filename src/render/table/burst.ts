import type { Relation, RowChange } from "../../pgoutput/messages.ts";
import { type TupleData, tupleEnd } from "../../pgoutput/tuple.ts";
import { joined, painted, SPACE } from "../terminal/painted.ts";
import { type Event, signOf } from "./event.ts";
import { fieldsOf } from "./fields.ts";
import type { Piece } from "./flow.ts";
import { describeCounts } from "./hidden.ts";
import { countOf } from "../cells/numbers.ts";
import { describeFields, PIECE_GAP } from "./row.ts";
import { type Change, type Counts, noCounts } from "./tally.ts";
import type { Canvas } from "./view.ts";

const SECOND_MS = 1000;
/** A thousand partitions must not take a thousand lines. */
const TABLES_MAX = 8;
/** A longer row is no sample. */
const SAMPLE_BYTES_MAX = 1 << 14;

interface Busy {
  /** Undefined for messages and for several tables. */
  readonly relation: Relation | undefined;
  readonly counts: Counts;
  sample: RowChange | undefined;
  total: number;
}

/** The share of the rows allowed at once that is allowed every second. */
const LASTING_SHARE = 0.1;

/**
 * Decides when more rows arrive than a person can read. More may arrive at once, to be scrolled through, than every
 * second. Above that rate rows are only counted, and each second has one line for each table. When the rate falls, rows
 * are shown again.
 */
export class Burst {
  readonly #rowsMax: number;
  readonly #now: () => number;
  #since: number;
  /** The number of rows that may still be shown. */
  #left: number;
  #rows = 0;
  #counting = false;
  #busy = new Map<number | undefined, Busy>();

  /** @param rowsMax shown at once */
  constructor(rowsMax: number, now: () => number) {
    this.#rowsMax = rowsMax;
    this.#left = rowsMax;
    this.#now = now;
    this.#since = now();
  }

  /** Whether rows are only counted now. */
  get counting(): boolean {
    return this.#counting;
  }

  /** Returns whether the change is shown; otherwise it is counted. Call due() first. */
  admits(change: Change): boolean {
    this.#rows += 1;
    if (!this.#counting && this.#left >= 1) {
      this.#left -= 1;
      return true;
    }
    this.#counting = true;
    const relation = change.kind === "message" ? undefined : relationOf(change);
    let busy = this.#busy.get(relation?.oid);
    if (busy === undefined) {
      busy = { relation, counts: noCounts(), sample: undefined, total: 0 };
      this.#busy.set(relation?.oid, busy);
    }
    busy.counts[change.kind] += 1;
    busy.total += 1;
    if (busy.sample === undefined && change.kind !== "truncate" && change.kind !== "message") {
      busy.sample = copyOf(change);
    }
    return false;
  }

  /** Whether a second has passed. */
  get due(): boolean {
    return this.#now() - this.#since >= SECOND_MS;
  }

  /** Returns a line for each counted table, and begins the next second. */
  report(canvas: Canvas): readonly Event[] {
    const now = this.#now();
    // At the end a part of one: a row in a millisecond is no rate.
    const seconds = Math.max((now - this.#since) / 1000, 1);
    const all = [...this.#busy.values()].toSorted((a, b) => b.total - a.total);
    const lasting = this.#rowsMax * LASTING_SHARE;
    this.#counting &&= this.#rows / seconds > lasting;
    if (!this.#counting) this.#left = Math.min(this.#left + lasting * seconds, this.#rowsMax);
    this.#since = now;
    this.#rows = 0;
    this.#busy = new Map();
    // The busiest, each second in the same order.
    const shown = all.slice(0, TABLES_MAX).toSorted((a, b) => oidOf(a) - oidOf(b));
    const rest = all.slice(TABLES_MAX);
    const events = shown.map((busy) => busyEvent(busy, seconds, canvas));
    if (rest.length === 0) return events;
    const total = rest.reduce((sum, busy) => sum + busy.total, 0);
    const others = { relation: undefined, counts: noCounts(), sample: undefined, total };
    return [...events, busyEvent(others, seconds, canvas, countOf(rest.length, "other table"))];
  }
}

function oidOf({ relation }: Busy): number {
  return relation?.oid ?? 0;
}

function busyEvent(busy: Busy, seconds: number, canvas: Canvas, subject = "messages"): Event {
  const { relation, counts, sample, total } = busy;
  const { palette } = canvas;
  const pieceOf = (text: Piece | Omit<Piece, "gap" | "cut">): Piece => ({
    ...text,
    gap: PIECE_GAP,
    cut: undefined,
  });
  const rate = painted(`${countOf(Math.round(total / seconds), "row")}/s`, palette.strong);
  const fields = sample === undefined ? undefined : fieldsOf(sample, undefined, canvas);
  return {
    sign: painted(palette.glyphs.ellipsis, palette.strong),
    subject: relation ?? subject,
    paint: palette.table,
    pieces: (width) => {
      const head = [describeCounts(counts, canvas), rate].filter((one) => one.width > 0);
      if (sample === undefined || fields === undefined) return head.map(pieceOf);
      const mark = joined(painted("e.g.", palette.quiet), SPACE, signOf(sample.kind, palette));
      const { pieces } = describeFields(fields.fields, width, 1, canvas);
      const [first, ...others] = pieces;
      const start = first === undefined ? [] : [pieceOf(joined(mark, SPACE, first))];
      return [...head.map(pieceOf), ...start, ...others];
    },
    rest: (count) =>
      count === 0 ? undefined : pieceOf(painted(palette.glyphs.ellipsis, palette.quiet)),
    linesMax: 1,
  };
}

function relationOf(change: Exclude<Change, { kind: "message" }>): Relation | undefined {
  return change.kind === "truncate" ? change.relations[0] : change.relation;
}

/** Undefined if it is too long. Its views are valid only now. */
function copyOf(change: RowChange): RowChange | undefined {
  let left = SAMPLE_BYTES_MAX;
  const copy = <Tuple extends TupleData | null>(tuple: Tuple): Tuple | TupleData => {
    if (tuple === null) return tuple;
    const end = Math.min(tupleEnd(tuple), tuple.start + left + 1);
    // Not slice(), which gives a view of a Buffer.
    const bytes = new Uint8Array(tuple.bytes.subarray(tuple.start, end));
    left -= bytes.length;
    return { bytes, view: new DataView(bytes.buffer), start: 0, columnCount: tuple.columnCount };
  };
  const key = copy(change.key);
  const old = copy(change.old);
  const row = copy(change.new);
  return left < 0 ? undefined : ({ ...change, key, old, new: row } as RowChange);
}
