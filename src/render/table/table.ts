/*
 * Transactions for a person, in the width of the terminal.
 * Law: control characters never reach the terminal, what is cut says so, and what differs looks different.
 * Way in: TableRenderer, one event after another.
 */

import { assertNever } from "../../assert.ts";
import type {
  Commit,
  PgoutputMessage,
  Relation,
  RowChange,
  Transaction,
} from "../../pgoutput/messages.ts";
import type { PgTime } from "../../pg-time.ts";
import type { TypeRegistry } from "../../pgoutput/type-registry.ts";
import { createPalette, type Look } from "../terminal/painted.ts";
import type { Renderer } from "../renderer.ts";
import { describeAlteration } from "./alter.ts";
import { Batch } from "./batch.ts";
import { Burst } from "./burst.ts";
import * as event from "./event.ts";
import { pendingStreamParts } from "./fate-parts.ts";
import { type Fate, Fates, timeOf } from "./fates.ts";
import { hiddenEvents, postponedEvent } from "./hidden.ts";
import { TableNames } from "../cells/names.ts";
import { SeenRows } from "./seen.ts";
import type { Head } from "./page.ts";
import { type Change, noCounts, Tally } from "./tally.ts";
import { Times } from "../cells/times.ts";
import * as say from "./transaction.ts";
import type { Canvas, TableView } from "./view.ts";

export interface TableOptions {
  /** The terminal's columns; asked again for each batch, so that rows follow a resize. Undefined: no terminal. */
  readonly width: () => number | undefined;
  readonly look: Look;
  /** In milliseconds, from whatever moment on. */
  readonly now?: () => number;
  readonly view: TableView;
  /** Out of WAL: an expanded commit says how a recovery stops before it, and --old full gives old rows. */
  readonly recovery?: boolean;
  /** Which columns are JSON, and what binary values mean. */
  readonly types: TypeRegistry;
}

const WIDTH_DEFAULT = 80;
const OLD_VALUES = "old values: of rows seen before, or with";
const BURST = "too fast to read: counted, a line a second (--collapse 0: shown)";
/** The end of a transaction counts its changes from this number on. */
const COUNTED_FROM = 100;

/** What is rendered between two calls of take() is laid out together; nothing waits for a transaction's end. */
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
  /** The last row's: in a stream block, perhaps a subtransaction's. */
  #xid = 0;
  #streaming = false;
  #pending = false;
  /** Of what is open: a streamed transaction has several blocks. */
  #counts = noCounts();
  #hiddenInBlock = 0;
  #hint: "due" | "given" | undefined;
  /** The last transaction that there is more of than was shown; between its blocks too. */
  #counting: { readonly xid: number; readonly tally: Tally } | undefined;

  constructor(options: TableOptions) {
    this.#options = options;
    const palette = createPalette(options.look);
    const { view, types } = options;
    const names = new TableNames(palette.glyphs.ellipsis);
    this.#canvas = { palette, view, types, names, times: new Times(view.time) };
    this.#batch = new Batch(this.#canvas, () => options.width() ?? WIDTH_DEFAULT);
    this.#burst = new Burst(view.burstRows, options.now ?? (() => 0));
  }

  /** For a status line: what is being counted in place of being shown. Undefined: nothing. */
  get live(): string | undefined {
    const counting = this.#counting;
    return counting && say.collapsedText(counting.xid, counting.tally.hiddenTotal);
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
        this.#pending = true;
        return;
      case "stream_start":
        this.#open(message.transaction, say.streamStartParts(message, palette));
        this.#tally = this.#fates.tallyOf(message);
        this.#streaming = true;
        this.#pending = true;
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

  skipped(): void {
    this.#leave();
    this.#seen.clear();
  }

  /** What is to be printed although nothing comes: to be called about once a second. */
  tick(): Uint8Array {
    if (this.#burst.due) this.#report();
    return this.take();
  }

  /** No message will follow: closes what is open, and tells what was counted in vain. */
  finish(): void {
    this.#leave();
    this.#report();
    for (const { xid, hidden } of this.#fates.pending()) {
      const parts = pendingStreamParts(this.#canvas.palette);
      this.#batch.add({ kind: "line", parts, head: { time: null, xid, notes: [] } });
      for (const row of hiddenEvents(hidden, this.#canvas)) this.#batch.event(row);
    }
  }

  take(): Uint8Array {
    this.#giveHint();
    return this.#batch.take();
  }

  /** Behind the transaction, or what has come of it. */
  #giveHint(): void {
    if (this.#hint !== "due") return;
    this.#hint = "given";
    const full = this.#options.recovery === true ? "--old full" : "REPLICA IDENTITY FULL";
    this.#batch.add({ kind: "remark", text: `${OLD_VALUES} ${full}` });
  }

  #row(message: RowChange): void {
    this.#change(message, () => {
      const seen = this.#seen.before(message);
      this.#batch.row(message, seen);
      const unknown = message.kind === "update" && (message.key ?? message.old ?? seen) === null;
      if (unknown && message.relation.announced) this.#hint ??= "due";
    });
    this.#seen.follow(message, this.#pending);
  }

  /** What a transaction counts: drawn, unless so many were that the rest is only counted. */
  #change(message: Change, draw: () => void): void {
    const { transaction } = message;
    if (transaction === null) {
      if (this.#transaction !== null) this.#leave();
      if (this.#admits(message)) draw();
      return;
    }
    this.#enter(transaction);
    this.#counts[message.kind] += 1;
    if (this.#tally.add(message, this.#options.view.collapseAfter)) {
      if (!this.#admits(message)) return;
      this.#divide(transaction);
      return draw();
    }
    this.#hiddenInBlock += 1;
    this.#counting ??= { xid: this.#transaction?.xid ?? transaction.xid, tally: this.#tally };
  }

  #admits(message: Change): boolean {
    const burst = this.#burst;
    if (this.#options.view.burstRows === Infinity) return true;
    if (burst.due) this.#report();
    const { counting } = burst;
    if (burst.admits(message)) return true;
    if (!counting) this.#batch.add({ kind: "remark", text: BURST });
    return false;
  }

  #report(): void {
    for (const busy of this.#burst.report(this.#canvas))
      this.#batch.add({ kind: "aside", event: busy });
  }

  /** The first announcement of a table is no news, nor is the same again: the server repeats itself. */
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

  /** The next row is one of `transaction`: in a stream block, perhaps of one of its subtransactions. */
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

  /** A transaction whose changes were seen before meets its end, or comes near to it. */
  #fate(message: Fate): void {
    this.#leave();
    this.#counting = undefined;
    const { parts, hidden } = this.#fates.tell(message, this.#canvas.palette);
    const head = { time: timeOf(message), xid: message.transaction.xid, notes: [] };
    this.#batch.add({ kind: "line", parts, head });
    for (const row of hiddenEvents(hidden, this.#canvas)) this.#batch.event(row);
  }

  #commit({ commitLsn }: Commit): void {
    const { view, recovery } = this.#options;
    if (recovery === true && view.expanded && this.#head !== undefined) {
      this.#batch.event(event.recoveryEvent(commitLsn, this.#canvas));
    }
    this.#leave();
  }

  /** What is open ends here, or its end was cut off or filtered out. */
  #leave(parts?: say.Parts): void {
    if (this.#streaming) {
      // None of its further blocks shows anything: the line of its end counts their changes.
      if (this.#hiddenInBlock > 0 && this.#tally.hiddenTotal === this.#hiddenInBlock) {
        this.#batch.event(postponedEvent(this.#hiddenInBlock, this.#canvas));
      }
    } else {
      for (const row of hiddenEvents(this.#tally.hidden(), this.#canvas)) this.#batch.event(row);
      this.#counting = undefined;
    }
    if (this.#head !== undefined) this.#batch.add({ kind: "close", parts: parts ?? this.#total() });
    this.#giveHint();
    this.#transaction = null;
    this.#head = undefined;
    this.#tally = new Tally();
    this.#streaming = false;
    this.#pending = false;
    this.#counts = noCounts();
    this.#hiddenInBlock = 0;
  }

  /** Of a transaction that has left the screen before its end. */
  #total(): say.Parts {
    const total = Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
    const counted = total >= COUNTED_FROM || this.#tally.hiddenTotal > 0;
    return counted && !this.#streaming ? say.countParts(this.#counts, this.#canvas.palette) : [];
  }
}
