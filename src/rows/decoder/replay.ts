import type { StoredTuple } from "../../postgres/tuples/tuple.ts";
import type { ExternalValue } from "../../postgres/tuples/varlena.ts";
import type { Lsn } from "../../lsn.ts";
import type { RowChange, Transaction, WalPosition } from "../../postgres/messages/messages.ts";
import type { TupleData } from "../../postgres/messages/tuple.ts";
import type { Owner } from "../catalog/history.ts";
import type { TableChange } from "../catalog/table-version.ts";
import type { EndedTransaction, ReplayParts } from "./replay-parts.ts";
import { Announcements } from "../messages/announcements.ts";
import { readTruncate } from "../../postgres/records/heap.ts";
import { unlessShort } from "../../postgres/records/payload.ts";
import { readSequenceState } from "../../postgres/records/files.ts";
import { messageContent, readMessage } from "../../postgres/records/status.ts";
import { RowWriter } from "../messages/row-writer.ts";
import { type TablePlan, TablePlans, nameOnly } from "../messages/table-plans.ts";
import { TransactionChunks, chunkOf } from "../toast/chunks.ts";
import { Change, ChangeBit, ChangeKind, OldRow } from "../transactions/change-log.ts";
import { NOBODY } from "./tracking.ts";

const NO_POSITION: WalPosition = { high: 0, low: 0 };
/** The number of changes between two chances to write. */
const PAUSE_AFTER = 256;
/** So many bytes of values that were stored out of line are a chance to write too. */
const PAUSE_AFTER_BYTES = 1024 * 1024;

/** Turns a transaction's changes into the messages that a walsender would have sent. */
export class Replay {
  readonly #parts: ReplayParts;
  readonly #plans: TablePlans;
  readonly #announcements: Announcements;
  readonly #newRows: RowWriter;
  readonly #oldRows: RowWriter;
  readonly #chunks = new TransactionChunks();
  #ended!: EndedTransaction;
  #transaction!: Transaction;
  #begun = false;
  #full = false;
  /** Since the last chance to write. */
  #valueBytes = 0;

  constructor(parts: ReplayParts) {
    this.#parts = parts;
    this.#plans = new TablePlans(parts.catalog, parts.asked.tables);
    this.#newRows = new RowWriter();
    this.#oldRows = new RowWriter();
    this.#announcements = new Announcements(parts.catalog, parts.registry, parts.send);
  }

  /** Yields whenever the messages so far may be written. */
  *run(ended: EndedTransaction, changes: Iterable<Change>): Generator<void, void, void> {
    this.#ended = ended;
    const commitTime = ended.aborted ? null : ended.time;
    this.#transaction = { xid: ended.xid, commitTime };
    this.#begun = false;
    this.#chunks.clear();
    this.#parts.losses.begin();
    const tables = this.#parts.tablesChanged ? this.#tableChanges(ended.owner) : [];
    /** A speculative insert until it is confirmed or aborted. */
    let held: Change | undefined;
    let count = 0;
    for (const change of changes) {
      while (tables[0] !== undefined && tables[0].lsn < change.position) {
        this.#tableChanged(tables.shift()!);
      }
      if (change.kind === ChangeKind.confirm) {
        // Behind a gap it may be of another one.
        if (held?.place === change.place && held.relfilenode === change.relfilenode) {
          this.#apply(held);
        }
        held = undefined;
      } else if (!change.has(ChangeBit.speculative)) this.#apply(change);
      else if (change.kind === ChangeKind.insert) held = Object.assign(new Change(), change);
      else {
        held = undefined;
        this.#chunks.clear();
      }
      if (++count % PAUSE_AFTER !== 0 && this.#valueBytes < PAUSE_AFTER_BYTES) continue;
      this.#valueBytes = 0;
      yield;
    }
    for (const table of tables) this.#tableChanged(table);
    this.#chunks.clear();
    const { currentCount, currentFirst } = this.#parts.losses;
    if (currentCount > 0) this.#begin(positionOf(currentFirst));
    if (this.#begun) this.#finish();
  }

  /** Only keeps the values that later transactions' old rows may have. */
  keepValues({ owner }: EndedTransaction, changes: Iterable<Change>): void {
    const { catalog, kept } = this.#parts;
    for (const { kind, newRow, tablespace, relfilenode, position } of changes) {
      if (kind !== ChangeKind.insert || newRow === undefined) continue;
      const table = catalog.relationAt(tablespace, relfilenode, position, owner);
      if (table?.relkind !== "t") continue;
      const chunk = chunkOf(newRow);
      if (chunk !== undefined) kept.add(table.oid, chunk);
    }
  }

  /** Sends a change outside of transactions at once. */
  outside(change: Change): void {
    if (change.kind === ChangeKind.sequence) return this.#sequence(change, undefined);
    const message = messageOf(change);
    if (message === undefined) return;
    const position = positionOf(change.end);
    const messageLsn = lsnOf(change.end);
    this.#parts.send({
      kind: "message",
      position,
      transaction: null,
      transactional: false,
      messageLsn,
      ...message,
    });
  }

  #tableChanges(owner: Owner): TableChange[] {
    const { catalog, losses } = this.#parts;
    const { told, untold } = catalog.tableChanges(owner);
    for (const lsn of untold) losses.tableChange(lsn);
    return [...told];
  }

  #apply(change: Change): void {
    if (change.kind === ChangeKind.message) return this.#message(change);
    if (change.kind === ChangeKind.truncate) return this.#truncate(change);
    if (change.kind === ChangeKind.sequence) return this.#sequence(change, this.#ended.owner);
    // Such are the rows of a rewrite.
    if (this.#ended.logged && change.kind !== ChangeKind.delete && !change.has(ChangeBit.logical))
      return;
    const { catalog, fullOld, kept, losses } = this.#parts;
    const { tablespace, relfilenode, position, newRow } = change;
    const table = catalog.relationAt(tablespace, relfilenode, position, this.#ended.owner);
    if (table === undefined) {
      if (!catalog.isOfSystem(tablespace, relfilenode)) losses.file(change, position);
      return;
    }
    if (table.relkind === "t") {
      const chunk =
        change.kind === ChangeKind.insert && newRow !== undefined ? chunkOf(newRow) : undefined;
      if (chunk === undefined) return;
      // Logical decoding leaves out what a table's rewrite copies (ReorderBufferProcessTXN).
      if (table.relrewrite === 0) this.#chunks.add(chunk);
      if (fullOld(false)) kept.add(table.oid, chunk);
      return;
    }
    const plan = this.#plans.of(table);
    this.#full = fullOld(this.#isLogged(change, plan));
    if (plan.sent) this.#row(change, plan);
    if (plan.logged && change.has(ChangeBit.clearsToast)) this.#chunks.clear();
  }

  /** Whether it is logged for decoding. A delete does not say so itself where the table has no replica identity. */
  #isLogged(change: Change, { relation }: TablePlan): boolean {
    if (change.has(ChangeBit.logical) || this.#ended.logged) return true;
    return change.has(ChangeBit.whileDecoded) && !relation.keyed;
  }

  #row(change: Change, plan: TablePlan): void {
    const { asked, losses, send } = this.#parts;
    const { newRow, oldFrom, position: at } = change;
    const hasOld = oldFrom !== OldRow.page || this.#full;
    const oldRow = hasOld ? change.oldRow : undefined;
    const kind = kindOf(change);
    const position = positionOf(at);
    if (!plan.asked || !asked.kinds(kind)) {
      // Only that there was a change of the table.
      this.#begin(position);
      return void this.#announcements.relation(plan, this.#transaction);
    }
    const [newRows, oldRows] = [this.#newRows, this.#oldRows];
    const after = newRow === undefined ? undefined : newRows.write(newRow, plan, this.#resolve);
    if (kind !== "delete" && after === undefined) {
      return losses.row(plan.relation, at, whyLost(newRow, newRows));
    }
    let lacksValue = after !== undefined && newRows.hasUnresolved;
    // The server sends no value that stays as it is.
    if (kind === "update" && !this.#full) lacksValue = false;
    let before: TupleData | undefined;
    if (kind !== "insert") {
      if (oldRow !== undefined) before = oldRows.write(oldRow, plan, this.#resolve);
      lacksValue ||= before !== undefined && oldRows.hasUnresolved;
      const lost =
        (oldRow !== undefined && before === undefined) ||
        (this.#full && change.has(ChangeBit.oldMissing));
      // If the key does not fit the table, the new row may not either.
      if (lost && (kind === "delete" || oldFrom === OldRow.key || oldFrom === OldRow.whole)) {
        return losses.row(plan.relation, at, whyLost(oldRow, oldRows));
      }
      if (lost) losses.oldRow(plan.relation, at);
      if (kind === "delete" && before === undefined) {
        return losses.deleteWithoutIdentity(plan.relation, at);
      }
    }
    // A statement leaves alone what stays as it is.
    const stays =
      this.#parts.asked.statements &&
      before !== undefined &&
      isSame(newRows.unresolved, oldRows.unresolved);
    if (lacksValue && !stays) losses.value(plan.relation, at);
    const asKey = oldFrom === OldRow.key;
    const key = asKey ? (before ?? null) : null;
    const old = asKey ? null : (before ?? null);
    this.#begin(position);
    const relation = this.#announcements.relation(plan, this.#transaction);
    const head = { position, transaction: this.#transaction, relation };
    if (kind === "delete") send({ kind, ...head, key, old, new: null });
    else if (after === undefined) return;
    else if (kind === "insert") send({ kind, ...head, key: null, old: null, new: after });
    else send({ kind, ...head, key, old, new: after });
  }

  readonly #resolve = (value: ExternalValue): Uint8Array | undefined => {
    const { kept } = this.#parts;
    const payload = this.#chunks.payload(value) ?? (this.#full ? kept.payload(value) : undefined);
    this.#valueBytes += payload?.length ?? 0;
    return payload;
  };

  #truncate(change: Change): void {
    const truncate = unlessShort(() => readTruncate(change.payload));
    if (truncate === undefined) return;
    const plans: TablePlan[] = [];
    const { catalog, losses } = this.#parts;
    for (const oid of truncate.relids) {
      const table = catalog.relationByOid(oid, change.position, this.#ended.owner);
      if (table === undefined) return losses.tableChange(change.position);
      const plan = this.#plans.of(table);
      if (plan.sent) plans.push(plan);
    }
    if (plans.length === 0) return;
    const position = positionOf(change.position);
    this.#begin(position);
    const relations = plans.map((plan) => {
      return this.#announcements.relation(plan, this.#transaction);
    });
    const { cascade, restart_identity: restartIdentity } = truncate;
    this.#parts.send({
      kind: "truncate",
      position,
      transaction: this.#transaction,
      relations,
      cascade,
      restartIdentity,
    });
  }

  #message(change: Change): void {
    const message = this.#parts.messages ? messageOf(change) : undefined;
    if (message === undefined) return;
    const position = positionOf(change.end);
    this.#begin(position);
    this.#parts.send({
      kind: "message",
      position,
      transaction: this.#transaction,
      transactional: true,
      messageLsn: lsnOf(change.end),
      ...message,
    });
  }

  /** @param owner undefined: outside of transactions */
  #sequence(change: Change, owner: Owner | undefined): void {
    const { catalog, losses, send } = this.#parts;
    const { tablespace, relfilenode, position: at, payload } = change;
    const table = catalog.relationAt(tablespace, relfilenode, at, owner ?? NOBODY);
    if (table === undefined) return losses.file(change, at);
    const state = unlessShort(() => readSequenceState(payload));
    if (state === undefined || table.relkind !== "S") return;
    const position = positionOf(at);
    if (owner !== undefined) this.#begin(position);
    const transaction = owner === undefined ? null : this.#transaction;
    const relation = nameOnly(table.oid, table.schema, table.name);
    send({ kind: "sequence", position, transaction, relation, ...state });
  }

  #tableChanged({
    action,
    lsn,
    oid,
    schema,
    name,
    relfilenode,
    oldRelfilenode,
  }: TableChange): void {
    const position = positionOf(lsn);
    this.#begin(position);
    this.#parts.send({
      kind: "table_changed",
      position,
      transaction: this.#transaction,
      action,
      relation: nameOnly(oid, schema, name),
      relfilenode,
      oldRelfilenode,
    });
  }

  /** Sends the begin with the first message: a transaction without messages has none. */
  #begin(first: WalPosition): void {
    if (this.#begun) return;
    this.#begun = true;
    const { aborted, originId, originLsn, partial, start, time } = this.#ended;
    const transaction = this.#transaction;
    const { catalog, send } = this.#parts;
    send({
      kind: "begin",
      position: originId === 0 ? first : NO_POSITION,
      transaction,
      finalLsn: lsnOf(aborted ? 0 : start),
      commitTime: time,
      ...(partial ? { partial } : {}),
      ...(aborted ? { aborted } : {}),
    });
    const name = originId === 0 ? undefined : catalog.originName(originId);
    if (name !== undefined) {
      send({ kind: "origin", position: first, transaction, originLsn, name });
    }
  }

  #finish(): void {
    const { aborted, start, end, time } = this.#ended;
    const transaction = this.#transaction;
    const position = positionOf(end);
    const { currentCount } = this.#parts.losses;
    const lost = currentCount > 0 ? { lost: currentCount } : {};
    if (aborted) {
      const abort = { abortLsn: lsnOf(start), abortTime: time, ...lost };
      return this.#parts.send({ kind: "abort", position, transaction, ...abort });
    }
    const commit = { commitLsn: lsnOf(start), endLsn: lsnOf(end), commitTime: time, ...lost };
    this.#parts.send({ kind: "commit", position, transaction, ...commit });
  }
}

function whyLost(
  row: StoredTuple | undefined,
  { lacksValue }: RowWriter,
): "rows" | "unfit" | "lacking" {
  if (row === undefined) return "rows";
  return lacksValue ? "lacking" : "unfit";
}

function kindOf({ kind }: Change): RowChange["kind"] {
  if (kind === ChangeKind.insert) return "insert";
  return kind === ChangeKind.delete ? "delete" : "update";
}

function positionOf(position: number): WalPosition {
  return { high: Math.floor(position / 2 ** 32), low: position >>> 0 };
}

/** Undefined if not all of the message was kept. */
function messageOf({ payload }: Change): { prefix: string; content: Uint8Array } | undefined {
  return unlessShort(() => {
    return { prefix: readMessage(payload).prefix, content: messageContent(payload) };
  });
}

function lsnOf(position: number): Lsn {
  return BigInt(position) as Lsn;
}

function isSame(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((each, index) => each === others[index]);
}
