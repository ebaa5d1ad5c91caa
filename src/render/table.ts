import { assertNever } from "../assert.ts";
import type {
  LogicalMessage,
  PgoutputMessage,
  Relation,
  RowChange,
  Transaction,
  Truncate,
} from "../pgoutput/messages.ts";
import { createPalette, type Palette } from "./painted.ts";
import type { Renderer } from "./renderer.ts";
import { describeAlteration } from "./table-alter.ts";
import { BoxDrawer } from "./table-box.ts";
import {
  alterEvent,
  type Canvas,
  type Event,
  messageEvent,
  rowEvent,
  truncateEvent,
  unknownEvent,
} from "./table-event.ts";
import * as say from "./table-transaction.ts";

export interface TableOptions {
  /** The terminal's columns; asked anew for each message, so that rows follow a resize. Undefined: no terminal. */
  readonly width: () => number | undefined;
  readonly color: boolean;
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
  /** Whose box is open. */
  #transaction: Transaction | null = null;
  /** The last row's: in a stream block, perhaps a subtransaction's. */
  #xid = 0;
  #streaming = false;
  #counts = { ...say.NO_COUNTS };
  readonly #encoder = new TextEncoder();
  #bytes = new Uint8Array(4096);

  constructor(options: TableOptions) {
    this.#options = options;
    this.#palette = createPalette(options.color);
    this.#box = new BoxDrawer(this.#width(), this.#palette);
  }

  render(message: PgoutputMessage): void {
    this.#box.resize(this.#width());
    const palette = this.#palette;
    switch (message.kind) {
      case "insert":
      case "update":
      case "delete":
        return this.#row(message, rowEvent(message, this.#canvas()));
      case "truncate":
        return this.#row(message, truncateEvent(message, this.#canvas()));
      case "message":
        return this.#row(message, messageEvent(message, this.#canvas()));
      case "unknown":
        return this.#event(message.transaction, unknownEvent(message, this.#canvas()));
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
        this.#streaming = true;
        return;
      case "origin":
        return this.#box.addToTitle(say.originParts(message));
      case "commit":
        return this.#close(say.commitParts(message.transaction, this.#counts, palette));
      case "prepare":
        return this.#close(say.prepareParts(message, this.#counts, palette));
      case "stream_stop":
        return this.#close(say.streamStopParts(message.transaction, this.#counts, palette));
      case "stream_commit":
        return this.#fate(say.streamCommitParts(message, palette));
      case "stream_abort":
        return this.#fate(say.streamAbortParts(message, palette));
      case "stream_prepare":
        return this.#fate(say.streamPrepareParts(message, palette));
      case "commit_prepared":
        return this.#fate(say.commitPreparedParts(message, palette));
      case "rollback_prepared":
        return this.#fate(say.rollbackPreparedParts(message, palette));
      default:
        return assertNever(message);
    }
  }

  take(): Uint8Array {
    const text = this.#box.take();
    const bytesMax = text.length * 3;
    if (this.#bytes.length < bytesMax) this.#bytes = new Uint8Array(bytesMax * 2);
    return this.#bytes.subarray(0, this.#encoder.encodeInto(text, this.#bytes).written);
  }

  /** A change or a message: what a transaction's box counts. */
  #row(message: RowChange | Truncate | LogicalMessage, event: Event): void {
    this.#event(message.transaction, event);
    this.#counts[message.kind] += 1;
  }

  #event(transaction: Transaction | null, event: Event): void {
    if (transaction !== null) this.#enter(transaction);
    this.#box.event(event);
  }

  /** The first announcement of a table is no news, nor is the same again: the server repeats itself. */
  #relation(transaction: Transaction | null, relation: Relation): void {
    const before = this.#relations.get(relation.oid);
    this.#relations.set(relation.oid, relation);
    const changes = before === undefined ? [] : describeAlteration(before, relation);
    if (changes.length > 0) this.#event(transaction, alterEvent(relation, changes, this.#canvas()));
  }

  /** The next row is one of `transaction`: in a stream block, perhaps of one of its subtransactions. */
  #enter(transaction: Transaction): void {
    if (
      this.#transaction === null ||
      (transaction.xid !== this.#transaction.xid && !this.#streaming)
    ) {
      this.#open(transaction, say.continuedParts(transaction, this.#palette));
    } else if (transaction.xid !== this.#xid) {
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

  #close(footer: say.Parts): void {
    this.#box.close(footer);
    this.#leave();
  }

  /** A transaction whose changes were seen before meets its end. */
  #fate(parts: say.Parts): void {
    this.#leave();
    this.#box.lines(parts);
  }

  /** Whatever box is open ends here, if only because its end was cut off or filtered out. */
  #leave(): void {
    this.#box.close([]);
    this.#transaction = null;
    this.#streaming = false;
    this.#counts = { ...say.NO_COUNTS };
  }

  #canvas(): Canvas {
    return { layout: this.#box.layout, palette: this.#palette };
  }

  #width(): number {
    return this.#options.width() ?? WIDTH_DEFAULT;
  }
}
