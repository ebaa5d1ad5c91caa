import { type Boundary, boundaryOf } from "../../postgres/messages/boundary.ts";
import { isRowChange } from "../../postgres/messages/changes.ts";
import type {
  OtherMessage,
  PgoutputMessage,
  RowChange,
  WalPosition,
} from "../../postgres/messages/messages.ts";
import { INVALID_LSN, type Lsn, lsnOf, maxLsn } from "../../lsn.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import type { StreamNote } from "../../server/start/consumer.ts";
import type { TypeWatch } from "../../server/types/watch.ts";
import { type PgTime, unixMsFromPgTime } from "../../pg-time.ts";
import type { Sink } from "../../output/sink.ts";
import type { CaptureFile } from "./capture-file.ts";
import { Described } from "./described.ts";
import { acceptsAll } from "../filter/filter.ts";
import type { AskedTimes, TransactionGate } from "../gate/gate.ts";
import type { OutputJournal } from "./output-journal.ts";
import type { Renderer } from "../../render/renderer.ts";
import type { Warning } from "../../program/reporter.ts";
import { keepHeapSmall } from "../../program/small-heap.ts";

/** From here on what is remembered of relations is most of the memory. */
const RELATIONS_MANY = 200;

/** How many relations to warn of one by one: garbage may look like rows of any number of them. */
const UNANNOUNCED_MAX = 100;

export interface PipelineParts {
  readonly types: TypeRegistry;
  /** A message that is not accepted is not printed and counts as written. */
  readonly accepts: (message: PgoutputMessage) => boolean;
  readonly skipped?: () => void;
  /** Transactions that are left out as a whole. Undefined: none are. */
  readonly gate?: TransactionGate | undefined;
  /** Gets the commit times of all transactions that come. */
  readonly times?: AskedTimes | undefined;
  readonly renderer: Renderer;
  readonly sink: Sink;
  readonly warn: (warning: Warning) => void;
  /** Asks the server's catalogue. Undefined if there is no server. */
  readonly typeWatch?: TypeWatch | undefined;
  /** Gets everything received, before the filter. */
  readonly capture?: CaptureFile | undefined;
  /** Stores what is acknowledged, if the output is a file. */
  readonly journal?: OutputJournal | undefined;
}

/**
 * The common part of tail and decode-file: decoded messages go through the filter and the renderer, and the output of
 * one chunk is one write.
 */
export class Pipeline {
  readonly #parts: PipelineParts;
  readonly #unannounced = new Set<number>();
  readonly #unknown = new Set<number>();
  readonly frame: ((payload: Uint8Array) => void) | undefined;
  readonly note: ((note: StreamNote) => void) | undefined;
  /** Undefined if the server's own descriptions are printed. */
  readonly #described: Described | undefined;
  #rows = 0;
  #relations = 0;
  #lastRow: WalPosition | undefined;
  #lastCommitTime: PgTime | undefined;
  #transactionOpen = false;
  /** The end of the last transaction whose end was printed. */
  #printedEnd = INVALID_LSN;
  #rotation: (() => void) | undefined;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    const { capture, gate, journal, typeWatch, types } = parts;
    const leavesOut = gate !== undefined && (typeWatch !== undefined || gate.noEmpty);
    const describes = journal !== undefined || leavesOut;
    this.#described = describes ? new Described(types) : undefined;
    this.frame = capture === undefined ? undefined : (payload) => capture.frame(payload);
    this.note = capture === undefined ? undefined : (note) => capture.metadata(note);
  }

  /** Row changes that have come so far. */
  get rows(): number {
    return this.#rows;
  }

  /** Inside a transaction: the position of its last row, which may lie before commits that were printed. */
  get rowPosition(): Lsn | undefined {
    return this.#transactionOpen && this.#lastRow !== undefined ? lsnOf(this.#lastRow) : undefined;
  }

  /** Nothing but the renderer asks for the messages: it may print rows without them, which are then not counted. */
  get printsAll(): boolean {
    return this.#parts.accepts === acceptsAll && this.#parts.gate === undefined;
  }

  /** When the last transaction that was passed on committed. */
  get lastCommitUnixMs(): number | undefined {
    return this.#lastCommitTime === undefined ? undefined : unixMsFromPgTime(this.#lastCommitTime);
  }

  /** Calls `rotate` as soon as everything passed on consists of whole transactions and is written. */
  rotateBetweenTransactions(rotate: () => void): void {
    this.#rotation = rotate;
    this.#rotateIfDue();
  }

  /** Waits for the catalogue's answer about types if values of them follow. */
  prepare(message: OtherMessage): Promise<void> | undefined {
    return this.#parts.typeWatch?.prepare(message);
  }

  prepareStreamed(change: RowChange): Promise<void> | undefined {
    return this.#parts.typeWatch?.prepareStreamed(change.position);
  }

  idle(): void {
    this.#parts.typeWatch?.idle();
  }

  /** Handles a row. Returns whether it is printed. */
  change(change: RowChange): boolean {
    this.#rows++;
    this.#lastRow = change.position;
    if (!change.relation.announced) this.#warnUnannounced(change.relation.oid);
    return this.#print(change);
  }

  /** Like message(), but prints nothing. */
  announce(message: OtherMessage): void {
    if (message.kind === "type") {
      this.#parts.types.announce(message.oid, message.schema, message.name);
    }
  }

  message(message: PgoutputMessage): void {
    if (isRowChange(message)) return void this.change(message);
    const boundary = boundaryOf(message);
    if (boundary?.opens !== undefined) this.#transactionOpen = true;
    else if (boundary?.closes === true) this.#transactionOpen = false;
    if (boundary !== undefined) this.#parts.times?.note(boundary);
    switch (message.kind) {
      case "commit":
        this.#lastCommitTime = message.commitTime;
        break;
      case "type":
        this.announce(message);
        break;
      case "relation":
        this.#relations++;
        if (this.#relations === RELATIONS_MANY) keepHeapSmall();
        break;
      case "unknown":
        this.#warnUnknown(message.tag);
        break;
      default:
        break;
    }
    this.#print(message, boundary);
  }

  /** The next message does not follow the last one: damaged bytes were in between. */
  skipped(): void {
    this.#parts.renderer.skipped?.();
    this.#parts.gate?.skipped();
    this.#parts.skipped?.();
  }

  #print(message: PgoutputMessage, boundary?: Boundary): boolean {
    const { accepts, gate, renderer } = this.#parts;
    if (gate === undefined) {
      const accepted = accepts(message);
      if (accepted) this.#render(message);
      else renderer.leftOut?.(message);
      return accepted;
    }
    const printed = gate.admit(message, boundary, accepts);
    for (const each of printed) this.#render(each);
    if (printed.length === 0) renderer.leftOut?.(message);
    return printed.length > 0;
  }

  #render(message: PgoutputMessage): void {
    const { accepts, journal, renderer } = this.#parts;
    const missing = this.#described?.missing(message);
    if (missing !== undefined) for (const each of missing) if (accepts(each)) renderer.render(each);
    renderer.render(message);
    if (journal === undefined || isRowChange(message)) return;
    const boundary = boundaryOf(message);
    if (boundary === undefined) return;
    journal.boundary(boundary);
    this.#printedEnd = maxLsn(this.#printedEnd, boundary.end);
  }

  /** See StreamConsumer. A capture's writes keep what they write, and a journal counts on one write at a time. */
  get ahead(): number | undefined {
    const { capture, journal, renderer } = this.#parts;
    return capture === undefined && journal === undefined ? renderer.waiting : undefined;
  }

  /** Writes what was rendered since the last flush. Undefined if it is written; see `ahead` otherwise. */
  flush(goesOn = false): Promise<void> | undefined {
    const { capture, journal, renderer, sink } = this.#parts;
    const capturing = capture?.flush();
    const bytes = renderer.take();
    const writing = bytes.length === 0 ? undefined : sink.write(bytes);
    if (goesOn && writing !== undefined) renderer.keep?.();
    journal?.wrote(bytes.length);
    this.#rotateIfDue();
    return capturing === undefined ? writing : both(capturing, writing);
  }

  /**
   * Makes flushed output durable if it goes to a file. Returns the position up to `position` that may be acknowledged.
   */
  sync(position: Lsn): Promise<Lsn> | Lsn {
    const { sink, journal } = this.#parts;
    const syncing = sink.sync();
    if (journal === undefined)
      return syncing === undefined ? position : syncing.then(() => position);
    const end = this.#printedEnd;
    const { lowestBlock } = journal;
    const noteDown = (): Lsn => journal.acknowledge(position, end, lowestBlock);
    return syncing === undefined ? noteDown() : syncing.then(noteDown);
  }

  #rotateIfDue(): void {
    if (this.#transactionOpen || this.#rotation === undefined) return;
    this.#rotation();
    this.#rotation = undefined;
    this.#described?.clear();
  }

  #warnUnannounced(oid: number): void {
    if (this.#unannounced.has(oid) || this.#unannounced.size > UNANNOUNCED_MAX) return;
    this.#unannounced.add(oid);
    if (this.#unannounced.size > UNANNOUNCED_MAX) {
      this.#parts.warn({ message: "no Relation message for further relations either" });
      return;
    }
    this.#parts.warn({
      message: `no Relation message for the relation with OID ${oid}`,
      detail:
        "Its name, its columns and their types are not known: the capture starts after it was announced, or that is damaged.",
    });
  }

  #warnUnknown(tag: number): void {
    if (this.#unknown.has(tag)) return;
    this.#unknown.add(tag);
    this.#parts.warn({
      message: `message of the unknown type ${JSON.stringify(String.fromCharCode(tag))}`,
      detail: "The server may be newer than this walctl; the message is printed as it came.",
    });
  }
}

async function both(one: Promise<void>, other: Promise<void> | undefined): Promise<void> {
  await Promise.all([one, other]);
}
