/* Prints one JSON object a line, the contract with other programs (docs/ndjson.md). */

import { isUtf8 } from "node:buffer";
import type {
  Begin,
  Commit,
  LogicalMessage,
  PgoutputMessage,
  Relation,
  RowChange,
  RowPrinter,
  Transaction,
  WalPosition,
} from "../../postgres/messages/messages.ts";
import { keyStart, lineStart } from "./grammar.ts";
import type { PgTime } from "../../pg-time.ts";
import type { TupleData } from "../../postgres/messages/tuple.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { ByteWriter, type Piece, piece } from "../bytes/byte-writer.ts";
import { jsonString, writeString } from "../bytes/json-text.ts";
import {
  base64,
  lostKey,
  renderMessageHead,
  renderOther,
  renderSequence,
  timeKey,
  xidKey,
} from "./lines.ts";
import { type RelationPlan, planRelation } from "../values/relation-plan.ts";
import { RelationPlans } from "../values/relation-plans.ts";
import type { Renderer } from "../renderer.ts";
import type { RowKernel } from "./row-kernel.ts";
import { RowHeads } from "../values/row-heads.ts";
import { unchangedColumns, writeRow } from "../values/rows.ts";
import type { ValueOptions } from "../values/values.ts";

export interface NdjsonOptions extends ValueOptions {
  readonly types: TypeRegistry;
}

const HEADS = {
  insert: piece(lineStart("insert")),
  update: piece(lineStart("update")),
  delete: piece(lineStart("delete")),
};
const BEGIN = piece(lineStart("begin"));
const COMMIT = piece(lineStart("commit"));
const COMMIT_LSN = piece(keyStart("commit_lsn"));
const END_LSN = piece(keyStart("end_lsn"));
const NEW = piece(',"new":');
const OLD = piece(',"old":');
const KEY = piece(',"key":');
const NULL = piece("null");
const PARTIAL = piece(',"partial":true');
const ABORTED = piece(',"aborted":true');
const LINE_END = piece("}\n");
/** Heads are worth their time for some ten rows. */
const WORTH_BYTES = 512;
/** So many messages of a transaction are left to JavaScript, more where the last ones were short. */
const FIRST_MESSAGES = 4;
const FIRST_MESSAGES_MAX = 64;
const NO_COLUMNS: readonly number[] = [];

/**
 * Prints one JSON object a line. It copies the bytes of row changes from the message to the output, and prepares
 * constant parts once: per relation, per transaction. Begin and commit lines are written the same way; the other kinds
 * are rare and are built as strings.
 */
export class NdjsonRenderer implements Renderer {
  #out = new ByteWriter();
  readonly #heads = new RowHeads();
  readonly #options: NdjsonOptions;
  readonly #plans: RelationPlans<RelationPlan>;
  #relation: Relation | undefined;
  #plan: RelationPlan | undefined;
  #transaction: Transaction | null = null;
  readonly #xid = piece(xidKey(null));
  #time: PgTime | null = null;
  #kernel: RowKernel | undefined;
  readonly #commitTime = piece(timeKey(null));

  constructor(options: NdjsonOptions) {
    this.#options = options;
    this.#plans = new RelationPlans((relation) => planRelation(relation, options.types, options));
  }

  take(): Uint8Array {
    this.#heads.forget();
    return this.#out.take();
  }

  keep(): void {
    this.#out.keep();
  }

  get waiting(): number {
    return this.#out.offset;
  }

  /** Prints rows by `kernel` too, from now on. All output was taken before. */
  rowsBy(kernel: RowKernel): RowPrinter {
    kernel.forget();
    this.#heads.forget();
    this.#out = kernel.writer();
    this.#kernel = kernel;
    let current: Transaction | "none yet" | null = "none yet";
    let first = FIRST_MESSAGES;
    let left = 0;
    /** Whose heads the kernel has. */
    let known: Transaction | "none yet" | null = "none yet";
    return {
      attach: (bytes) => kernel.attach(bytes),
      print: (start, separated, transaction) => {
        if (transaction !== current) {
          current = transaction;
          left = first;
        }
        if (left > 0) left--;
        if (left > 0 || !kernel.ready) return start;
        const isNew = transaction !== known;
        if (isNew) {
          known = transaction;
          kernel.heads((out, kind) => {
            out.piece(HEADS[kind]);
            out.piece(NULL);
            out.piece(this.#xidKey(transaction));
            out.piece(this.#timeKey(transaction?.commitTime ?? null));
          });
        }
        const end = kernel.print(this.#out, start, separated);
        if (isNew) {
          const isWorth = end - start >= WORTH_BYTES;
          first = isWorth ? FIRST_MESSAGES : Math.min(first * 2, FIRST_MESSAGES_MAX);
        }
        return end;
      },
      get last() {
        return kernel.last;
      },
    };
  }

  skipped(): void {
    this.#plans.clear();
    this.#kernel?.forget();
    this.#relation = undefined;
    this.#heads.forget();
  }

  render(message: PgoutputMessage): void {
    switch (message.kind) {
      case "insert":
      case "update":
      case "delete":
        this.#change(message);
        break;
      case "begin":
        this.#begin(message);
        break;
      case "commit":
        this.#commit(message);
        break;
      case "message":
        this.#message(message);
        break;
      case "sequence":
        this.#out.text(renderSequence(message, this.#options.safeNumbers));
        break;
      default:
        // A Relation or a Type, or what may come before one.
        this.#kernel?.forget();
        this.#out.text(renderOther(message, this.#options.types));
    }
    this.#out.piece(LINE_END);
  }

  /** Begin and commit lines can be as frequent as rows. */
  #begin({ position, transaction, finalLsn, commitTime, partial, aborted }: Begin): void {
    const out = this.#out;
    out.piece(BEGIN);
    this.#position(position);
    out.piece(this.#xidKey(transaction));
    out.piece(COMMIT_LSN);
    if (aborted === true) out.piece(NULL);
    else out.lsn(finalLsn);
    out.piece(this.#timeKey(aborted === true ? null : commitTime));
    if (partial === true) out.piece(PARTIAL);
    if (aborted === true) out.piece(ABORTED);
  }

  #commit({ position, transaction, commitLsn, endLsn, commitTime, lost }: Commit): void {
    const out = this.#out;
    out.piece(COMMIT);
    this.#position(position);
    out.piece(this.#xidKey(transaction));
    out.piece(COMMIT_LSN);
    out.lsn(commitLsn);
    out.piece(END_LSN);
    out.lsn(endLsn);
    out.piece(this.#timeKey(commitTime));
    if (lost !== undefined) out.text(lostKey(lost));
  }

  #change(message: RowChange): void {
    const plan = this.#planOf(message.relation);
    this.#kernel?.learn(message.relation, plan);
    if (!this.#heads.repeat(this.#out, message)) this.#head(message, plan);
    let unchanged = NO_COLUMNS;
    if (message.key !== null) unchanged = this.#row(KEY, message.key, plan, true);
    if (message.old !== null) unchanged = this.#row(OLD, message.old, plan, false);
    if (message.new !== null) {
      const inNew = this.#row(NEW, message.new, plan, false);
      if (inNew.length > 0) unchanged = [...new Set([...unchanged, ...inNew])];
    }
    if (unchanged.length > 0) this.#unchanged(unchanged, message.relation);
  }

  #head(message: RowChange, plan: RelationPlan): void {
    const out = this.#out;
    const start = out.offset;
    out.piece(HEADS[message.kind]);
    this.#position(message.position);
    const quoteAt = out.offset - 1;
    out.piece(this.#xidKey(message.transaction));
    out.piece(this.#timeKey(message.transaction?.commitTime ?? null));
    out.piece(plan.head);
    this.#heads.remember(out, message, start, quoteAt);
  }

  /** Returns the columns whose values the server did not send. */
  #row(key: Piece, tuple: TupleData, plan: RelationPlan, keyOnly: boolean): readonly number[] {
    this.#out.piece(key);
    const complete = writeRow(this.#out, tuple, plan, keyOnly);
    return complete ? NO_COLUMNS : unchangedColumns(tuple);
  }

  #unchanged(columns: readonly number[], relation: Relation): void {
    const names = columns
      .toSorted((a, b) => a - b)
      .map((column) => jsonString(relation.columns[column]?.name ?? ""));
    this.#out.text(`,"unchanged":[${names.join(",")}]`);
  }

  #message(message: LogicalMessage): void {
    const { content } = message;
    this.#out.text(renderMessageHead(message));
    if (isUtf8(content)) {
      this.#out.text(',"content":');
      const view = new DataView(content.buffer, content.byteOffset, content.length);
      writeString(this.#out, content, view, 0, content.length);
    } else {
      this.#out.text(`,"content_base64":"${base64(content)}"`);
    }
  }

  #position({ high, low }: WalPosition): void {
    if (high === 0 && low === 0) this.#out.piece(NULL);
    else this.#out.position(high, low);
  }

  #xidKey(transaction: Transaction | null): Piece {
    if (transaction !== this.#transaction) {
      this.#transaction = transaction;
      this.#xid.rewriteAscii(xidKey(transaction));
    }
    return this.#xid;
  }

  #timeKey(time: PgTime | null): Piece {
    if (time !== this.#time) {
      this.#time = time;
      this.#commitTime.rewriteAscii(timeKey(time));
    }
    return this.#commitTime;
  }

  #planOf(relation: Relation): RelationPlan {
    if (relation !== this.#relation || this.#plan === undefined) {
      this.#relation = relation;
      this.#plan = this.#plans.of(relation);
    }
    return this.#plan;
  }
}
