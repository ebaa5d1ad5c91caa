import { GAP, BURST_TABLES_MAX } from "./measures.ts";
import { isRowChange } from "../../postgres/messages/changes.ts";
import type { Relation, RowChange } from "../../postgres/messages/messages.ts";
import type { PgTime } from "../../pg-time.ts";
import { type TupleData, tupleEnd } from "../../postgres/messages/tuple.ts";
import { joined, NOTHING, type Painted, painted, SPACE } from "../terminal/painted.ts";
import { type Event, signOf } from "./event.ts";
import { fieldsOf } from "./fields.ts";
import type { Piece } from "./flow.ts";
import { describeCounts } from "./hidden.ts";
import { countOf } from "../cells/numbers.ts";
import { describeFields } from "./row.ts";
import { BySubject, type Change, type Counts, noCounts, subjectsOf } from "./tally.ts";
import type { Canvas } from "./view.ts";

const SECOND_MS = 1000;
/** A longer row is no sample. */
const SAMPLE_BYTES_MAX = 1 << 14;

interface Busy {
  /** Undefined for messages. */
  readonly relation: Relation | undefined;
  readonly counts: Counts;
  sample: RowChange | undefined;
  total: number;
  /** Of the last second. */
  recent: number;
}

function newBusy(relation: Relation | undefined): Busy {
  return { relation, counts: noCounts(), sample: undefined, total: 0, recent: 0 };
}

/** The lines a second that a person can follow. */
const LASTING_LINES = 20;
/** A row of more columns takes about two lines. */
const LINE_COLUMNS = 5;

/** A line for a table, with the commit time of its last change. */
export interface BusyLine {
  readonly event: Event;
  readonly time: PgTime | null;
}

/**
 * Decides when more rows arrive than a person can read. More may arrive at once, to be scrolled through, than every
 * second. Above that rate transactions are only counted, and each second has one line for each table; drawn in place,
 * each table has one line for the whole burst. When the rate falls, transactions are shown again.
 */
export class Burst {
  readonly #linesMax: number;
  readonly #inPlace: boolean;
  readonly #now: () => number;
  #since: number;
  /** When what is counted in `#busy` began. */
  #start: number;
  /** The number of lines that may still be drawn. */
  #left: number;
  #lines = 0;
  #counting = false;
  /** Whether the open transaction is shown: all of it is, or all of it is counted. Undefined: it has no change yet. */
  #shown: boolean | undefined;
  #busy = new BySubject(newBusy);
  #time: PgTime | null = null;

  /** @param linesMax about as many are drawn at once */
  constructor(linesMax: number, inPlace: boolean, now: () => number) {
    this.#linesMax = linesMax;
    this.#left = linesMax;
    this.#inPlace = inPlace;
    this.#now = now;
    this.#since = now();
    this.#start = this.#since;
  }

  /** Whether rows are only counted now. */
  get counting(): boolean {
    return this.#counting;
  }

  /** Whether all further changes of the open transaction are counted. */
  get countsAll(): boolean {
    return this.#shown === false;
  }

  /** The open transaction has no further changes. */
  leave(): void {
    this.#shown = undefined;
  }

  /** Returns whether the change is shown; otherwise it is counted. Call due() first. */
  admits(change: Change): boolean {
    const subjects = subjectsOf(change);
    const lines = (subjects[0]?.columns.length ?? 0) > LINE_COLUMNS ? 2 : 1;
    this.#lines += lines;
    const shown = this.#shown ?? (!this.#counting && this.#left >= 1);
    if (change.transaction !== null) this.#shown = shown;
    if (shown) {
      this.#left -= lines;
      return true;
    }
    this.#counting = true;
    this.#time = change.transaction?.commitTime ?? this.#time;
    for (const subject of subjects) {
      const busy = this.#busy.of(subject);
      busy.counts[change.kind] += 1;
      busy.total += 1;
      busy.recent += 1;
      if (busy.sample === undefined && isRowChange(change)) busy.sample = copyOf(change);
    }
    return false;
  }

  /** Whether a second has passed. */
  get due(): boolean {
    return this.#now() - this.#since >= SECOND_MS;
  }

  /** Begins the next second. Returns the lines that stay on the screen: in place, when the burst is over. */
  report(canvas: Canvas, last = false): readonly BusyLine[] {
    const now = this.#now();
    const seconds = Math.max((now - this.#since) / SECOND_MS, 1);
    this.#counting &&= !last && (this.countsAll || this.#lines / seconds > LASTING_LINES);
    if (!this.#counting)
      this.#left = Math.min(this.#left + LASTING_LINES * seconds, this.#linesMax);
    const stays = !this.#inPlace || !this.#counting;
    const drawn = stays ? this.#draw(canvas, now - this.#start) : [];
    this.#since = now;
    this.#lines = 0;
    if (stays) {
      this.#busy = new BySubject(newBusy);
      this.#start = now;
    }
    for (const busy of this.#busy.all) busy.recent = 0;
    return drawn;
  }

  /** The lines to be drawn in place, with the rate of the second that has not been reported. */
  live(canvas: Canvas): readonly BusyLine[] {
    const rated = this.#busy.all.map((busy) => ({ ...busy, total: busy.recent }));
    return rated.length === 0
      ? []
      : this.#draw(canvas, Math.max(this.#now() - this.#since, SECOND_MS), rated);
  }

  /** @param ms in which the rows came: in a part of a second a row in a millisecond is no rate */
  #draw(canvas: Canvas, ms: number, rated: readonly Busy[] = this.#busy.all): readonly BusyLine[] {
    const all = rated.toSorted((a, b) => b.total - a.total);
    // The busiest, each second in the same order.
    const shown = all.slice(0, BURST_TABLES_MAX).toSorted((a, b) => oidOf(a) - oidOf(b));
    const rest = all.slice(BURST_TABLES_MAX);
    const total = rest.reduce((sum, busy) => sum + busy.total, 0);
    const others: Busy = { ...newBusy(undefined), total };
    const lines = rest.length === 0 ? shown : [...shown, others];
    const columns = lines.map((busy) => ({
      counts: describeCounts(busy.counts, canvas),
      rate: ms < SECOND_MS ? NOTHING : painted(rateText(busy.total, ms), canvas.palette.strong),
    }));
    const countsWidth = Math.max(...columns.map(({ counts }) => counts.width));
    const rateWidth = Math.max(...columns.map(({ rate }) => rate.width));
    return lines.map((busy, index) => {
      const { counts = NOTHING, rate = NOTHING } = columns[index] ?? {};
      const head = joined(
        counts,
        gapOf(rateWidth === 0 ? 0 : countsWidth - counts.width + 2 + rateWidth - rate.width),
        rate,
      );
      const subject = busy === others ? countOf(rest.length, "other table") : "messages";
      return { event: busyEvent(busy, head, canvas, subject), time: this.#time };
    });
  }
}

function rateText(rows: number, ms: number): string {
  return `${countOf(Math.round((rows * SECOND_MS) / ms), "row")}/s`;
}

function gapOf(width: number): Painted {
  return painted(" ".repeat(width));
}

function oidOf({ relation }: Busy): number {
  return relation?.oid ?? 0;
}

/** @param head its counts and its rate, aligned with those of other tables */
function busyEvent(busy: Busy, head: Painted, canvas: Canvas, subject: string): Event {
  const { relation, sample } = busy;
  const { palette } = canvas;
  const pieceOf = (text: Painted): Piece => ({ ...text, gap: GAP, cut: undefined });
  const fields = sample === undefined ? undefined : fieldsOf(sample, undefined, canvas);
  return {
    sign: painted(palette.glyphs.ellipsis, palette.strong),
    subject: relation ?? subject,
    paint: palette.table,
    pieces: (width) => {
      if (sample === undefined || fields === undefined) return [pieceOf(head)];
      const mark = joined(painted("e.g.", palette.quiet), SPACE, signOf(sample.kind, palette));
      const { pieces } = describeFields(fields.fields, width, 1, canvas);
      const [first, ...others] = pieces;
      const start = first === undefined ? [] : [pieceOf(joined(mark, SPACE, first))];
      return [pieceOf(head), ...start, ...others];
    },
    rest: (count) =>
      count === 0 ? undefined : pieceOf(painted(palette.glyphs.ellipsis, palette.quiet)),
    linesMax: 1,
  };
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
