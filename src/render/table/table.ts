/*
 * Transactions as boxes for a person, in the width of the terminal.
 * Law: control characters never reach the terminal, and what is cut says so.
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
import type { TypeRegistry } from "../../pgoutput/type-registry.ts";
import { createPalette, type Palette } from "../terminal/painted.ts";
import type { Renderer } from "../renderer.ts";
import { describeAlteration } from "./alter.ts";
import { BoxDrawer } from "./box.ts";
import * as event from "./event.ts";
import { expandedRow, recoveryLines } from "./expanded.ts";
import { pendingStreamParts } from "./fate-parts.ts";
import { type Fate, Fates } from "./fates.ts";
import { hiddenEvents, postponedEvent } from "./hidden.ts";
import { type Change, noCounts, Tally } from "./tally.ts";
import * as say from "./transaction.ts";
import type { Canvas, TableView } from "./view.ts";

export interface TableOptions {
  /** The terminal's columns; asked again for each message, so that rows follow a resize. Undefined: no terminal. */
  readonly width: () => number | undefined;
  readonly color: boolean;
  readonly view: TableView;
  /** Which columns are JSON, and what binary values mean. */
  readonly types: TypeRegistry;
  /** Expanded commits tell a recovery how to stop before them. */
  readonly recovery?: boolean;
}

const WIDTH_DEFAULT = 80;

/**
 * Messages as tables for a person: a box a transaction, a row a change. Nothing waits for a transaction's
 * end, so its memory does not depend on how large that is.
 */
export class TableRenderer implements Renderer {
  readonly #options: TableOptions;
  readonly #palette: Palette;
  readonly #box: BoxDrawer;
  readonly #relations = new Map<number, Relation>();
  readonly #fates = new Fates();
  /** Whose box is open. */
  #transaction: Transaction | null = null;
  #tally = new Tally();
  /** The last row's: in a stream block, perhaps a subtransaction's. */
  #xid = 0;
  #streaming = false;
  /** Of the box: a streamed transaction has several. */
  #counts = noCounts();
  #hiddenInBox = 0;
  /** The last transaction that there is more of than was shown; between its blocks too. */
  #counting: { readonly xid: number; readonly tally: Tally } | undefined;
  readonly #encoder = new TextEncoder();
  #bytes = new Uint8Array(4096);

  constructor(options: TableOptions) {
    this.#options = options;
    this.#palette = createPalette(options.color);
    this.#box = new BoxDrawer(this.#width(), this.#palette);
  }

  /** For a status line: what is being counted in place of being shown. Undefined: nothing. */
  get live(): string | undefined {
    const counting = this.#counting;
    return counting && say.collapsedText(counting.xid, counting.tally.hiddenTotal);
  }

  render(message: PgoutputMessage): void {
    this.#box.resize(this.#width());
    const palette = this.#palette;
    switch (message.kind) {
      case "insert":
      case "update":
      case "delete":
        return this.#change(message, () => this.#row(message));
      case "truncate":
        return this.#change(message, () =>
          this.#box.event(event.truncateEvent(message, this.#canvas())),
        );
      case "message":
        return this.#change(message, () =>
          this.#box.event(event.messageEvent(message, this.#canvas())),
        );
      case "unknown":
        return this.#event(message.transaction, event.unknownEvent(message, this.#canvas()));
      case "relation":
        return this.#relation(message.transaction, message.relation);
      case "type":
        return;
      case "begin":
        return this.#open(message.transaction, say.beginParts(message, palette));
      case "begin_prepare":
        return this.#open(message.transaction, say.beginPrepareParts(message, palette));
      case "stream_start":
        this.#open(message.transaction, say.streamStartParts(message, palette));
        this.#tally = this.#fates.tallyOf(message);
        this.#streaming = true;
        return;
      case "origin":
        return this.#box.addToTitle(say.originParts(message));
      case "commit":
        return this.#commit(message);
      case "abort":
        return this.#leave(say.abortParts(message.transaction, this.#counts, palette));
      case "table_changed":
        return this.#event(message.transaction, event.tableChangedEvent(message, this.#canvas()));
      case "prepare":
        this.#fates.prepared(message);
        return this.#leave(say.prepareParts(message, this.#counts, palette));
      case "stream_stop":
        return this.#leave(say.streamStopParts(message.transaction, this.#counts, palette));
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
  }

  /** No message will follow: closes what is open, and tells what was counted in vain. */
  finish(): void {
    this.#leave();
    for (const { xid, hidden } of this.#fates.pending()) {
      this.#box.lines(pendingStreamParts(xid, this.#palette));
      for (const row of hiddenEvents(hidden, this.#canvas())) this.#box.event(row);
    }
  }

  take(): Uint8Array {
    const text = this.#box.take();
    const bytesMax = text.length * 3;
    if (this.#bytes.length < bytesMax) this.#bytes = new Uint8Array(bytesMax * 2);
    return this.#bytes.subarray(0, this.#encoder.encodeInto(text, this.#bytes).written);
  }

  #commit({ transaction, commitLsn }: Commit): void {
    const { view, recovery } = this.#options;
    if (recovery === true && view.expanded && this.#box.isOpen) {
      this.#box.block(recoveryLines(commitLsn, this.#canvas()));
    }
    this.#leave(say.commitParts(transaction, this.#counts, this.#palette));
  }

  /** What a transaction's box counts: drawn, unless so many were that the rest is only counted. */
  #change(message: Change, draw: () => void): void {
    const { transaction } = message;
    this.#counts[message.kind] += 1;
    if (transaction === null) return draw();
    this.#enter(transaction);
    if (this.#tally.add(message, this.#options.view.collapseAfter)) {
      this.#divide(transaction);
      return draw();
    }
    this.#hiddenInBox += 1;
    this.#counting ??= { xid: this.#transaction?.xid ?? transaction.xid, tally: this.#tally };
  }

  #row(message: RowChange): void {
    const canvas = this.#canvas();
    if (canvas.view.expanded) this.#box.block(expandedRow(message, canvas));
    else this.#box.event(event.rowEvent(message, canvas));
  }

  #event(transaction: Transaction | null, row: event.Event): void {
    if (transaction !== null) {
      this.#enter(transaction);
      this.#divide(transaction);
    }
    this.#box.event(row);
  }

  /** The first announcement of a table is no news, nor is the same again: the server repeats itself. */
  #relation(transaction: Transaction | null, relation: Relation): void {
    const before = this.#relations.get(relation.oid);
    this.#relations.set(relation.oid, relation);
    const changes = before === undefined ? [] : describeAlteration(before, relation);
    if (changes.length === 0) return;
    this.#event(transaction, event.alterEvent(relation, changes, this.#canvas()));
  }

  /** The next row is one of `transaction`: in a stream block, perhaps of one of its subtransactions. */
  #enter(transaction: Transaction): void {
    const open = this.#transaction;
    if (open !== null && (transaction.xid === open.xid || this.#streaming)) return;
    this.#open(transaction, say.continuedParts(transaction, this.#palette));
  }

  #divide(transaction: Transaction): void {
    if (transaction.xid !== this.#xid && this.#transaction !== null) {
      this.#box.divide(say.subtransactionParts(transaction, this.#transaction.xid));
    }
    this.#xid = transaction.xid;
  }

  #open(transaction: Transaction | null, title: say.Parts): void {
    this.#leave();
    this.#transaction = transaction;
    this.#xid = transaction?.xid ?? 0;
    this.#box.announce(title);
  }

  /** A transaction whose changes were seen before meets its end, or comes near to it. */
  #fate(message: Fate): void {
    this.#leave();
    this.#counting = undefined;
    const { parts, hidden } = this.#fates.tell(message, this.#palette);
    this.#box.lines(parts);
    for (const row of hiddenEvents(hidden, this.#canvas())) this.#box.event(row);
  }

  /** Whatever box is open ends here: without a footer because its end was cut off or filtered out. */
  #leave(footer: say.Parts = []): void {
    if (this.#streaming) {
      // The rest is told with the transaction's fate: of its further blocks there is nothing to be seen.
      if (this.#hiddenInBox > 0 && this.#box.isOpen) {
        this.#box.event(postponedEvent(this.#hiddenInBox, this.#canvas()));
      }
    } else {
      for (const row of hiddenEvents(this.#tally.hidden(), this.#canvas())) this.#box.event(row);
      this.#counting = undefined;
    }
    this.#box.close(footer);
    this.#transaction = null;
    this.#tally = new Tally();
    this.#streaming = false;
    this.#counts = noCounts();
    this.#hiddenInBox = 0;
  }

  #canvas(): Canvas {
    const { view, types } = this.#options;
    return { layout: this.#box.layout, palette: this.#palette, view, types };
  }

  #width(): number {
    return this.#options.width() ?? WIDTH_DEFAULT;
  }
}
