/*
 * Transactions for a person, in the width of the terminal.
 * Law: control characters never reach the terminal, what is cut says so, and what differs looks different.
 * Way in: TableRenderer turns messages into Items (rows and Events), Sheet turns these into Blocks or the rows of a Grid,
 * linesOf() lays a Block out, and Page draws lines with their gutter. measures.ts names the parts.
 */

import { PAGE_WIDTH_DEFAULT } from "./measures.ts";
import { assertNever } from "../../assert.ts";
import { isRowChange } from "../../postgres/messages/changes.ts";
import type {
  Commit,
  PgoutputMessage,
  Relation,
  RowChange,
  Transaction,
} from "../../postgres/messages/messages.ts";
import type { PgTime } from "../../pg-time.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { createPalette, type Look } from "../terminal/painted.ts";
import type { Renderer } from "../renderer.ts";
import { describeAlteration } from "./alter.ts";
import { Batch } from "./batch.ts";
import { Burst, type BusyLine } from "./burst.ts";
import * as event from "./event.ts";
import { pendingStreamParts } from "./fate-parts.ts";
import { type Fate, Fates, timeOf } from "./fates.ts";
import { hiddenEvents, postponedEvent } from "./hidden.ts";
import { TableNames } from "../cells/names.ts";
import type { Item } from "./items.ts";
import { SeenRows } from "./seen.ts";
import type { Head } from "./page.ts";
import { type Change, noCounts, Tally } from "./tally.ts";
import { Times } from "../cells/times.ts";
import * as say from "./transaction.ts";
import type { Canvas, TableView } from "./view.ts";

export interface TableOptions {
  /** The terminal's columns, read for each batch so that rows follow a resize. Undefined if there is no terminal. */
  readonly width: () => number | undefined;
  readonly look: Look;
  /** A clock in milliseconds with any origin. */
  readonly now?: () => number;
  readonly view: TableView;
  /** The counts of a burst are drawn in place while it lasts: liveLines(). */
  readonly inPlace?: boolean;
  /**
   * From WAL only: the timeline that is being read. An expanded commit says how a recovery stops before it, and --old
   * full shows old rows.
   */
  readonly timeline?: (() => number) | undefined;
  /** Knows which columns are JSON, and the meaning of binary values. */
  readonly types: TypeRegistry;
}

const BURST = "too many to read: rows are counted (--collapse 0 shows them)";
/** From this number of changes on, a transaction's end counts them. */
const COUNTED_FROM = 100;

/** Lays out together what is rendered between two calls of take(); it does not wait for a transaction's end. */
export class TableRenderer implements Renderer {
  readonly #options: TableOptions;
  readonly #canvas: Canvas;
  readonly #batch: Batch;
  readonly #seen = new SeenRows();
  readonly #burst: Burst;
  readonly #relations = new Map<number, Relation>();
  readonly #fates = new Fates();
  #transaction: Transaction | null = null;
  #head: Head | undefined;
  #tally = new Tally();
  /** The last row's xid; in a stream block it may be a subtransaction's. */
  #xid = 0;
  #streaming = false;
  /** The counts of what is open: a streamed transaction has several blocks. */
  #counts = noCounts();
  #hiddenInBlock = 0;
  #hint: "due" | "given" | undefined;
  /** The last transaction with changes that were not shown; also between its blocks. */
  #counting: { readonly xid: number; readonly tally: Tally } | undefined;

  constructor(options: TableOptions) {
    this.#options = options;
    const palette = createPalette(options.look);
    const { view, types } = options;
    const names = new TableNames(palette.glyphs.ellipsis);
    this.#canvas = { palette, view, types, names, times: new Times(view.time) };
    this.#batch = new Batch(this.#canvas, () => options.width() ?? PAGE_WIDTH_DEFAULT);
    this.#burst = new Burst(view.burstLines, options.inPlace ?? false, options.now ?? (() => 0));
  }

  /** What is being counted and not shown, for a status line; undefined if nothing is. */
  get live(): string | undefined {
    const counting = this.#counting;
    return counting && say.collapsedText(counting.xid, counting.tally.hiddenTotal);
  }

  /** What a burst comes to so far, to be drawn in place. Call tick() first. */
  liveLines(): readonly string[] {
    return this.#batch.lines(this.#burst.live(this.#canvas).map(asAside));
  }

  render(message: PgoutputMessage): void {
    const { palette } = this.#canvas;
    switch (message.kind) {
      case "insert":
      case "update":
      case "delete":
        return this.#row(message);
      case "truncate":
        for (const relation of message.relations) this.#seen.forgetTable(relation);
        return this.#change(message, () =>
          this.#batch.event(event.truncateEvent(message, this.#canvas)),
        );
      case "message":
        return this.#change(message, () =>
          this.#batch.event(event.messageEvent(message, this.#canvas)),
        );
      case "sequence":
        return this.#change(message, () =>
          this.#batch.event(event.sequenceEvent(message, this.#canvas)),
        );
      case "unknown":
        if (message.transaction !== null) this.#enter(message.transaction);
        return this.#batch.event(event.unknownEvent(message, this.#canvas));
      case "relation":
        return this.#relation(message.transaction, message.relation);
      case "type":
        return;
      case "begin":
        return this.#open(
          message.transaction,
          say.beginParts(message, this.#options.view.expanded, palette),
        );
      case "begin_prepare":
        this.#open(
          message.transaction,
          say.beginPrepareParts(message, palette),
          message.prepareTime,
        );
        return;
      case "stream_start":
        this.#open(message.transaction, say.streamStartParts(message, palette));
        this.#tally = this.#fates.tallyOf(message);
        this.#streaming = true;
        return;
      case "origin":
        return this.#origin(say.originParts(message));
      case "prepare":
        this.#fates.prepared(message);
        return this.#leave();
      case "commit":
        return this.#commit(message);
      case "abort":
        return this.#leave([...say.abortParts(palette), ...say.countParts(this.#counts, palette)]);
      case "table_changed":
        this.#seen.forgetTable(message.relation);
        if (message.transaction !== null) this.#enter(message.transaction);
        return this.#batch.event(event.tableChangedEvent(message, this.#canvas));
      case "stream_stop":
        return this.#leave();
      case "stream_commit":
      case "stream_abort":
      case "stream_prepare":
      case "commit_prepared":
      case "rollback_prepared":
        return this.#fate(message);
      default:
        return assertNever(message);
    }
  }

  /** What is not printed still changes rows, and ends what is open. */
  leftOut(message: PgoutputMessage): void {
    if (isRowChange(message)) return this.#seen.follow(message);
    switch (message.kind) {
      case "truncate":
        for (const relation of message.relations) this.#seen.forgetTable(relation);
        return;
      case "commit":
      case "prepare":
      case "stream_stop":
      case "abort":
        return this.#leave();
      default:
    }
  }

  skipped(): void {
    this.#leave();
    this.#seen.clear();
  }

  /** Call it about once a second: it prints what is due when no message arrives. */
  tick(): Uint8Array {
    if (this.#burst.due) this.#report();
    return this.#batch.take(true);
  }

  /** Call it after the last message: it closes what is open and prints pending counts. */
  finish(): void {
    // What has not ended gets no closing line, unless rows of it were only counted.
    this.#leave(this.#tally.hiddenTotal > 0 ? undefined : []);
    this.#report(true);
    for (const { xid, hidden } of this.#fates.pending()) {
      const parts = pendingStreamParts(this.#canvas.palette);
      this.#batch.add({ kind: "line", parts, head: { time: null, xid, notes: [] } });
      for (const row of hiddenEvents(hidden, this.#canvas)) this.#batch.event(row);
    }
  }

  take(): Uint8Array {
    if (this.#transaction === null) this.#giveHint();
    return this.#batch.take();
  }

  /** Once, after the transaction or its fate. */
  #giveHint(): void {
    if (this.#hint !== "due") return;
    this.#hint = "given";
    const full =
      this.#options.timeline !== undefined
        ? "--old full rebuilds it, from a checkpoint on"
        : "with REPLICA IDENTITY FULL the server sends it";
    this.#batch.add({ kind: "remark", text: `is now: the row before is not known; ${full}` });
  }

  #row(message: RowChange): void {
    this.#change(message, () => {
      const seen = this.#seen.before(message);
      this.#batch.row(message, seen);
      const unknown = message.kind === "update" && (message.old ?? seen) === null;
      if (unknown && message.relation.announced) this.#hint ??= "due";
    });
    this.#seen.follow(message);
  }

  /** Draws a counted change, or only counts it if there were too many. */
  #change(message: Change, draw: () => void): void {
    const { transaction } = message;
    if (transaction === null) {
      if (this.#transaction !== null) this.#leave();
      if (this.#admits(message)) draw();
      return;
    }
    this.#enter(transaction);
    this.#counts[message.kind] += 1;
    // What a burst counts is not counted here as well.
    const shownMax = this.#burst.countsAll ? Infinity : this.#options.view.collapseAfter;
    if (this.#tally.add(message, shownMax)) {
      if (!this.#admits(message)) return;
      this.#divide(transaction);
      return draw();
    }
    this.#hiddenInBlock += 1;
    this.#counting ??= { xid: this.#transaction?.xid ?? transaction.xid, tally: this.#tally };
  }

  #admits(message: Change): boolean {
    const burst = this.#burst;
    if (this.#options.view.burstLines === Infinity) return true;
    if (burst.due) this.#report();
    const { counting } = burst;
    if (burst.admits(message)) return true;
    if (!counting) this.#batch.add({ kind: "remark", text: BURST });
    return false;
  }

  #report(last = false): void {
    for (const line of this.#burst.report(this.#canvas, last)) this.#batch.add(asAside(line));
  }

  /** A table's first announcement is not shown, nor is a repetition: the server repeats itself. */
  #relation(transaction: Transaction | null, relation: Relation): void {
    const before = this.#relations.get(relation.oid);
    this.#relations.set(relation.oid, relation);
    const changes =
      before === undefined
        ? []
        : describeAlteration(before, relation, this.#canvas.palette.glyphs.arrow);
    if (changes.length === 0) return;
    if (transaction !== null) {
      this.#enter(transaction);
      this.#divide(transaction);
    }
    this.#batch.event(event.alterEvent(relation, changes, this.#canvas));
  }

  /** The next row belongs to `transaction`; in a stream block, perhaps to a subtransaction. */
  #enter(transaction: Transaction): void {
    const open = this.#transaction;
    if (open !== null && (transaction.xid === open.xid || this.#streaming)) return;
    this.#open(transaction, []);
  }

  #divide(transaction: Transaction): void {
    if (transaction.xid !== this.#xid && this.#transaction !== null) {
      const parts = say.subtransactionParts(transaction, this.#transaction.xid);
      this.#batch.add({ kind: "divide", parts });
    }
    this.#xid = transaction.xid;
  }

  #open(transaction: Transaction | null, notes: say.Parts, time?: PgTime): void {
    this.#leave();
    if (transaction === null) return;
    this.#transaction = transaction;
    this.#xid = transaction.xid;
    this.#head = { time: time ?? transaction.commitTime, xid: transaction.xid, notes };
    this.#batch.add({ kind: "open", head: this.#head });
  }

  #origin(parts: say.Parts): void {
    if (this.#head === undefined) this.#batch.add({ kind: "line", parts, head: null });
    else this.#head.notes = [...this.#head.notes, ...parts];
  }

  /** A transaction whose changes came earlier ends or is prepared. */
  #fate(message: Fate): void {
    this.#leave();
    this.#counting = undefined;
    const { parts, hidden } = this.#fates.tell(message, this.#canvas.palette);
    const head = { time: timeOf(message), xid: message.transaction.xid, notes: [] };
    this.#batch.add({ kind: "line", parts, head });
    for (const row of hiddenEvents(hidden, this.#canvas)) this.#batch.event(row);
  }

  #commit({ commitLsn }: Commit): void {
    const { view, timeline } = this.#options;
    if (timeline !== undefined && view.expanded && this.#head !== undefined) {
      this.#batch.event(event.recoveryEvent(commitLsn, timeline(), this.#canvas));
    }
    this.#leave();
  }

  /** Closes what is open: it ends here, or its end was cut off or filtered out. */
  #leave(parts?: say.Parts): void {
    if (this.#streaming) {
      // No further block of it shows anything: its last line counts their changes.
      if (this.#hiddenInBlock > 0 && this.#tally.hiddenTotal === this.#hiddenInBlock) {
        this.#batch.event(postponedEvent(this.#hiddenInBlock, this.#canvas));
      }
    } else {
      for (const row of hiddenEvents(this.#tally.hidden(), this.#canvas)) this.#batch.event(row);
      this.#counting = undefined;
    }
    if (this.#head !== undefined) this.#batch.add({ kind: "close", parts: parts ?? this.#total() });
    this.#giveHint();
    this.#burst.leave();
    this.#transaction = null;
    this.#head = undefined;
    this.#tally = new Tally();
    this.#streaming = false;
    this.#counts = noCounts();
    this.#hiddenInBlock = 0;
  }

  /** The counts in the closing line, if its rows no longer fit the screen or were not all shown. */
  #total(): say.Parts {
    const total = Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
    const counted = total >= COUNTED_FROM || this.#tally.hiddenTotal > 0;
    return counted && !this.#streaming ? say.countParts(this.#counts, this.#canvas.palette) : [];
  }
}

function asAside(line: BusyLine): Item {
  return { kind: "aside", ...line };
}
